"""Faults between the operator and a real API server."""
