"""Free room of nodes as numbers, what it is worth, and gangs packed into it. Knows nodes and no workloads."""
