"""What a node of a pool costs per hour: who says so, whether it can be right, and in which currency."""
