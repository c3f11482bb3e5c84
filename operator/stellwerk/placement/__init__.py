"""Where a workload goes: ordering, filters, packing and the plan. Pure and deterministic."""
