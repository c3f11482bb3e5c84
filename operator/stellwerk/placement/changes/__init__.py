"""What would admit a workload that waits: changes of its demands or of its surroundings, tried by the engine itself."""
