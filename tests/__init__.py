"""Tests, the test bed they run on, the demo and the benchmarks."""
