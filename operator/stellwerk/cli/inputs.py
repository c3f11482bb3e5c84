"""Everything that a plan needs, put together from manifests and a fleet file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

from stellwerk.cli import fleetfile, fleetlearned, fleetrunning, pricing, worlds
from stellwerk.cli.asks import Asked, Asks
from stellwerk.cli.collect import Collection, Wire, check_part, collect
from stellwerk.cli.fleetmodel import Fleet
from stellwerk.cli.fleetnodes import Nodes
from stellwerk.cli.manifests import Document, read
from stellwerk.cli.pricing import PriceInputs, PriceList
from stellwerk.cli.problems import BadInputError, Problem
from stellwerk.lifecycle.intake import policy_from, pool_from
from stellwerk.model.capacity import Pool
from stellwerk.model.discovery import discover_pools
from stellwerk.model.policy import Policy, policy_of
from stellwerk.model.snapshot import Snapshot

_NEWEST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than since when any price holds."""


class Defaults(NamedTuple):
    """What an object gets that does not say: its namespace, and when it was created."""

    namespace: str
    created: datetime
    prices: PriceInputs | None = None
    """Where prices come from that no pool declares; None for the tables that come along, at their newest."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """Valid input, ready to be planned."""

    asked: tuple[Asked, ...]
    snapshot: Snapshot
    notes: tuple[str, ...]
    prices: PriceList | None = None


def load(files: Sequence[str], fleet: Path | None, policies: Sequence[str], defaults: Defaults) -> Inputs:
    """Read and check all of it.

    Args:
        files: manifests; the fleet may be among them.
        fleet: the fleet file, if it is named.
        policies: where policies stand that replace those of the same name.
        defaults: for objects that do not say.

    Raises:
        BadInputError: with every problem found, in all files.
    """
    problems: list[Problem] = []
    own, elsewhere = worlds.parted(files, read(files, problems))
    found = collect(own, defaults.namespace)
    replaced = collect(read(policies, problems), defaults.namespace)
    given = read([str(fleet)], problems) if fleet else []
    problems += [*found.problems, *replaced.problems]
    document = fleetfile.choose(given, found, problems)
    parsed = fleetfile.parse(document, problems)
    specs = _policies(document, parsed, problems) | found.policies | replaced.policies
    pools, nodes = _capacity(document, parsed, found, problems)
    asks = Asks(defaults.namespace, defaults.created.isoformat())
    asks.take(found)
    if problems := [*problems, *asks.problems]:
        raise BadInputError(problems)
    found_pools = (*pools, *discover_pools(nodes.nodes, pools))
    priced, prices = pricing.price(found_pools, nodes.nodes, defaults.prices or PriceInputs(_NEWEST))
    if prices.problems:
        raise BadInputError([Problem("--prices or --currencies", 0, "", problem) for problem in prices.problems])
    snapshot = Snapshot(
        nodes=tuple(nodes.nodes),
        pools=priced,
        policies={name: policy_from(name, spec) for name, spec in specs.items()},
        usage=nodes.usage,
        namespaces=fleetlearned.namespaces_of(parsed.namespaces),
        runtime_classes=fleetlearned.runtime_classes_of(parsed.runtime_classes),
        supply=fleetlearned.supply_of(parsed, priced, defaults.created),
    )
    wanted = fleetlearned.as_admitted(asks.asked, snapshot)
    asked, snapshot = fleetrunning.settle(document, parsed.running, wanted, snapshot, defaults.created)
    told = prices.notes(sorted(_currencies(asked, snapshot))) if defaults.prices else ()
    return Inputs(asked, snapshot, (*asks.notes, *elsewhere, *_left_out(found), *told), prices)


def _currencies(asked: Sequence[Asked], snapshot: Snapshot) -> set[str]:
    """Return in which currencies the policies of the workloads count."""
    return {policy_of(one.workload.policy, snapshot.policies).currency for one in asked}


def load_policies(files: Sequence[str]) -> dict[str, Policy]:
    """Read PlacementPolicies alone, by name; whatever else the files hold is checked and left out.

    Raises:
        BadInputError: with every problem found.
    """
    problems: list[Problem] = []
    found = collect(read(files, problems), "default")
    if problems := [*problems, *found.problems]:
        raise BadInputError(problems)
    return {name: policy_from(name, spec) for name, spec in found.policies.items()}


def _policies(document: Document, fleet: Fleet, problems: list[Problem]) -> dict[str, Wire]:
    specs: dict[str, Wire] = {}
    for index, policy in enumerate(fleet.policies):
        name = policy.metadata.name
        specs[name], wrong = check_part(document, "PlacementPolicy", name, ("policies", index, "spec"))
        problems.extend(wrong)
    return specs


def _capacity(
    document: Document, fleet: Fleet, found: Collection, problems: list[Problem]
) -> tuple[tuple[Pool, ...], Nodes]:
    """Join the pools of the manifests with the nodes of the fleet; a manifest's spec wins."""
    specs: dict[str, Wire] = dict(found.pools)
    for index, entry in enumerate(fleet.pools):
        name = entry.metadata.name
        if name in specs:
            continue
        if entry.spec is None:
            message = f"is required: no ComputePool {name} is among the manifests"
            problems.append(document.problem(("pools", index, "spec"), message))
            continue
        spec, wrong = check_part(document, "ComputePool", name, ("pools", index, "spec"))
        problems.extend(wrong)
        if not wrong:
            specs[name] = spec
    pools = {name: pool_from(name, spec) for name, spec in sorted(specs.items())}
    nodes = Nodes()
    for entry in fleet.pools:
        if entry.metadata.name in pools:
            nodes.add_pool(pools[entry.metadata.name], entry.nodes)
    nodes.add_others(fleet.nodes)
    return tuple(pools.values()), nodes


def _left_out(found: Collection) -> list[str]:
    if not found.others:
        return []
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(found.others.items()))
    return [f"left out of the plan, because it places only AIWorkloads and labelled Jobs: {kinds}"]
