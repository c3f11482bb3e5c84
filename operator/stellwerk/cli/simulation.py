"""A simulation as the command line asks for it: a trace, a fleet, and policies to compare on both."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from stellwerk.api.labels import DEFAULT_POLICY
from stellwerk.cli.inputs import Defaults, load, load_policies
from stellwerk.cli.problems import BadInputError, Problem
from stellwerk.cli.traceformats import Trace, read
from stellwerk.model.capacity import Accelerator, CapacityType, Node, Pool
from stellwerk.model.policy import BUILT_IN_POLICY, QueueOrder
from stellwerk.model.resources import PODS, Resources
from stellwerk.model.snapshot import Snapshot
from stellwerk.sim.engine import Moment, Timeline, simulate
from stellwerk.sim.floor import Site
from stellwerk.sim.jobs import Job
from stellwerk.sim.planned import Planned
from stellwerk.sim.summary import Summary, summarize
from stellwerk.sim.traces import EPOCH, jobs_of

_SIZE: Final = re.compile(r"^([1-9]\d{0,5})x([1-9]\d{0,3})$")
_GPU: Final = "nvidia.com/gpu"


@dataclass(frozen=True, slots=True)
class Request:
    """The flags of one call."""

    trace: Path
    format: str | None = None
    fleet: Path | None = None
    nodes: str | None = None
    policies: tuple[str, ...] = ()
    orders: tuple[str, ...] = ()
    preempt: bool = False
    out: Path | None = None
    output: str = "table"


@dataclass(frozen=True, slots=True)
class Scenario:
    """One of the things to compare."""

    name: str
    snapshot: Snapshot
    orders: Mapping[str, str]
    """Queue order by name of the policy."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one scenario."""

    scenario: Scenario
    timeline: Timeline
    summary: Summary


@dataclass(frozen=True, slots=True)
class Comparison:
    """All scenarios on one trace and one fleet."""

    request: Request
    trace: Trace
    accelerators: int
    results: tuple[Result, ...]
    notes: tuple[str, ...]


Tell = Callable[[str], None]


def compare(request: Request, tell: Tell) -> Comparison:
    """Read everything, then simulate every scenario.

    Raises:
        BadInputError: something of the input is wrong; nothing is simulated then.
    """
    trace = read(request.trace, request.format)
    scenarios, notes = _scenarios(request)
    if trace.left_out:
        notes.append(f"{trace.left_out} rows of {request.trace} are left out: they have not ended, or say no times")
    fleet = scenarios[0].snapshot
    if growing := [pool.name for pool in fleet.pools if pool.growth is not None]:
        notes.append(f"pools do not grow in a simulation; only the nodes of the fleet count: {', '.join(growing)}")
    entries = trace.entries
    if request.nodes is not None:  # nodes of no model in particular
        entries = tuple(replace(entry, models=()) for entry in entries)
    jobs = jobs_of(entries, _per_node(fleet), trace.start)
    results = tuple(_run(scenario, jobs, trace, request, tell) for scenario in scenarios)
    return Comparison(request, trace, Site(fleet).accelerators, results, tuple(notes))


def _run(scenario: Scenario, jobs: Sequence[Job], trace: Trace, request: Request, tell: Tell) -> Result:
    def progress(moment: Moment, ended: int) -> None:
        state = f"day {moment.at / 86400:.1f}, {moment.running} run, {moment.waiting} wait"
        tell(f"{scenario.name}: {ended} of {len(jobs)} jobs have ended, {state}")

    timeline = simulate(jobs, Planned(scenario.snapshot, trace.start, preempt=request.preempt), progress)
    return Result(scenario, timeline, summarize(timeline, Site(scenario.snapshot).accelerators))


def _scenarios(request: Request) -> tuple[list[Scenario], list[str]]:
    """Return every policy file with every order; without either the fleet's own policies."""
    if (request.fleet is None) == (request.nodes is None):
        raise BadInputError([Problem("--fleet", 0, "", "name a fleet file, or say its size by --nodes, such as 8x8")])
    notes: list[str] = []
    found = []
    for policy in request.policies or (None,):
        snapshot = _fleet(request, policy, notes)
        for order in request.orders or (None,):
            ordered = snapshot if order is None else _ordered(snapshot, order)
            parts = [Path(policy).stem] if policy else []
            name = " ".join([*parts, *([order] if order else [])]) or "fleet"
            orders = {key: one.queue_order.value for key, one in sorted(ordered.policies.items())}
            found.append(Scenario(name, ordered, orders or {DEFAULT_POLICY: BUILT_IN_POLICY.queue_order.value}))
    twice = {one.name for one in found if sum(other.name == one.name for other in found) > 1}
    if twice:
        raise BadInputError([Problem("--policy", 0, "", f"two are called {', '.join(sorted(twice))}: rename a file")])
    return found, list(dict.fromkeys(notes))


def _fleet(request: Request, policy: str | None, notes: list[str]) -> Snapshot:
    if request.nodes is None:
        inputs = load((), request.fleet, (policy,) if policy else (), Defaults("default", EPOCH))
        notes.extend(inputs.notes)
        return inputs.snapshot
    bare = _bare(request.nodes)
    return bare if policy is None else replace(bare, policies=load_policies((policy,)))


def _bare(size: str) -> Snapshot:
    """Return nodes of one kind, without a price: `8x4` is 8 nodes of 4 accelerators."""
    told = _SIZE.match(size)
    if told is None:
        message = f"must be nodes x accelerators of each, such as 8x8, not {size}"
        raise BadInputError([Problem("--nodes", 0, "", message)])
    count, each = int(told[1]), int(told[2])
    offer = Resources.of({_GPU: each, PODS: max(110, each), "cpu": 10**9, "memory": 2**60})
    width = len(str(count))
    nodes = tuple(Node(f"node-{number:0{width}d}", {"pool": "nodes"}, offer) for number in range(1, count + 1))
    pool = Pool(
        "nodes", {"pool": "nodes"}, capacity_type=CapacityType.OWNED, accelerator=Accelerator("any", each, _GPU)
    )
    return Snapshot(nodes, (pool,))


def _ordered(snapshot: Snapshot, order: str) -> Snapshot:
    """Return the fleet with all its policies, the built-in one included, ordering their queues like this."""
    try:
        wanted = QueueOrder(order)
    except ValueError as error:
        known = ", ".join(QueueOrder)
        raise BadInputError([Problem("--order", 0, "", f"must be one of {known}, not {order}")]) from error
    policies = {DEFAULT_POLICY: BUILT_IN_POLICY, **snapshot.policies}
    return replace(snapshot, policies={name: replace(one, queue_order=wanted) for name, one in policies.items()})


def _per_node(fleet: Snapshot) -> int:
    """Return the most accelerators that a node of a pool has; 8 where no pool has any."""
    return max((pool.accelerator.count for pool in fleet.pools if pool.accelerator), default=8)
