"""The engine against the real kube-scheduler: random clusters, random gangs, and who is right.

    python -m tests.integration.differential --rounds 5000 --seed 1

What `plan()` calls Fit, kube-scheduler must bind; what it turns down, kube-scheduler must not be able to bind whole
in any one pool that the rules allow. See docs/feasibility.md.
"""
