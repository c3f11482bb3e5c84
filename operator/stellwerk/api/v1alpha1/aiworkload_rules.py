"""Rules over several fields of an AIWorkload's spec."""

from __future__ import annotations

from typing import Final

from stellwerk.api.base import Rule
from stellwerk.api.moment import exists_rule

_NEED_TEMPLATE: Final = "needs a template: a Job that exists keeps its own"

SPEC_RULES: Final[tuple[Rule, ...]] = (
    Rule(
        name="one-way-in",
        cel="has(self.template) != has(self.workloadRef)",
        message="exactly one of template and workloadRef must be set: template to have a Job"
        " created, workloadRef for a Job that exists",
        holds=lambda s: (s.template is None) != (s.workload_ref is None),
    ),
    Rule(
        name="min-replicas-within-replicas",
        cel="!has(self.minReplicas) || self.minReplicas <= self.replicas",
        message="minReplicas must not be above replicas",
        holds=lambda s: s.min_replicas is None or s.min_replicas <= s.replicas,
        field="minReplicas",
    ),
    Rule(
        name="min-replicas-within-alternatives",
        cel="!has(self.minReplicas) || !has(self.accelerators) ||"
        " self.accelerators.all(a, !has(a.replicas) || self.minReplicas <= a.replicas)",
        message="minReplicas must not be above the replicas of any of accelerators",
        holds=lambda s: (
            s.min_replicas is None or all(a.replicas is None or s.min_replicas <= a.replicas for a in s.accelerators)
        ),
        field="minReplicas",
    ),
    Rule(
        name="min-replicas-of-a-template",
        cel="!has(self.minReplicas) || has(self.template)",
        message=f"minReplicas {_NEED_TEMPLATE} size",
        holds=lambda s: s.min_replicas is None or s.template is not None,
        field="minReplicas",
    ),
    Rule(
        name="pod-sets-of-a-template",
        cel="!has(self.podSets) || self.podSets.size() == 0 || has(self.template)",
        message=f"podSets {_NEED_TEMPLATE} pods",
        holds=lambda s: not s.pod_sets or s.template is not None,
        field="podSets",
    ),
    Rule(
        name="shares-and-sizes-of-a-template",
        cel="!has(self.accelerators) || has(self.template) ||"
        " self.accelerators.all(a, !has(a.share) && !has(a.replicas))",
        message=f"accelerators with share or replicas {_NEED_TEMPLATE} pods and size",
        holds=lambda s: s.template is not None or all(a.share is None and a.replicas is None for a in s.accelerators),
        field="accelerators",
    ),
    exists_rule("deadline", "deadline"),
)
