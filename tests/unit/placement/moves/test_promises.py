"""What whoever gets the room of others is told: whose it is, what that costs, and where else it could go."""

from __future__ import annotations

import pytest

from stellwerk.model.decision import Cost, CostPart, Mode, Verdict
from stellwerk.placement.moves.promises import with_disruption
from stellwerk.placement.planner import plan
from tests.builders import NOW, gang, nodes, policy, pool, snapshot
from tests.unit.placement.moves.test_preemption import only, running, world


def test_everybody_who_gives_room_is_named_with_how_and_at_what_price() -> None:
    elastic = running("elastic", {"pool-0000": 4}, gpus=1, min_replicas=3, priority=1, checkpoint_interval_s=60)
    low = running("low", {"pool-0000": 1}, gpus=4, since="2026-11-22T11:59:00Z")
    decision, moves = only(world(elastic, low), gpus=5)
    loss = sum(move.loss or 0 for move in moves) / 1_000_000
    acts = "shrinking team/elastic and evicting team/low"
    assert decision.message == f"pool has room after {acts}, which loses {loss:.2f} EUR of work and restarts"
    assert decision.unblock is None


def test_many_who_give_room_are_counted() -> None:
    ones = [running(f"w{at}", {"pool-0000": 1}, gpus=2) for at in range(4)]
    decision, _ = only(world(*ones))
    assert decision.message.startswith(
        "pool has room after evicting team/w0, team/w1, team/w2 and 1 more, which loses "
    )


def test_room_that_several_leave_is_told_of_in_the_plural() -> None:
    ones = [running(name, {"pool-0000": 1}, gpus=4, leaving=True, settled=False) for name in ("one", "two")]
    decision, moves = only(world(*ones))
    assert (decision.mode, moves) == (Mode.PREEMPT, ())
    assert decision.message == "pool has room once team/one and team/two have left it"


def test_only_those_who_leave_this_pool_are_waited_for() -> None:
    here = running("here", {"pool-0000": 1}, leaving=True, settled=False)
    away = running("away", {"else-0000": 1}, leaving=True, settled=False)
    seen = snapshot(
        [pool(), pool("else", provider="aws")],
        [*nodes(1), *nodes(1, "else")],
        running=(here, away),
        usage=dict([*here.uses, *away.uses]),
        policies=(policy(preempts=True, providers=("onprem",)),),
    )
    decision, _ = only(seen)
    assert decision.message == "pool has room once team/here has left it"


def test_a_loss_that_is_not_known_leaves_the_whole_cost_unknown() -> None:
    nameless = snapshot(
        [pool(price=None)],
        nodes(1),
        running=(running("low", {"pool-0000": 1}),),
        usage=dict(running("low", {"pool-0000": 1}).uses),
        policies=(policy(preempts=True),),
    )
    decision, (move,) = only(nameless)
    assert move.loss is None
    assert decision.message == (
        "pool has room after evicting team/low, which loses an unknown amount of work and restarts"
    )
    assert decision.candidates[0].cost.total is None


def test_the_place_that_is_made_comes_first_and_every_other_candidate_once_behind_it() -> None:
    low = running("low", {"pool-0000": 1})
    seen = snapshot(
        [pool(), pool("rented", provider="aws"), pool("small")],
        [*nodes(1), *nodes(1, "rented"), *nodes(1, "small", gpu=4)],
        running=(low,),
        usage=dict(low.uses),
        policies=(policy(preempts=True, providers=("onprem",)),),
    )
    decision, _ = only(seen)
    assert [(one.pool, one.verdict) for one in decision.candidates] == [
        ("pool", Verdict.FEASIBLE),
        ("rented", Verdict.REJECTED),
        ("small", Verdict.REJECTED),
    ]
    assert decision.considered == 3
    short = plan([gang("urgent", priority=100)], seen, NOW, 1, kept=2).decisions[0]
    assert [one.pool for one in short.candidates] == ["pool", "rented"]


KNOWN = Cost("EUR", 5, 50, (CostPart("Compute", 50),))


@pytest.mark.parametrize(
    ("loss", "total", "parts"),
    [
        (7, 57, (CostPart("Compute", 50), CostPart("Disruption", 7))),
        (0, 50, (CostPart("Compute", 50),)),
        (None, None, ()),
    ],
)
def test_what_others_lose_is_one_more_part_of_the_cost(
    loss: int | None, total: int | None, parts: tuple[CostPart, ...]
) -> None:
    found = with_disruption(KNOWN, loss)
    assert (found.total, found.parts, found.per_hour) == (total, parts, 5)
    assert found.unknown == ("what others lose by it is not known" if loss is None else "")
    unknown = Cost("EUR", None, None, (), unknown="it has no price")
    assert with_disruption(unknown, 7) == unknown
