"""Every place that a workload could take, judged and priced; decisions as they are recorded."""
