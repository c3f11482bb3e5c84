"""Candidates: every pool with every alternative of accelerators, judged once per shape of workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Final, Self

import msgspec

from stellwerk.economics.cost import expected_cost, run_hours
from stellwerk.model.capacity import CapacityType
from stellwerk.model.decision import Candidate, Cost, Rejection, Verdict
from stellwerk.model.placement import PlacedAccelerator, Placement
from stellwerk.model.resources import Resources
from stellwerk.model.shares import WHOLE, units_of
from stellwerk.model.workload import AcceleratorOption, DataAt, PodSet, PodShape, Workload
from stellwerk.placement.fleet.coming import is_to_come
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.fleet.podrules import Found, Ruled, find, take
from stellwerk.placement.packing.bins import Assignment, Limits
from stellwerk.placement.packing.reach import Reach
from stellwerk.placement.rules.asking import Ask
from stellwerk.placement.rules.crowd_filters import pod_ask_on, ruled_on
from stellwerk.placement.rules.deadline import least_in_time
from stellwerk.placement.rules.filters import ROOM, RULES, rejections
from stellwerk.placement.rules.spending import within_limit

PREFERRED_NODES = 100
"""How many of the packed nodes a placement names."""

Shape = tuple[
    str,
    int,
    int | None,
    tuple[PodSet, ...],
    int,
    int | None,
    PodShape,
    tuple[AcceleratorOption, ...],
    str | None,
    DataAt | None,
]
"""What makes two workloads the same to the planner."""

Views = Mapping[int, PoolView]
"""A fresh view of each pool, by the `id` of the old one."""

Rank = tuple[bool, bool, int, int, int, int, int, str, str, int]
Order = tuple[bool, bool, int, int, int, int, str, str, int]


def shape_of(workload: Workload) -> Shape:
    """Return what the decision on a workload depends on, apart from the room left for it."""
    return (
        workload.policy,
        workload.replicas,
        workload.min_replicas,
        tuple(msgspec.structs.replace(one, facts=None) for one in workload.others),
        workload.expected_runtime_s,
        workload.checkpoint_interval_s,
        workload.pod,
        workload.accelerators,
        workload.deadline,
        workload.data,
    )


_UNASKED: Final[tuple[tuple[int, int, int], int, int | None]] = ((-1, -1, -1), 0, None)


class Offer:
    """One candidate of one shape: a pool, an alternative, and the verdict of the fixed rules."""

    def __init__(self, ask: Ask, view: PoolView, index: int) -> None:
        """Judge `view` by the fixed rules; `index` counts the alternatives of the workload."""
        self.view = view
        self.ask = self._asked(ask)
        self.rejections = rejections(self.ask, view, RULES)
        self.order = self._order(index)
        self._request: Resources = ask.request_on(view)
        self._kinds = view.accepting(ask.workload.pod)
        self._found = Found()
        self._lost = _UNASKED

    def _asked(self, ask: Ask) -> Ask:
        """Return the ask with the sizes that its deadline and its policy allow here."""
        self.ask = msgspec.structs.replace(ask, in_time=least_in_time(ask, self.view))
        return within_limit(self.ask, self.expected_on)

    def _order(self, index: int) -> Order:
        """Rank: known and low cost first, then what is there already, then what is paid anyway, then by name.

        A share rather takes a small part of a device than a large one where the cost does not tell. Work that
        needs no accelerator prefers pools without: there it takes no room from those who need them.
        """
        pool, total = self.view.pool, self.ask.cost.total
        wasteful = self.ask.option is None and pool.accelerator is not None
        paid = pool.capacity_type.rank
        known = total if total is not None else 0
        wait, device = self.view.site.wait_s, self._device_taken()
        return wasteful, total is None, known, wait, device, paid, pool.name, pool.cluster, index

    def _device_taken(self) -> int:
        """Return how much of a device a share takes there, in thousandths; 1000 for whole ones and for none."""
        option, has = self.ask.option, self.view.pool.accelerator
        if option is None or has is None or not option.is_share:
            return WHOLE
        return min(WHOLE, (units_of(option, has) or has.slices) * has.part_milli // has.slices)

    @property
    def rank(self) -> Rank:
        """Rank among the candidates as room stands now: as `order`, with what is taken from others added to the cost.

        Rules that pods have for each other are left out of the look at the room: it only ranks.
        """
        wasteful, unknown, known, wait, device, paid, name, cluster, index = self.order
        lost, amount = self._room_taken()
        return wasteful, unknown, known + (amount or 0), wait, device, paid, lost, name, cluster, index

    @property
    def weight(self) -> int:
        """The cost with what the room was worth when last asked for, in micro-units."""
        return self.order[2] + (self._lost[2] or 0)

    def priced(self, cost: Cost) -> Cost:
        """Return the cost with what the room is worth to others, as it was when last asked for."""
        return msgspec.structs.replace(cost, room_taken=self._lost[2])

    def _room_taken(self) -> tuple[int, int | None]:
        """Return what placing it now takes from others: units of worth, and micro-units until its end."""
        pricing, bins = self.view.opportunity, self.view.bins
        if pricing is None:
            return 0, None
        pods = max(self.ask.least, self._allowed()) if self.ask.is_elastic else self.ask.most
        state = (bins.version, pricing.epoch, pods)
        if self._lost[0] != state:
            quote = bins.quote(self._request, pods, Limits(self._kinds), at_least=self.ask.least)
            lost = 0 if quote is None else quote.loss
            hours = run_hours(self.ask.workload, self.ask.option, quote.pods if quote is not None else pods)
            rate = pricing.per_hour(lost, self.ask.cost.currency)
            self._lost = (state, lost, None if quote is None or rate is None else round(rate * hours))
        return self._lost[1:]

    def place(self) -> list[Assignment] | None:
        """Take room for the gang, or nothing; an elastic one takes what there is."""
        return self._place(self._allowed())

    def _place(self, size: int) -> list[Assignment] | None:
        """Take room for at most so many pods, and for none if there is less than the gang needs."""
        if size < self.ask.least:
            return None
        self._room_taken()
        ruled = ruled_on(self.ask, self.view)
        if ruled is None:
            nodes = self.view.place(self._request, size, self._kinds, at_least=self.ask.least)
        else:
            self._found = self._find(ruled, size)
            nodes = None if self._found.pods < self.ask.least else take(self.view, ruled, self._found)
        if nodes is not None:
            self._settle(nodes)
        return nodes

    def fits(self) -> bool:
        """Tell whether the gang would find room now."""
        if self._allowed() < self.ask.least:
            return False
        ruled = ruled_on(self.ask, self.view)
        if ruled is not None:
            return self._find(ruled, self.ask.least).pods >= self.ask.least
        return self.view.bins.fits(self._request, self.ask.least, self._kinds)

    def reach(self) -> Reach | None:
        """Return how many of its main pods could find room at most, to be told of more; None if nothing tells."""
        return Reach.of(self.view.bins, self._request, self._kinds)

    def outside(self) -> int | None:
        """Return what its room depends on besides the nodes of its pool; None where that is more than a number."""
        return self._allowed() if ruled_on(self.ask, self.view) is None else None

    def _find(self, ruled: Ruled, pods: int) -> Found:
        """Find room for pods with rules; nodes that would have to be named must be there already."""
        found = find(self.view.company, self.view, ruled, pods)
        named = [value for _, value in found.selector] + ([one.node for one in found.nodes] if found.exact else [])
        return Found() if any(is_to_come(name) for name in named) else found

    def _allowed(self) -> int:
        """Return how many of its pods the namespace allows now."""
        most, _ = self.view.allowance.room(self.ask.workload.key.namespace, pod_ask_on(self.ask, self.view))
        return min(self.ask.most, most)

    def _starting(self) -> int:
        """Return with how many pods it would start now, once it fits."""
        size = self._allowed()
        ruled = ruled_on(self.ask, self.view)
        if ruled is not None:
            return min(size, self._find(ruled, size).pods)
        quote = self.view.bins.quote(self._request, size, Limits(self._kinds), at_least=self.ask.least)
        return size if quote is None else quote.pods

    def _cost_to_start(self) -> Cost:
        """Return what it would cost as it would start now, once it fits."""
        return self.expected_on(self._starting()) if self.ask.is_elastic else self.ask.cost

    def _settle(self, nodes: list[Assignment]) -> None:
        """Let those who come after see the pods that were just placed."""
        pods = sum(one.pods for one in nodes)
        self.view.company.assume(self.ask.workload, nodes)
        self.view.allowance.take(self.ask.workload.key.namespace, pod_ask_on(self.ask, self.view), pods)

    def give_back(self, nodes: Sequence[Assignment]) -> None:
        """Undo `place`, but for what neighbours saw of it (`Company.back_to`)."""
        self.view.bins.shift({one.node: self._request * one.pods for one in nodes})
        pods = sum(one.pods for one in nodes)
        self.view.allowance.take(self.ask.workload.key.namespace, pod_ask_on(self.ask, self.view), -pods)

    def undo(self, nodes: Sequence[Assignment], mark: int) -> None:
        """Undo `place`, as if it had never been.

        Args:
            nodes: As they were returned.
            mark: `Company.mark` of before.
        """
        self.give_back(nodes)
        self.view.company.back_to(mark)

    def on(self, views: Views) -> Self:
        """Return the same candidate on fresh views of the same pools, with the same verdict of the fixed rules."""
        again = copy(self)
        again.view = views[id(self.view)]
        again._lost = _UNASKED  # noqa: SLF001 - its own copy
        return again

    @property
    def views(self) -> tuple[PoolView, ...]:
        """Where it takes room, each room once, the pool of the main pod set first."""
        return (self.view,)

    def demands(self) -> tuple[tuple[Resources, int, frozenset[int]], ...]:
        """Return what all its pods ask for: request of one pod, how many, and the classes of nodes they accept."""
        return ((self._request, self.ask.most, self._kinds),)

    def cost_on(self, replicas: int) -> Cost:
        """Return the expected cost on so many pods, of what was placed last."""
        return self.ask.cost if replicas == self.ask.most else self.expected_on(replicas)

    def cost_if_placed(self) -> Cost | None:
        """Return the expected cost of what would be placed now, on trial; None if there is no room."""
        mark = self.view.company.mark()
        nodes = self.place()
        if nodes is None:
            return None
        cost = self.cost_on(sum(one.pods for one in nodes))
        self.undo(nodes, mark)
        return cost

    def expected_on(self, replicas: int) -> Cost:
        """Return the expected cost on so many pods, wherever they are placed."""
        return expected_cost(self.ask.workload, self.ask.option, self.view.site, self.ask.policy, replicas)

    def full(self) -> tuple[Rejection, ...]:
        """Return what speaks against this candidate now: the fixed rules, then the lack of room."""
        return rejections(self.ask, self.view, ROOM, self.rejections)

    def candidate(self, verdict: Verdict, why: tuple[Rejection, ...] = ()) -> Candidate:
        """Return the entry of the decision record; an elastic gang that fits is shown as it would start."""
        accelerator = self.view.pool.accelerator
        model = accelerator.model if accelerator and self.ask.option else None
        pool = self.view.pool
        grown = self.view.grows
        cost = self._cost_to_start() if verdict is Verdict.FEASIBLE else self.ask.cost
        return Candidate(pool.cluster, pool.name, self.ask.option, verdict, cost, why, model, grown)

    def placement(self, nodes: list[Assignment]) -> Placement:
        """Return where the gang goes."""
        pool = self.view.pool
        return Placement(
            cluster=pool.cluster,
            pool=pool.name,
            capacity_type=CapacityType(pool.capacity_type),
            replicas=sum(one.pods for one in nodes),
            provider=pool.provider,
            region=pool.region,
            zone=pool.zone,
            accelerator=self._accelerator(),
            node_selector={**pool.node_selector, **dict(self._found.selector)},
            preferred_nodes=tuple(one.node for one in nodes if not is_to_come(one.node))[:PREFERRED_NODES],
            pods_per_node=tuple(one.pods for one in nodes if not is_to_come(one.node))[:PREFERRED_NODES],
            nodes_required=self._found.exact,
            new_nodes=sum(is_to_come(one.node) for one in nodes),
            tolerations=self.view.tolerations,
        )

    def _accelerator(self) -> PlacedAccelerator | None:
        option, has = self.ask.option, self.view.pool.accelerator
        if option is None or has is None:
            return None
        units = self._request.get(has.resource)
        return PlacedAccelerator(has.model, option.count, has.resource, None if units == option.count else units)
