"""What would admit a workload: changes that are tried by the engine itself, on what a cycle's decisions leave.

Nothing is claimed that was not tried: a change is made to the workload or its policy, every pool is judged anew by the
same rules, and the gang has to find room in what this cycle's decisions left. A change of a workload that can never
run also counts if it then only waits; that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from stellwerk.model.decision import Change, Decision, Mode
from stellwerk.placement.changes.edits import Case
from stellwerk.placement.changes.searching import Search, Way
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.moves.preemption import Room, RoomMaker
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.offering import offers_for
from stellwerk.placement.rules import wording

LOOKS_PER_CYCLE: Final = 600
"""Candidates that are judged to explain what one cycle did not place: the first in the queue are explained first."""

SACRIFICES_PER_CYCLE: Final = 500
"""Ways to take the room of others that are tried to explain one cycle."""

CHANGES_KEPT: Final = 5
"""How many changes a decision record holds."""


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
        search = Search(self, case, never=never)
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


def _is_stuck(decision: Decision) -> bool:
    """Tell whether a decision leaves a workload waiting for which there are candidates."""
    return decision.mode in {Mode.WAIT, Mode.NEVER} and bool(decision.candidates)
