"""Nodes of openb GPU by GPU: who is where, and who would have to leave for another pod."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.packing.devices import wanted
from tests.bench.openb_trace import FULL, Kind


@dataclass(eq=False, slots=True)
class Pod:
    """A placed pod, and thousandths of each GPU of its node that it has."""

    kind: Kind
    gpus: dict[int, int]


@dataclass(eq=False, slots=True)
class Spot:
    """A node as it is: what is free of it, GPU by GPU, and who is there."""

    view: PoolView
    name: str
    cpu: int
    memory: int
    free: list[int]
    pods: list[Pod] = field(default_factory=list)
    known: dict[Kind, tuple[Pod, ...] | None] = field(default_factory=dict)
    """Who would have to leave for such a pod; None: that does not help, or too many."""

    def add(self, kind: Kind, hole: int) -> None:
        """Place a pod, on the GPU with just `hole` free where it shares one."""
        want = wanted(kind.total, FULL)
        idle = [gpu for gpu, free in enumerate(self.free) if free == FULL]
        pod = Pod(kind, dict.fromkeys(idle[: want.whole], FULL))
        if want.part:
            pod.gpus[self.free.index(hole)] = want.part
        self.pods.append(pod)
        self._change(pod, -1)

    def remove(self, pod: Pod) -> None:
        """Let a pod go."""
        self.pods.remove(pod)
        self._change(pod, 1)

    def leaving(self, kind: Kind, most: int, stuck: AbstractSet[Kind]) -> tuple[Pod, ...] | None:
        """Return who would have to leave for such a pod, None if that does not help or they are more than `most`.

        Kinds that are `stuck` stay.
        """
        if kind not in self.known:
            gone = self._leaving(kind, most, [pod for pod in self.pods if pod.kind not in stuck])
            self.known[kind] = None if gone is None or len(gone) > most else tuple(gone)
        return self.known[kind]

    def _leaving(self, kind: Kind, most: int, pods: Sequence[Pod]) -> list[Pod] | None:
        gone: list[Pod] = []
        want = wanted(kind.total, FULL)
        left = dict(enumerate(self.free))
        for part in [FULL] * want.whole + [want.part] * (want.part > 0):
            rest = [pod for pod in pods if pod not in gone]
            ways = ((gpu, _off(gpu, part - free, rest)) for gpu, free in left.items())
            there = [(gpu, way) for gpu, way in ways if way is not None]
            if not there or len(gone) > most:
                return None
            gpu, way = min(there, key=lambda one: (gpu_of(one[1]), len(one[1]), one[0]))
            gone += way
            for pod in way:
                left.update({at: left[at] + part for at, part in pod.gpus.items() if at in left})
            del left[gpu]
        cpu = kind.cpu - self.cpu - sum(pod.kind.cpu for pod in gone)
        memory = kind.memory - self.memory - sum(pod.kind.memory for pod in gone)
        while cpu > 0 or memory > 0:
            rest = [pod for pod in pods if pod not in gone]
            if not rest or len(gone) >= most:
                return None
            gone.append(min(rest, key=lambda pod: _relief(pod.kind, cpu, memory)))
            cpu, memory = cpu - gone[-1].kind.cpu, memory - gone[-1].kind.memory
        return gone

    def _change(self, pod: Pod, sign: int) -> None:
        self.cpu += sign * pod.kind.cpu
        self.memory += sign * pod.kind.memory
        for gpu, part in pod.gpus.items():
            self.free[gpu] += sign * part
        self.known.clear()


def _off(gpu: int, short: int, pods: Sequence[Pod]) -> list[Pod] | None:
    """Return whose going frees so much of one GPU: the smallest that is enough, or else the largest first."""
    if short <= 0:
        return []
    here = sorted((pod for pod in pods if gpu in pod.gpus), key=lambda pod: pod.gpus[gpu])
    for pod in here:
        if pod.gpus[gpu] >= short:
            return [pod]
    way: list[Pod] = []
    while short > 0 and here:
        way.append(here.pop())
        short -= way[-1].gpus[gpu]
    return None if short > 0 else way


def gpu_of(pods: Sequence[Pod]) -> int:
    """Return thousandths of GPUs of pods together."""
    return sum(pod.kind.total for pod in pods)


def cpu_of(pods: Sequence[Pod]) -> int:
    """Return milli-cores of pods together."""
    return sum(pod.kind.cpu for pod in pods)


def _relief(kind: Kind, cpu: int, memory: int) -> tuple[int, bool, int]:
    """Order those who may go for want of other things: least GPU, then just enough, else as much as can be had."""
    enough = kind.cpu >= cpu and kind.memory >= memory
    return kind.total, not enough, kind.cpu if enough else -kind.cpu
