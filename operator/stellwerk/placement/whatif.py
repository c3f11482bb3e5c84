"""What would admit a workload: changes that are tried, one at a time and then in pairs, by the engine itself.

Nothing is claimed that was not tried: a change is made to the workload or its policy, every pool is judged anew by the
same rules, and the gang has to find room in what this cycle's decisions left. A change of a workload that can never
run also counts if it then only waits; that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import msgspec

from stellwerk.model.decision import Change, Cost, Decision, Mode, Outcome
from stellwerk.placement import wording
from stellwerk.placement.candidates import Offer
from stellwerk.placement.edits import Case, Edit, Kind
from stellwerk.placement.fleet import Fleet, PoolView
from stellwerk.placement.lifting import edits_for
from stellwerk.placement.offering import offers_for
from stellwerk.placement.preemption import Room, RoomMaker
from stellwerk.placement.promises import with_disruption

LOOKS_PER_CYCLE: Final = 600
"""Candidates that are judged to explain what one cycle did not place: the first in the queue are explained first."""

TRIES_PER_SHAPE: Final = 60
"""Changes that are tried for one shape at most."""

SACRIFICES_PER_CYCLE: Final = 500
"""Ways to take the room of others that are tried to explain one cycle."""

CHANGES_KEPT: Final = 5
"""How many changes a decision record holds."""


class Way(NamedTuple):
    """A change that was tried, and that works."""

    edits: tuple[Edit, ...]
    case: Case
    """What is asked for with it."""
    change: Change

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it is about."""
        return frozenset(edit.kind for edit in self.edits)

    @property
    def order(self) -> tuple[int, bool, tuple[Kind, ...], int, int, str]:
        """The one that asks least of people first; of equals what runs now, then the cheaper one."""
        kinds = tuple(edit.kind for edit in self.edits)
        effort = sum(edit.effort for edit in self.edits)
        return _weight(self.edits), self.change.outcome is Outcome.WAITS, kinds, effort, self.change.cost.total or 0, self.change.asks

    def contested(self) -> Way:
        """Return it with the note that others may be first, where that is so: a rule holds for all of its policy."""
        rule = any(edit.kind.is_rule for edit in self.edits)
        return self._replace(change=msgspec.structs.replace(self.change, contested=True)) if rule else self


