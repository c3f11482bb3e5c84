"""The loops: caches to snapshot, snapshot to plan, plan to writes, and what keeps them running."""
