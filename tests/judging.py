"""Ask one hard rule about one candidate."""

from __future__ import annotations

from typing import Any

from stellwerk.economics.cost import expected_cost
from stellwerk.model.capacity import Node, Pool
from stellwerk.model.decision import Rejection
from stellwerk.model.policy import Policy
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import Fleet, PoolView
from stellwerk.placement.rules.asking import Ask, Filter
from tests.builders import gang, nodes, policy, pool, snapshot


def view_of(there: Pool, members: tuple[Node, ...], workload: Workload, **facts: Any) -> PoolView:
    """Look at a pool in a fleet of its own."""
    return Fleet(snapshot([there], members, **facts), [workload]).views[0]


def judge(
    check: Filter,
    workload: Workload | None = None,
    there: Pool | None = None,
    rules: Policy | None = None,
    members: tuple[Node, ...] | None = None,
    **facts: Any,
) -> Rejection | None:
    """Ask one rule about one candidate; two free nodes of 8 H100 if nothing else is said."""
    asked, place, obeyed = workload or gang(), there or pool(), rules or policy()
    health = facts.pop("health", {})
    view = view_of(place, nodes(2) if members is None else members, asked, **facts)
    option = asked.options[0]
    return check(Ask(asked, option, obeyed, expected_cost(asked, option, view.site, obeyed), health), view)


def told(rejection: Rejection | None) -> tuple[str, str, str]:
    """Return what a rejection says: reason, sentence and way out."""
    assert rejection is not None
    return rejection.reason, rejection.message, rejection.change
