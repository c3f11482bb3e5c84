"""From decisions to what must be written: pure, level-triggered, idempotent."""
