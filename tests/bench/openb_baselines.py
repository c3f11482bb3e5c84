"""Node scores of other schedulers for the openb trace, written from what they say that they compute.

All of them see what the engine sees: a share of a GPU needs one GPU with as much left, whole GPUs need idle ones,
and within a node a share goes to the GPU with the least left that still holds it. kube-scheduler knows nothing of
single GPUs; it is given that filter and that choice as a device plugin for shares would give them, and GPUs as a
resource counted in thousandths. Of nodes with equal scores the first of an order that is fixed for a seed is
taken, where both draw lots; all nodes are looked at (`percentageOfNodesToScore: 100`). Preemption,
consolidation, gangs and queues play no part: nobody leaves, and each pod has one attempt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tests.bench.openb_trace import FULL, Host, Kind

_TOP: Final = 100
"""The highest score of a plugin of kube-scheduler."""
_CPU, _MEMORY, _GPU = range(3)

Ints = NDArray[np.int64]
Scores = NDArray[np.float64]


class Field:
    """Nodes as rows of numbers: milli-cores, MiB, thousandths of GPUs; what they have, and what is taken."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        """Start with empty nodes."""
        self.has = np.array([(host.cpu, host.memory, host.gpus * FULL) for host in hosts], np.int64)
        self.used = np.zeros_like(self.has)
        widest = max(host.gpus for host in hosts)
        self.left = np.array([[FULL] * host.gpus + [0] * (widest - host.gpus) for host in hosts], np.int64)
        self._models = np.array([host.model for host in hosts])
        self._of_models: dict[tuple[str, ...], NDArray[np.bool_]] = {}

    def fitting(self, kind: Kind) -> Ints:
        """Return the nodes that have room for a pod."""
        free = self.has - self.used
        fits = (free[:, _CPU] >= kind.cpu) & (free[:, _MEMORY] >= kind.memory)
        if kind.models:
            if kind.models not in self._of_models:
                self._of_models[kind.models] = np.isin(self._models, kind.models)
            fits &= self._of_models[kind.models]
        nodes = np.flatnonzero(fits)
        if not kind.gpus:
            return nodes
        return nodes[(self.left[nodes] >= kind.milli).sum(axis=1) >= kind.gpus]

    def idle(self, nodes: Ints) -> Ints:
        """Return how many GPUs of each node nobody uses."""
        return (self.left[nodes] == FULL).sum(axis=1)

    def take(self, node: int, kind: Kind) -> None:
        """Place a pod; a share goes to the fullest GPU that holds it."""
        self.used[node] += (kind.cpu, kind.memory, kind.total)
        if kind.gpus:
            left = self.left[node]
            holding = np.flatnonzero(left >= kind.milli)
            tightest = holding[np.argsort(left[holding], kind="stable")]
            left[tightest[: kind.gpus]] -= kind.milli


Rule = Callable[[Field, Kind, Ints], Scores]
"""Scores of nodes that have room for a pod; the highest wins."""


def _shares(field: Field, kind: Kind, nodes: Ints, resources: Sequence[int]) -> tuple[Ints, Ints]:
    """Return what would be requested with the pod and what there is, by node and resource that the pod asks for."""
    asked = np.array((kind.cpu, kind.memory, kind.total), np.int64)
    of = [one for one in resources if one != _GPU or kind.gpus]
    return field.used[np.ix_(nodes, of)] + asked[of], field.has[np.ix_(nodes, of)]


def _balance(requested: Ints, has: Ints) -> Ints:
    parts = np.minimum(1.0, requested / has)
    deviation = abs(parts[:, 0] - parts[:, 1]) / 2
    return np.trunc((1 - deviation) * _TOP).astype(np.int64)


def balanced(field: Field, kind: Kind, nodes: Ints) -> Ints:
    """NodeResourcesBalancedAllocation of kube-scheduler 1.37 over CPU and memory.

    How much nearer the pod brings the used parts of both to each other: 50 to 100, about 75 if it changes
    nothing. Source: kubernetes/kubernetes v1.37.2, pkg/scheduler/framework/plugins/noderesources.
    """
    requested, has = _shares(field, kind, nodes, (_CPU, _MEMORY))
    before = requested - np.array((kind.cpu, kind.memory))
    return _TOP // 2 + (_TOP // 2 + _balance(requested, has) - _balance(before, has)) // 2


def kube_default(field: Field, kind: Kind, nodes: Ints) -> Scores:
    """kube-scheduler 1.37 as it comes: LeastAllocated and BalancedAllocation of CPU and memory, weight 1 each.

    GPUs play no part in either. Plugins that say the same of every node here are left out, and so is the
    100 m or 200 MiB that a pod without a request counts as: one pod of the lists asks for no memory.
    """
    requested, has = _shares(field, kind, nodes, (_CPU, _MEMORY))
    least = ((has - requested) * _TOP // has).sum(axis=1) // 2
    return (least + balanced(field, kind, nodes)).astype(float)


def kube_most(field: Field, kind: Kind, nodes: Ints) -> Scores:
    """kube-scheduler 1.37 with `MostAllocated`: CPU and memory weigh 1, GPUs 3, as its guide to bin packing has it.

    A resource that the pod does not ask for has no part. BalancedAllocation stays on, as it does by default.
    """
    requested, has = _shares(field, kind, nodes, (_CPU, _MEMORY, _GPU))
    weights = np.array((1, 1, 3) if kind.gpus else (1, 1))
    most = (requested * _TOP // has * weights).sum(axis=1) // weights.sum()
    return (most + balanced(field, kind, nodes)).astype(float)


def kube_ratio(field: Field, kind: Kind, nodes: Ints) -> Scores:
    """kube-scheduler 1.37 with `RequestedToCapacityRatio` on GPUs alone, from 0 when idle to the top when full.

    The strongest packing that its settings allow: a profile without BalancedAllocation for pods with GPUs;
    those without keep it, and nothing else tells nodes apart for them.
    """
    if not kind.gpus:
        return balanced(field, kind, nodes).astype(float)
    requested, has = _shares(field, kind, nodes, (_GPU,))
    return (requested * _TOP // has)[:, 0].astype(float)


def kai(field: Field, kind: Kind, nodes: Ints) -> Scores:
    """KAI-Scheduler's plugins `nodeplacement` (binpack, the default) and `gpusharingorder`.

    Up to 9 for the node with the fewest idle GPUs (or the least idle CPU, for a pod without GPUs) among those
    with room, in proportion between the fewest and the most; a GPU that is shared counts as taken whole. 1,000
    more where a share finds a GPU that is shared already. `gpupack` chooses the fullest GPU, as here.
    Source: NVIDIA/KAI-Scheduler, pkg/scheduler/plugins/nodeplacement/pack.go and gpusharingorder as of 2026;
    scores.go d02de965.
    """
    if not kind.gpus:
        return _densest((field.has - field.used)[nodes, _CPU])
    score = _densest(field.idle(nodes))
    if kind.milli < FULL:
        left = field.left[nodes]
        score += 1000 * ((left >= kind.milli) & (left < FULL)).any(axis=1)
    return score


def _densest(free: Ints) -> Scores:
    least, most = free.min(), free.max()
    if least == most:
        return np.full(len(free), 9.0 if most else 0.0)
    return 9.0 * (1 - (free - least) / (most - least))


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {"kube-default": kube_default, "kube-most": kube_most, "kube-ratio": kube_ratio, "kai": kai}
)


class Baseline:
    """A fleet that is filled pod by pod by the scores of another scheduler."""

    def __init__(self, hosts: Sequence[Host], ranks: Sequence[int], name: str) -> None:
        """Start with empty nodes.

        Args:
            hosts: The nodes.
            ranks: Of each node in the order in which ties are broken.
            name: Of one of `RULES`.
        """
        self._field = Field(hosts)
        self._ranks = np.array(ranks, np.int64)
        self._rule = RULES[name]

    def learn(self, kind: Kind) -> None:
        """Take no notice of a pod that arrives: these scores know nothing but the nodes."""

    def choose(self, kind: Kind) -> int | None:
        """Place a pod that arrives, as `place` does."""
        return self.place(kind)

    def place(self, kind: Kind) -> int | None:
        """Place a pod on the node with the highest score; return the node's number, or None if it fits nowhere."""
        nodes = self._field.fitting(kind)
        if not len(nodes):
            return None
        scores = self._rule(self._field, kind, nodes)
        best = nodes[scores == scores.max()]
        node = int(best[np.argmin(self._ranks[best])])
        self._field.take(node, kind)
        return node
