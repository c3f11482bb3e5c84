"""The batch solved together: other ways to place it than one after the other, and when one of them is taken.

The queue decides who is placed; what is solved together decides where. A round that differs is taken only if, going
through the queue from its front, the first workload that fares differently gains a place, or if all fare the same and
the whole costs less. So nobody ever waits because somebody behind him saves more, however often that happens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from msgspec.structs import replace

from stellwerk.api.reasons import Reason
from stellwerk.economics.cost import expected
from stellwerk.model.decision import Bound, Decision, Mode, Move
from stellwerk.model.workload import Workload
from stellwerk.placement.batch.contest import Advice, Answer, Place, Problem, Question, Solver, spread
from stellwerk.placement.batch.question import Party, contested, place_of, question_of
from stellwerk.placement.changes.whatif import Explainer
from stellwerk.placement.offers.prospect import Prospect
from stellwerk.placement.ordering import accelerators
from stellwerk.placement.rules import wording

WORTHWHILE: Final = Fraction(1, 1000)
"""Less than this part of its cost is not worth looking for."""

BATCH_LIMIT: Final = 2_000
"""A larger batch is left as greedy placed it: each further round takes as long as the first."""


class Round(NamedTuple):
    """One way to place the batch."""

    decisions: Mapping[str, Decision]
    """By uid."""
    taken: Mapping[str, int | None]
    """Which viable candidate each accepted workload got, by uid; None if it found no room."""
    prospects: Mapping[str, Prospect]
    """What each of them could choose from."""
    moves: tuple[Move, ...] = ()
    """What others must do for it."""
    explainer: Explainer | None = None
    """Knows what is left when all of it is done; None where nobody will ask."""


class Attempt(Protocol):
    """A fresh start on the same snapshot."""

    def prospect_of(self, workload: Workload) -> Prospect | None:
        """Return what a workload may choose from; None if its policy does not accept it."""

    def go(self, queue: Sequence[Workload], wanted: Mapping[str, int] = ...) -> Round:
        """Place the batch: first whoever has a wanted candidate, on just that, then the rest, each in this order."""


class _Heard(NamedTuple):
    """What came of asking where workloads should go."""

    best: Round
    heard: tuple[Advice, ...]


class Batch(NamedTuple):
    """What is to be placed, and how to start anew."""

    queue: Sequence[Workload]
    start: Callable[[], Attempt]


def improved(batch: Batch, first: Round, solver: Solver | None) -> tuple[Round, Bound | None]:
    """Return the best round found, and how far it is from the best there can be.

    Args:
        batch: What is to be placed.
        first: Placed one after the other.
        solver: Asked where several compete; None takes what can be guessed without.
    """
    best = first
    parties = _parties(batch, first)
    rivals = contested(parties) if len(parties) <= BATCH_LIMIT and _worthwhile(parties, first) else []
    heard: tuple[Advice, ...] = ()
    if len(rivals) > 1:
        fresh = batch.start()
        question = question_of(_fresh(one, fresh) for one in rivals)
        if question is not None:
            best, heard = _consulted(batch, first, fresh, question, solver)
        if best is first:
            fresh = batch.start()
            uids = frozenset(one.workload.uid for one in rivals)
            best = _better(batch, best, fresh.go(_by_regret(batch, uids, fresh)))
    return _told(best, first), _bound(batch, best, first.prospects, heard)


def _consulted(batch: Batch, first: Round, fresh: Attempt, question: Question, solver: Solver | None) -> _Heard:
    """Place the batch by what is guessed, and by what the solver says where that is something else."""
    start = _guessed(question.problem)
    question = replace(question, start=start)
    guessed = spread(question, start)
    best = first if guessed is None else _better(batch, first, _advised(batch, fresh, guessed))
    solved = None if solver is None else solver(question)
    if solved is not None and (guessed is None or solved.places != guessed.places):
        best = _better(batch, best, _advised(batch, batch.start(), solved))
    return _Heard(best, tuple(one for one in (guessed, solved) if one is not None))


@lru_cache(maxsize=2)
def _guessed(problem: Problem) -> Answer:
    """Guess once for the same numbers: while a solver thinks, its question comes again in every cycle."""
    from stellwerk.placement.batch.guess import guess  # noqa: PLC0415 - HiGHS is for who competes

    return guess(problem)


def _told(best: Round, first: Round) -> Round:
    """Say of those who would have paid less alone that they make room for others."""
    if best is first:
        return best
    decisions = dict(best.decisions)
    for uid, decision in best.decisions.items():
        before = first.decisions[uid]
        then, now = _cost(before), _cost(decision)
        if then is not None and now is not None and then < now and decision.chosen and decision.cost:
            cheaper = next(iter(before.candidates), None)
            message = wording.chosen(decision.chosen.pool, decision.cost, 0, cheaper)
            decisions[uid] = replace(decision, reason=Reason.CHEAPEST_TOGETHER, message=message)
    return best._replace(decisions=decisions)


def _parties(batch: Batch, first: Round) -> list[Party]:
    """Return the accepted workloads in queue order."""
    accepted = (workload for workload in batch.queue if workload.uid in first.taken)
    return [
        Party(one, first.prospects[one.uid], first.taken[one.uid], first.decisions[one.uid].chosen) for one in accepted
    ]


def _fresh(party: Party, attempt: Attempt) -> Party:
    """Return the same with candidates on which nothing is placed."""
    return replace(party, prospect=attempt.prospect_of(party.workload) or party.prospect)


def _worthwhile(parties: Sequence[Party], first: Round) -> bool:
    """Tell whether somebody found no room, or the batch costs more than if everybody had had the first choice."""
    least = cost = 0
    for party in parties:
        if party.taken is None and party.prospect.viable:
            return True
        own = _cost(first.decisions[party.workload.uid])
        if own is not None:
            cost, least = cost + own, least + min(own, party.prospect.least or 0)
    return cost - least > WORTHWHILE * cost


def _by_regret(batch: Batch, rivals: frozenset[str], attempt: Attempt) -> list[Workload]:
    """Order each priority by who loses most, per accelerator, by not getting the first choice that has room now."""
    regrets: dict[int, Fraction] = {}
    ranked = []
    for place, workload in enumerate(batch.queue):
        prospect = attempt.prospect_of(workload) if workload.uid in rivals else None
        regret = Fraction(-1)
        if prospect is not None:
            known = regrets.get(id(prospect))
            regret = regrets[id(prospect)] = _regret(workload, prospect) if known is None else known
        ranked.append((-workload.priority, -regret, place))
    return [batch.queue[place] for _, _, place in sorted(ranked)]


def _regret(workload: Workload, prospect: Prospect) -> Fraction:
    """Return in micro-units per accelerator what the second-best candidate with room costs more than the best."""
    fitting = [offer for offer in prospect.viable if offer.fits()]
    costs = [cost for offer in fitting if (cost := expected(offer.ask.cost)) is not None]
    if len(costs) < 2:  # noqa: PLR2004 - a first and a second choice
        return Fraction(len(costs) << 62)  # nowhere else to go, or nowhere at all
    first, second = sorted(costs)[:2]
    return Fraction(second - first) / max(Fraction(1, 1000), accelerators(workload, fitting[0].ask.option))


def _better(batch: Batch, best: Round, other: Round) -> Round:
    return other if _is_better(batch, other, best) else best


def _advised(batch: Batch, attempt: Attempt, advice: Advice) -> Round:
    """Place the batch as advised, large pods first, and then the rest in the order of the queue."""
    wanted = _wanted(batch.queue, attempt, advice)
    named = (one for one in batch.queue if one.uid in wanted)
    first = sorted(named, key=lambda one: _size(one, advice.places[one.uid]), reverse=True)
    return attempt.go([*first, *(one for one in batch.queue if one.uid not in wanted)], wanted)


def _wanted(order: Sequence[Workload], attempt: Attempt, advice: Advice) -> dict[str, int]:
    """Find the candidates that the advice names; what is gone or not viable any more is left out."""
    wanted: dict[str, int] = {}
    for workload in order:
        place = advice.places.get(workload.uid)
        prospect = None if place is None else attempt.prospect_of(workload)
        for index, offer in enumerate(prospect.viable if prospect else ()):
            if place_of(offer, workload) == place:
                wanted[workload.uid] = index
                break
    return wanted


def _size(workload: Workload, place: Place) -> tuple[Fraction, Fraction]:
    """Return the accelerators of one pod and of the gang where it is to go: large pods are packed first."""
    _, _, index, _ = place
    gang = Fraction(accelerators(workload, workload.options[index]))
    return gang / max(1, workload.size(workload.options[index])), gang


def _is_better(batch: Batch, new: Round, old: Round) -> bool:
    """Tell whether the first in the queue who fares differently gains a place, or the same are placed for less."""
    for workload in batch.queue:
        before, after = old.decisions[workload.uid].mode, new.decisions[workload.uid].mode
        if before is not after:
            return after > before
    now, then = _sums(new), _sums(old)
    return now != then and all(now[key] <= then[key] for key in now.keys() | then.keys())


def _sums(outcome: Round) -> Counter[str]:
    """Add up the costs by currency and what others lose, and count the costs that are not known."""
    forced = [move for move in outcome.moves if move.cause]
    sums: Counter[str] = Counter(loss=sum(move.loss or 0 for move in forced), moves=len(forced))
    for decision in outcome.decisions.values():
        if decision.mode is Mode.FIT and decision.cost is not None:
            cost = _cost(decision)
            sums["unknown" if cost is None else decision.cost.currency] += 1 if cost is None else cost
    return sums


def _bound(batch: Batch, best: Round, prospects: Mapping[str, Prospect], heard: Sequence[Advice]) -> Bound | None:
    """Add up what the placed workloads cost at least: by what was heard of those who compete, else by their best."""
    currencies: set[str] = set()
    least: dict[str, int] = {}
    total = 0
    for workload in batch.queue:
        decision = best.decisions[workload.uid]
        cost = _cost(decision)
        if decision.mode is Mode.FIT and decision.cost is not None and cost is not None:
            currencies.add(decision.cost.currency)
            known = prospects[workload.uid].least
            least[workload.uid] = cost if known is None else min(cost, known)
            total += cost
    if len(currencies) != 1:
        return None
    lower = sum(least.values())
    bounds = [one.bound for one in heard if one.bound is not None and one.covers(best.taken)]
    if bounds:
        lower += max(0, max(bounds) - sum(least.get(uid, 0) for uid in heard[0].asked))
    return Bound(currencies.pop(), total, min(lower, total))


def _cost(decision: Decision) -> int | None:
    return None if decision.cost is None or decision.chosen is None else expected(decision.cost)
