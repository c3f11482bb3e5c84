"""`stellwerk fleet export`: a live cluster as a fleet file; a plan over it gives what the operator would decide.

It feeds the operator's own store from one LIST per kind, so that both see the same.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from stellwerk import logs
from stellwerk.cli import fleetwriter
from stellwerk.cli.result import EXIT_BAD_INPUT
from stellwerk.cli.terminal import emit
from stellwerk.cluster import errors, kubeconfig, resources
from stellwerk.cluster.listing import listed
from stellwerk.cluster.resources import Resource
from stellwerk.cluster.session import Session
from stellwerk.control.store import Store

_LIMIT_SECONDS: Final = 30.0
_EXTRAS: Final = frozenset(
    one.name
    for one in (resources.NAMESPACES, resources.LIMIT_RANGES, resources.RESOURCE_QUOTAS, resources.RUNTIME_CLASSES)
)
"""What may be kept from whoever exports: the file then says less."""


def run(config: Path | None, context: str | None, cluster: str) -> int:
    """Write the fleet of a cluster to standard output; return the exit code."""
    logs.configure("console", "warning")  # standard output is for the fleet alone
    try:
        target = kubeconfig.discover(config, context)
        fleet, notes = asyncio.run(_fetch(target, cluster))
    except (errors.ApiError, kubeconfig.ConfigError) as error:
        print(f"stellwerk: {error}", file=sys.stderr)
        return EXIT_BAD_INPUT
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    text = yaml.safe_dump(fleet, sort_keys=False, allow_unicode=True, width=120)
    emit(f"# Written by `stellwerk fleet export`; for `stellwerk plan --fleet`.\n{text.rstrip()}")
    return 0


async def _fetch(target: kubeconfig.Target, cluster: str) -> tuple[Mapping[str, Any], list[str]]:
    store = Store(cluster, lambda: None)
    specs: dict[str, dict[str, Any]] = {"pools": {}, "policies": {}, "supply": {}}
    notes: list[str] = []

    def on_pool(*event: Any) -> None:  # noqa: ANN401 - a sink's arguments
        specs["pools"][event[1].metadata.name] = event[1].spec
        specs["supply"][event[1].metadata.name] = (event[1].status or {}).get("supply")
        store.on_pool(*event)

    def on_policy(*event: Any) -> None:  # noqa: ANN401 - a sink's arguments
        specs["policies"][event[1].metadata.name] = event[1].spec
        store.on_policy(*event)

    sinks: tuple[tuple[Resource[Any], Any], ...] = (
        (resources.PLACEMENT_POLICIES, on_policy),
        (resources.COMPUTE_POOLS, on_pool),
        (resources.NODES, store.on_node),
        (resources.LIVE_PODS, store.on_pod),
        (resources.JOBS, store.on_job),
        (resources.AIWORKLOADS, store.on_workload),
        (resources.NAMESPACES, store.on_namespace),
        (resources.LIMIT_RANGES, store.on_limit_range),
        (resources.RESOURCE_QUOTAS, store.on_resource_quota),
        (resources.RUNTIME_CLASSES, store.on_runtime_class),
    )
    async with Session(target, timeout=_LIMIT_SECONDS) as session:
        for resource, sink in sinks:
            try:
                async for item in listed(session, resource):
                    sink("ADDED", item, None)
            except errors.NotFound:
                notes.append(f"the cluster knows no {resource.name}: is Stellwerk installed there?")
            except errors.Forbidden:
                if resource.name not in _EXTRAS:
                    raise
                notes.append(f"{resource.name} may not be listed with these rights: a plan will know none of them")
    for uid in store.workloads.uids:
        store.state(uid)  # notes what is placed and not bound yet
    exported = fleetwriter.Exported(store.snapshot(), specs["pools"], specs["policies"], supply=specs["supply"])
    return fleetwriter.document(exported), [*notes, *exported.notes]
