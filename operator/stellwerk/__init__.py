"""Stellwerk places AI workloads on Kubernetes and explains every decision in money."""
