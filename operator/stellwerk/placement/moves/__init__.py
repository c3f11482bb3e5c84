"""What runs, looked at again: who gives way, who grows, and who is better off elsewhere."""
