"""`make demo`: the plan over files first, then the same on a real control plane."""