class _Idea(NamedTuple):
    """A change that might do, because of what some candidates say."""

    edits: tuple[Edit, ...]
    before: Case
    """What is asked for without the last of the edits."""
    views: tuple[PoolView, ...]
    """The pools that say so."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """What it is about."""
        return frozenset(edit.kind for edit in self.edits)

    @property
    def order(self) -> tuple[int, list[int], int]:
        """What asks least of people first."""
        return _weight(self.edits), sorted(self.kinds), sum(edit.effort for edit in self.edits)


class _Tried(NamedTuple):
    """A single change that was not enough, and what the candidates say with it."""

    edit: Edit
    case: Case
    offers: list[Offer]


class Explainer:
    """Finds what would admit the workloads that one cycle did not place."""

    def __init__(self, fleet: Fleet, rooms: RoomMaker, now: datetime, looks: int = LOOKS_PER_CYCLE) -> None:
        """Look at what is left of a fleet.

        Args:
            fleet: After all decisions of the cycle.
            rooms: What can yet be taken from what runs there.
            now: The moment of the decisions.
            looks: How many candidates may be judged.
        """
        self._fleet = fleet
        self._rooms = rooms
        self._now = now
        self._looks = looks
        self._known: dict[int, tuple[tuple[Change, ...], str | None]] = {}

    def explained(self, asked: Sequence[tuple[Case, Decision]]) -> tuple[Decision, ...]:
        """Return the decisions in this order; those on what waits say which changes would admit it, if any was tried.

        Args:
            asked: What was decided, with what was asked for.
        """
        waiting = Counter(case.policy.name for case, decision in asked if _is_stuck(decision))
        return tuple(self._explained(case, decision, waiting[case.policy.name]) for case, decision in asked)

    def _explained(self, case: Case, decision: Decision, waiting: int) -> Decision:
        """Explain one; workloads of one shape have the same candidates, and so the same changes."""
        if not _is_stuck(decision):
            return decision
        kind = id(decision.candidates)
        if kind not in self._known:
            ways = (self.ways(case, never=decision.mode is Mode.NEVER, contested=waiting > 1) or [])[:CHANGES_KEPT]
            changes = tuple(way.change for way in ways)
            smallest = [way.change for way in ways if way.order[0] == ways[0].order[0]]
            self._known[kind] = changes, wording.changes(smallest, case.policy.name)
        changes, told = self._known[kind]
        unblock = told or wording.untried(decision.unblock)
        return msgspec.structs.replace(decision, changes=changes, unblock=unblock)

    def ways(self, case: Case, *, never: bool = False, contested: bool = False) -> list[Way] | None:
        """Return the changes that would admit a workload, the smallest of each sort, best first.

        Args:
            case: What found no room.
            never: It can never run as it is: a change after which it only waits counts too.
            contested: Others wait under the same policy.

        Returns:
            None if no more candidates may be judged.
        """
        offers = self.judge(case)
        if offers is None:
            return None
        search = _Search(self, case, never=never)
        search.singly(offers)
        if not search.found:
            search.in_pairs()
        ways = sorted(search.found, key=lambda way: way.order)
        return [way.contested() for way in ways] if contested else ways

    def judge(self, case: Case, views: Sequence[PoolView] | None = None) -> list[Offer] | None:
        """Judge the candidates of a case on some pools, or on all; None if that is more than may be looked at."""
        asked = self._fleet.views if views is None else views
        looks = len(asked) * len(case.workload.options)
        if looks > self._looks:
            return None
        self._looks -= looks
        return offers_for(case.workload, case.policy, self._fleet, self._now, asked)

    def may_preempt(self, case: Case) -> bool:
        """Tell whether anybody runs who could be asked to make room."""
        return self._rooms.may_help(case.workload)

    def room(self, case: Case, offers: Sequence[Offer]) -> Room | None:
        """Return how others could make room; takes nothing."""
        if not case.policy.preempts or not self._rooms.may_help(case.workload):
            return None
        self._rooms.hurry(SACRIFICES_PER_CYCLE)
        return self._rooms.find_room(case.workload, case.policy, [one for one in offers if not one.rejections])


class _Search:
    """The tries for one shape."""

    def __init__(self, explainer: Explainer, case: Case, *, never: bool) -> None:
        self._explainer = explainer
        self._case = case
        self._never = never
        self._tries = TRIES_PER_SHAPE
        self._failed: list[_Tried] = []
        self.found: list[Way] = []

    def singly(self, offers: Iterable[Offer]) -> None:
        """Try every single change that the candidates' rejections call for."""
        hints = [(edit, offer.view) for offer in offers for edit in edits_for(offer, offer.full())]
        if not self._explainer.may_preempt(self._case):
            hints = [(edit, view) for edit, view in hints if edit.kind is not Kind.PREEMPTION]
        for idea in _ideas(hints, (), self._case):
            self._try(idea)

    def in_pairs(self) -> None:
        """Try what one more change makes of those that were not enough, until one of that weight is."""
        least = None
        for idea in sorted(self._pairs(), key=lambda idea: idea.order):  # stable: else by rank
            if least is not None and idea.order[0] > least:
                return
            self._try(idea)
            if self.found and least is None:
                least = idea.order[0]

    def _pairs(self) -> Iterator[_Idea]:
        seen: set[frozenset[str]] = set()
        for one in self._failed:
            near = [(offer, why) for offer in one.offers if len(why := offer.full()) == 1]
            hints = [(edit, offer.view) for offer, why in near for edit in edits_for(offer, why)]
            for idea in _ideas([hint for hint in hints if not _same(one.edit, hint[0])], (one.edit,), one.case):
                texts = frozenset(edit.text for edit in idea.edits)
                if texts not in seen:
                    seen.add(texts)
                    yield idea

    def _try(self, idea: _Idea) -> None:
        """Run the engine with a change: where it might do, and if it does there, everywhere."""
        if self._tries <= 0 or self._knows(idea, waits=False):
            return
        self._tries -= 1
        case = idea.edits[-1].apply(idea.before)
        offers = self._explainer.judge(case, idea.views)
        if offers is None:
            self._tries = 0
            return
        way = self._way(idea, case, offers)
        if way is not None:
            every = None if way.change.outcome is Outcome.EVICTS else self._explainer.judge(case)
            self.found.append((every and self._way(idea, case, every)) or way)
            return
        later = next((one for one in offers if not one.rejections), None) if self._never else None
        if later is None and len(idea.edits) == 1:
            self._failed.append(_Tried(idea.edits[0], case, offers))
        if later is not None and not self._knows(idea, waits=True):
            change = _change(idea, later, later.ask.cost)
            self.found.append(Way(idea.edits, case, msgspec.structs.replace(change, outcome=Outcome.WAITS)))

    def _knows(self, idea: _Idea, *, waits: bool) -> bool:
        """Tell whether a change of the same sort is known to do, or at least to let the workload wait."""
        return any(way.kinds == idea.kinds and (waits or way.change.outcome is not Outcome.WAITS) for way in self.found)

    def _way(self, idea: _Idea, case: Case, offers: Sequence[Offer]) -> Way | None:
        """Return where there is room now, or where others would make it, and at what cost."""
        allowed = [offer for offer in offers if not offer.rejections]
        for offer in sorted(allowed, key=lambda one: one.rank):
            cost = _cost_if_placed(offer)
            if cost is not None:
                return Way(idea.edits, case, _change(idea, offer, cost))
        room = self._explainer.room(case, offers)
        if room is None:
            return None
        cost = with_disruption(room.offer.ask.cost, None if room.price.unknown else room.price.loss)
        return Way(idea.edits, case, msgspec.structs.replace(_change(idea, room.offer, cost), outcome=Outcome.EVICTS))


