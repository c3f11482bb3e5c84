"""The search for changes that would admit a workload: one at a time, then in pairs, the least demand on people first.

What to try is read off the rejections of the candidates. A change is tried where it might do; if it does there, the
whole fleet is asked what comes of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol

import msgspec

from stellwerk.model.decision import Change, Cost, Outcome
from stellwerk.placement.changes.edits import Case, Edit, Kind
from stellwerk.placement.changes.lifting import edits_for
from stellwerk.placement.fleet.fleet import PoolView
from stellwerk.placement.moves.preemption import Room
from stellwerk.placement.moves.promises import with_disruption
from stellwerk.placement.offers.candidates import Offer

TRIES_PER_SHAPE: Final = 60
"""Changes that are tried for one shape at most."""


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
        return (
            _weight(self.edits),
            self.change.outcome is Outcome.WAITS,
            kinds,
            effort,
            self.change.cost.total or 0,
            self.change.asks,
        )

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


class Engine(Protocol):
    """Judges cases as a cycle does; every call counts against what one cycle may look at."""

    def judge(self, case: Case, views: Sequence[PoolView] | None = None) -> list[Offer] | None:
        """Judge the candidates of a case on some pools, or on all; None if that is more than may be looked at."""

    def may_preempt(self, case: Case) -> bool:
        """Tell whether anybody runs who could be asked to make room."""

    def room(self, case: Case, offers: Sequence[Offer]) -> Room | None:
        """Return how others could make room; takes nothing."""


class Search:
    """The tries for one shape."""

    def __init__(self, engine: Engine, case: Case, *, never: bool) -> None:
        """Search by running `engine`; where it can `never` run as it is, changes after which it waits count too."""
        self._engine = engine
        self._case = case
        self._never = never
        self._tries = TRIES_PER_SHAPE
        self._failed: list[_Tried] = []
        self.found: list[Way] = []
        """What would do."""

    def singly(self, offers: Iterable[Offer]) -> None:
        """Try every single change that the candidates' rejections call for."""
        hints = [(edit, offer.view) for offer in offers for edit in edits_for(offer, offer.full())]
        if not self._engine.may_preempt(self._case):
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
        offers = self._engine.judge(case, idea.views)
        if offers is None:
            self._tries = 0
            return
        if self._way(idea, case, offers) or (self._never and _allowed(offers)):
            self._claim(idea, case)
        elif len(idea.edits) == 1:
            self._failed.append(_Tried(idea.edits[0], case, offers))

    def _claim(self, idea: _Idea, case: Case) -> None:
        """Look at the whole fleet for what comes of a change that does somewhere; without looks left, claim nothing."""
        offers = self._engine.judge(case) or []
        way = self._way(idea, case, offers)
        if way is not None:
            self.found.append(way)
        elif self._never and (later := _allowed(offers)) and not self._knows(idea, waits=True):
            change = _change(idea, later[0], later[0].ask.cost, elsewhere=_several(later))
            self.found.append(Way(idea.edits, case, msgspec.structs.replace(change, outcome=Outcome.WAITS)))

    def _knows(self, idea: _Idea, *, waits: bool) -> bool:
        """Tell whether a change of the same sort is known to do, or at least to let the workload wait."""
        return any(way.kinds == idea.kinds and (waits or way.change.outcome is not Outcome.WAITS) for way in self.found)

    def _way(self, idea: _Idea, case: Case, offers: Sequence[Offer]) -> Way | None:
        """Return where there is room now, or where others would make it, and at what cost."""
        ranked = sorted(_allowed(offers), key=lambda one: one.rank)
        for offer in ranked:
            cost = offer.cost_if_placed()
            if cost is not None:
                others = (one for one in ranked if _place(one) != _place(offer))
                elsewhere = any(one.cost_if_placed() is not None for one in others)
                return Way(idea.edits, case, _change(idea, offer, cost, elsewhere=elsewhere))
        room = self._engine.room(case, offers)
        if room is None:
            return None
        cost = with_disruption(room.offer.ask.cost, None if room.price.unknown else room.price.loss)
        change = _change(idea, room.offer, cost, elsewhere=_several(ranked))
        return Way(idea.edits, case, msgspec.structs.replace(change, outcome=Outcome.EVICTS))


def _allowed(offers: Iterable[Offer]) -> list[Offer]:
    """Return the candidates that the fixed rules allow."""
    return [offer for offer in offers if not offer.rejections]


def _change(idea: _Idea, offer: Offer, cost: Cost, *, elsewhere: bool) -> Change:
    pool = offer.view.pool
    return Change(" and ".join(edit.text for edit in idea.edits), pool.cluster, pool.name, cost, elsewhere=elsewhere)


def _several(offers: Iterable[Offer]) -> bool:
    """Tell whether the candidates are of more than one pool."""
    return len({_place(offer) for offer in offers}) > 1


def _place(offer: Offer) -> tuple[str, str]:
    return offer.view.pool.cluster, offer.view.pool.name


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
