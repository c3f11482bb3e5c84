"""Workloads that compete, placed together: the question as numbers, the best answer, and when it is taken."""
