"""May this workload go to this pool? Hard rules as named functions, each with a reason in words."""
