"""From decisions to the parts of a status: amounts become decimal strings, names become wire names."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from stellwerk.api import money
from stellwerk.api.moment import rfc3339
from stellwerk.lifecycle.wire import CandidateStatus, CarbonStatus, ChangeStatus, CostStatus, DecisionStatus, PartStatus
from stellwerk.model.decision import MICROS, Candidate, Carbon, Change, Cost, CostPart, Decision, Mode, Verdict

MESSAGE_LIMIT: Final = 4096
"""The schema allows no longer sentence."""


def amount(micros: int | None) -> str:
    """Write micro-units as a decimal string; None is unknown."""
    return money.UNKNOWN if micros is None else money.text(Decimal(micros) / MICROS)


def cost_status(cost: Cost) -> CostStatus:
    """Return the expected cost as the status writes it."""
    parts = _parts(cost)
    room = None if cost.room_taken is None else amount(cost.room_taken)
    return CostStatus(cost.currency, amount(cost.per_hour), amount(cost.total), parts, room)


def carbon_status(carbon: Carbon | None) -> CarbonStatus | None:
    """Return the expected emissions as the status writes them."""
    if carbon is None:
        return None
    grams, energy = Decimal(carbon.milligrams) / 1000, Decimal(carbon.milliwatt_hours) / 1_000_000
    return CarbonStatus(money.text(grams), money.text(energy))


def decision_status(decision: Decision, now: datetime, cycle: int) -> DecisionStatus:
    """Return the decision record."""
    return DecisionStatus(
        mode=decision.mode.wire,
        reason=decision.reason,
        message=decision.message[:MESSAGE_LIMIT],
        considered=decision.considered,
        candidates=_candidates(decision),
        cycle=cycle,
        decided_at=rfc3339(now),
        unblock=decision.unblock[:MESSAGE_LIMIT] if decision.unblock else None,
        changes=tuple(_change(change) for change in decision.changes),
    )


def _candidates(decision: Decision) -> tuple[CandidateStatus, ...]:
    """Write the candidates; of the nearest one of what has no place yet also what its cost is made of."""
    told = [_candidate(candidate, decision) for candidate in decision.candidates]
    if told and decision.mode is not Mode.FIT and told[0].total is not None:
        told[0] = msgspec.structs.replace(told[0], parts=_parts(decision.candidates[0].cost))
    return tuple(told)


def _parts(cost: Cost) -> tuple[PartStatus, ...]:
    return tuple(PartStatus(part.name, amount(part.amount), _hourly(part)) for part in cost.parts)


def _hourly(part: CostPart) -> str | None:
    return None if part.per_hour is None else amount(part.per_hour)


def _change(change: Change) -> ChangeStatus:
    return ChangeStatus(
        change=change.asks[:MESSAGE_LIMIT],
        then=change.outcome.value,
        cluster=change.cluster,
        pool=change.pool,
        currency=change.cost.currency,
        per_hour=amount(change.cost.per_hour),
        total=amount(change.cost.total),
        contested=change.contested,
        elsewhere=change.elsewhere,
    )


def _candidate(candidate: Candidate, decision: Decision) -> CandidateStatus:
    return CandidateStatus(
        cluster=candidate.cluster,
        pool=candidate.pool,
        verdict=candidate.verdict.wire,
        reason=candidate.rejections[0].reason if candidate.rejections else decision.reason,
        message=_why(candidate)[:MESSAGE_LIMIT],
        accelerator=candidate.model,
        count=candidate.option.count if candidate.option else None,
        currency=candidate.cost.currency if candidate.is_priced else None,
        per_hour=amount(candidate.cost.per_hour) if candidate.is_priced else None,
        total=amount(candidate.cost.total) if candidate.is_priced else None,
    )


def _why(candidate: Candidate) -> str:
    """Say all that speaks against a candidate, or that nothing does."""
    if candidate.rejections:
        return "; ".join(rejection.message for rejection in candidate.rejections)
    grown = " with nodes that the pool has yet to get" if candidate.grown else ""
    return f"chosen{grown}" if candidate.verdict is Verdict.CHOSEN else f"would do{grown}, and another one is better"
