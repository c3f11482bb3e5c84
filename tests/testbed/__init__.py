"""The test bed: a real Kubernetes control plane of plain processes, with GPU nodes that kwok plays.

    python -m tests.testbed up        start one that stays until `down`
    python -m tests.testbed nodes     add GPU nodes from a pool description

In tests, ask for the fixtures of `plugin.py`; in a program, use `Cluster.start` as a context manager.
"""
