"""Workloads of a fleet file that run already: the engine's own packing says on which nodes of their pool."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import repeat
from typing import NamedTuple

import msgspec

from stellwerk.cli.asks import Asked
from stellwerk.cli.fleetmodel import FleetRunning
from stellwerk.cli.manifests import Document
from stellwerk.cli.problems import BadInputError, Problem
from stellwerk.model.policy import Policy
from stellwerk.model.resources import Resources
from stellwerk.model.running import Running
from stellwerk.model.snapshot import Snapshot
from stellwerk.model.workload import Workload
from stellwerk.placement.fleet.fleet import Fleet
from stellwerk.placement.offers.candidates import Offer
from stellwerk.placement.offers.offering import offers_for
from stellwerk.placement.packing.bins import Assignment


class _WrongError(Exception):
    """An entry cannot be; says which of its fields is to blame, and why."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class _Told(NamedTuple):
    """An entry of the file, and the workload that it names."""

    entry: FleetRunning
    asked: Asked


def settle(
    document: Document, entries: Sequence[FleetRunning], asked: Sequence[Asked], seen: Snapshot, now: datetime
) -> tuple[tuple[Asked, ...], Snapshot]:
    """Let the named workloads run.

    Args:
        document: The fleet file.
        entries: Its list `running`, in the order in which the workloads take their room.
        asked: All workloads of the manifests.
        seen: The fleet without them.
        now: The moment of the decision.

    Returns what is left to be planned, and the fleet in which the others run.

    Raises:
        BadInputError: with every entry that cannot be.
    """
    problems: list[Problem] = []
    told: list[_Told | None] = []
    for index, entry in enumerate(entries):
        try:
            told.append(_told(entry, asked, [one for one in told if one], now))
        except _WrongError as wrong:
            told.append(None)
            problems.append(document.problem(("running", index, wrong.field), str(wrong)))
    fleet = Fleet(seen, [one.asked.workload for one in told if one]) if entries else None
    running: list[Running] = []
    for index, one in enumerate(told):
        try:
            if fleet is not None and one is not None:
                running.append(_placed(one, fleet))
        except _WrongError as wrong:
            problems.append(document.problem(("running", index, wrong.field), str(wrong)))
    if problems:
        raise BadInputError(problems)
    there = {one.uid for one in running}
    left = tuple(one for one in asked if one.workload.uid not in there)
    return left, _with(seen, running)


def _with(seen: Snapshot, running: Sequence[Running]) -> Snapshot:
    usage = dict(seen.usage)
    for one in running:
        for node, used in one.uses:
            usage[node] = usage.get(node, Resources()) + used
    return msgspec.structs.replace(seen, usage=usage, running=tuple(sorted(running, key=lambda one: one.uid)))


def _told(entry: FleetRunning, asked: Sequence[Asked], before: Sequence[_Told], now: datetime) -> _Told:
    """Return the entry with its workload."""
    found = [one for one in asked if entry.workload in {str(one.workload.key), one.workload.key.name}]
    if not found:
        raise _WrongError("workload", f"there is no workload {entry.workload} among the manifests")
    if len(found) > 1:
        keys = " and ".join(sorted(str(one.workload.key) for one in found))
        raise _WrongError("workload", f"could be {keys}: write the namespace before it")
    workload = found[0].workload
    if any(one.asked is found[0] for one in before):
        raise _WrongError("workload", f"{workload.key} appears twice in running")
    if workload.others:
        raise _WrongError(
            "workload", f"{workload.key} has several pod sets: count what they take as `used` of the nodes"
        )
    if datetime.fromisoformat(entry.since) > now:
        raise _WrongError("since", f"must not be after the moment of the decision, {now:%Y-%m-%dT%H:%M:%SZ}")
    return _Told(entry, found[0])


def _placed(told: _Told, fleet: Fleet) -> Running:
    """Take room for a workload where it runs."""
    pool = told.entry.pool
    views = [view for view in fleet.views if view.pool.name == pool and not view.grows]
    if not views:
        names = sorted({view.pool.name for view in fleet.views})
        raise _WrongError("pool", f"there is no pool {pool} with nodes; there are: {', '.join(names) or 'none'}")
    workload = told.asked.workload
    price = views[0].pool.price
    lenient = Policy(currency=price.currency) if price else Policy()  # its own rules were kept when it was placed
    offers = offers_for(_as_it_runs(workload, told.entry.replicas), lenient, fleet, None, views)
    for offer in offers:
        nodes = None if offer.rejections else offer.place()
        if nodes is not None:
            return _running(workload, offer, nodes, told.entry.since)
    raise _WrongError("pool", f"{workload.key} cannot run there: {offers[0].full()[0].message}")


def _as_it_runs(workload: Workload, replicas: int | None) -> Workload:
    """Return the workload as a gang of just the pods that run."""
    if replicas is None:
        return msgspec.structs.replace(workload, min_replicas=None)
    least, most = workload.min_replicas or workload.replicas, workload.replicas
    if not least <= replicas <= most:
        allowed = f"from {least} to {most}" if least < most else f"{most}, because it is not elastic"
        raise _WrongError("replicas", f"must be {allowed}")
    options = tuple(msgspec.structs.replace(one, replicas=None) for one in workload.accelerators)
    return msgspec.structs.replace(workload, replicas=replicas, min_replicas=None, accelerators=options)


def _running(workload: Workload, offer: Offer, nodes: Sequence[Assignment], since: str) -> Running:
    request = offer.ask.request_on(offer.view)
    ordered = sorted(nodes, key=lambda one: one.node)
    each = [name for one in ordered for name in repeat(one.node, one.pods)]
    return Running(
        workload=workload,
        placement=offer.placement(list(nodes)),
        pods_by_node=tuple((one.node, one.pods) for one in ordered),
        uses=tuple((one.node, request * one.pods) for one in ordered),
        since=since,
        indexes=tuple((at, name, request) for at, name in enumerate(each)) if workload.min_replicas is not None else (),
    )
