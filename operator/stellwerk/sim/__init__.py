"""The simulator: the operator's `plan()` in simulated time, without a clock and without I/O."""
