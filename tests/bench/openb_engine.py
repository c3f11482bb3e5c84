"""The operator's engine on nodes of openb: pools by model, their free room, and its price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stellwerk.model.capacity import Accelerator, Node, Pool
from stellwerk.model.demand import FINE, AskedShape, Demand
from stellwerk.model.resources import CPU, MEMORY, Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import AcceleratorOption, PodShape
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.fleet.stalls import valued
from stellwerk.placement.packing.bins import Limits, Quote
from tests.bench.openb_trace import FULL, Host, Kind

GPU = "nvidia.com/gpu"


class Place(NamedTuple):
    """Where a pod goes: rank of the node, and the free thousandths of the GPU that it shares (0: none)."""

    rank: int
    hole: int


class Ask(NamedTuple):
    """A kind of pod as the engine knows it."""

    shape: AskedShape
    request: Resources
    stalls: tuple[tuple[PoolView, Limits], ...]
    """Pools that have what it asks for."""


class Packer:
    """A fleet that is filled pod by pod; learns from the pods that came."""

    def __init__(self, hosts: Sequence[Host], ranks: Sequence[int]) -> None:
        """Start with empty nodes; `ranks` is the order in which ties are broken."""
        nodes = tuple(_node(host, rank) for host, rank in zip(hosts, ranks, strict=True))
        models = sorted({host.model for host in hosts})
        pools = tuple(
            Pool(model, {"model": model}, accelerator=Accelerator(model, 8, GPU, slices=FULL)) for model in models
        )
        self.views = Fleet(Snapshot(nodes, pools), ()).views
        self.room, _ = valued(self.views, Demand())
        self._asks: dict[Kind, Ask] = {}

    def learn(self, kind: Kind) -> None:
        """Count a pod that arrives."""
        if kind.gpus:
            self.room.learn(self.ask(kind).shape, FINE)
        self.room.passed()

    def best(self, kind: Kind) -> tuple[PoolView, Quote] | None:
        """Return where a pod takes the least, None if it fits nowhere."""
        ask = self.ask(kind)
        quotes = ((view, view.bins.quote(ask.request, 1, limits)) for view, limits in ask.stalls)
        return min(
            ((view, quote) for view, quote in quotes if quote is not None),
            key=lambda one: (one[1].loss, one[1].steps[0].hole, one[1].steps[0].nodes),
            default=None,
        )

    def put(self, kind: Kind, view: PoolView, quote: Quote) -> Place:
        """Place a pod."""
        taken = view.bins.take(self.ask(kind).request, quote)
        return Place(int(taken[0].node), quote.steps[0].hole)

    def choose(self, kind: Kind) -> Place | None:
        """Learn from a pod that arrives, and place it if it fits anywhere."""
        self.learn(kind)
        return self.place(kind)

    def place(self, kind: Kind) -> Place | None:
        """Place a pod if it fits anywhere."""
        found = self.best(kind)
        return None if found is None else self.put(kind, *found)

    def ask(self, kind: Kind) -> Ask:
        """Return a kind of pod as the engine knows it."""
        known = self._asks.get(kind)
        if known is None:
            known = self._asks[kind] = self._ask(kind)
        return known

    def _ask(self, kind: Kind) -> Ask:
        options = tuple(_option(kind, model) for model in kind.models or (["any"] if kind.gpus else []))
        shape = AskedShape(PodShape(Resources.of({CPU: kind.cpu, MEMORY: kind.memory})), options)
        request = shape.pod.requests + Resources.of({GPU: kind.total})
        views = [view for view in self.views if not kind.models or view.pool.name in kind.models]
        return Ask(shape, request, tuple((view, Limits(view.accepting(shape.pod))) for view in views))


def _node(host: Host, rank: int) -> Node:
    offer = Resources.of({GPU: host.gpus * FULL, CPU: host.cpu, MEMORY: host.memory})
    return Node(f"{rank:05d}", {"model": host.model}, offer)


def _option(kind: Kind, model: str) -> AcceleratorOption:
    if kind.gpus == 1 and kind.milli < FULL:
        return AcceleratorOption(model, share_milli=kind.milli)
    return AcceleratorOption(model, kind.gpus)
