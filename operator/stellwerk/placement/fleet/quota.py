"""What namespaces allow: limits of single pods, and what is left of quotas as gangs are placed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec

from stellwerk.api.reasons import Reason
from stellwerk.model.admission import said, violations
from stellwerk.model.decision import Rejection
from stellwerk.model.namespaces import NamespaceRules, Quota, usage_of
from stellwerk.model.podask import PodAsk
from stellwerk.model.resources import UNBOUNDED
from stellwerk.model.workload import Workload

_DEMANDED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""What each container must state where a quota limits it."""


class Short(msgspec.Struct, frozen=True):
    """What a quota has too little of."""

    quota: Quota
    name: str
    per_pod: int
    left: int
    hard: int


class Allowance:
    """The rules of all namespaces in one cycle; quotas shrink as gangs are placed."""

    def __init__(self, namespaces: Mapping[str, NamespaceRules]) -> None:
        """Start from what is used already."""
        self._namespaces = namespaces
        self._taken: dict[str, Counter[tuple[str, str]]] = {}

    def concern(self, workload: Workload) -> tuple[str, tuple[PodAsk, ...]] | None:
        """Return what tells two workloads of one shape apart because of their namespaces; None for nothing."""
        rules = self._namespaces.get(workload.key.namespace)
        if rules is None or not (rules.quotas or rules.limits):
            return None
        facts = (workload.facts, *(one.facts for one in workload.others))
        return workload.key.namespace, tuple(one.ask for one in facts if one is not None)

    def violated(self, namespace: str, ask: PodAsk | None) -> Rejection | None:
        """Say what the API server would refuse each of these pods for, whatever else there is."""
        rules = self._namespaces.get(namespace)
        if rules is None or ask is None:
            return None
        broken = next(violations(ask, rules.limits), None) if rules.limits or ask.pod else None
        if broken is not None:
            return Rejection(
                Reason.LIMIT_RANGE_VIOLATED,
                broken,
                f"change the pods' requests and limits, or the LimitRange of namespace {namespace}",
            )
        for quota in rules.quotas:
            for name in _DEMANDED:
                if quota.covers(ask) and name in dict(quota.hard) and not _states(ask, name):
                    return Rejection(
                        Reason.QUOTA_EXCEEDED,
                        f"quota {quota.name} of namespace {namespace} wants each container to state {name}",
                        f"state {name} for each container",
                    )
        return None

    def room(self, namespace: str, ask: PodAsk | None) -> tuple[int, Short | None]:
        """Return how many such pods the quotas allow now, at most `UNBOUNDED`, and what is too little for more."""
        rules = self._namespaces.get(namespace)
        most, short = UNBOUNDED, None
        if rules is None or ask is None or not rules.quotas:
            return most, short
        usage, taken = usage_of(ask), self._taken.get(namespace, Counter())
        for quota in rules.quotas:
            used = dict(quota.used)
            for name, hard in quota.hard if quota.covers(ask) else ():
                left = hard - used.get(name, 0) - taken[quota.name, name]
                if usage.get(name, 0) and max(0, left) // usage[name] < most:
                    most = max(0, left) // usage[name]
                    short = Short(quota, name, usage[name], max(0, left), hard)
        return most, short

    def take(self, namespace: str, ask: PodAsk | None, pods: int) -> None:
        """Count the pods of a gang that was just placed."""
        rules = self._namespaces.get(namespace)
        if rules is None or ask is None or not rules.quotas:
            return
        usage, taken = usage_of(ask), self._taken.setdefault(namespace, Counter())
        for quota in rules.quotas:
            if quota.covers(ask):
                taken.update({(quota.name, name): usage[name] * pods for name, _ in quota.hard if name in usage})


def exceeded(namespace: str, short: Short, pods: int) -> Rejection:
    """Say what is too little for so many pods."""
    needed, quota = short.per_pod * pods, short.quota.name
    if short.left < short.hard and needed <= short.hard:
        change = f"wait until pods of namespace {namespace} end, or raise quota {quota} to {_more(short, needed)}"
    else:
        change = f"raise quota {quota} of namespace {namespace} to {said(short.name, needed)}"
    return Rejection(
        Reason.QUOTA_EXCEEDED,
        f"quota {quota} of namespace {namespace} leaves {said(short.name, short.left)} of "
        f"{said(short.name, short.hard)}, and {said(short.name, needed)} are needed",
        change,
        permanent=needed > short.hard,
        effort=needed - short.left,
    )


def _more(short: Short, needed: int) -> str:
    return said(short.name, short.hard + needed - short.left)


def _states(ask: PodAsk, name: str) -> bool:
    """Tell whether each container states a request or limit that a quota counts."""
    resource = name.rpartition(".")[2]
    if ask.pod is not None and resource in {**dict(ask.pod.limits), **dict(ask.pod.requests)}:
        return True
    if name.startswith("limits."):
        return all(resource in dict(one.limits) for one in ask.everyone)
    return all(resource in {**dict(one.limits), **dict(one.requests)} for one in ask.everyone)