def _cost_if_placed(offer: Offer) -> Cost | None:
    """Place a gang on trial and return what it is expected to cost there; None if there is no room."""
    mark = offer.view.company.mark()
    nodes = offer.place()
    if nodes is None:
        return None
    cost = offer.cost_on(sum(one.pods for one in nodes))
    offer.undo(nodes, mark)
    return cost


def _change(idea: _Idea, offer: Offer, cost: Cost) -> Change:
    pool = offer.view.pool
    return Change(" and ".join(edit.text for edit in idea.edits), pool.cluster, pool.name, cost)


def _is_stuck(decision: Decision) -> bool:
    """Tell whether a decision leaves a workload waiting for which there are candidates."""
    return decision.mode in {Mode.WAIT, Mode.NEVER} and bool(decision.candidates)


def _ideas(hints: Iterable[tuple[Edit, PoolView]], first: tuple[Edit, ...], before: Case) -> list[_Idea]:
    """Return each edit once, with all the pools that call for it; the one that asks least of people first."""
    found: dict[str, tuple[Edit, list[PoolView]]] = {}
    for edit, view in hints:
        views = found.setdefault(edit.text, (edit, []))[1]
        if view not in views:
            views.append(view)
    ideas = (_Idea((*first, edit), before, tuple(views)) for edit, views in found.values())
    return sorted(ideas, key=lambda idea: idea.order)  # stable: else by rank


def _weight(edits: Sequence[Edit]) -> int:
    return sum(edit.weight for edit in edits)


def _same(one: Edit, other: Edit) -> bool:
    return one.kind is other.kind or (one.kind.is_size and other.kind.is_size)
