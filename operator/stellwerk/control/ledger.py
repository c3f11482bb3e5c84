"""The ledger of one replica: what it sees beside the store, what it writes, and what tenants are told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from stellwerk.cluster import resources
from stellwerk.cluster.outcome import Outcome
from stellwerk.cluster.reflector import Reflector
from stellwerk.cluster.resources import Resource
from stellwerk.cluster.session import Session
from stellwerk.control.accrual import Accrual, LedgerTuning
from stellwerk.control.ledgerfacts import LedgerFacts
from stellwerk.control.store import Store
from stellwerk.control.tenants import Tenants
from stellwerk.lifecycle.actions import Transaction

Sinks = Sequence[tuple[Resource[Any], Any]]

_TOLD_OF: Final = (resources.NODES, resources.LIVE_PODS)
"""The ledger counts up to when these were last heard of."""


class Ledger:
    """Accounts of one cluster; used in the main loop only.

    Args:
        store: Takes in each event before the ledger does.
        tuning: How the ledger is kept.
        submit: Hands a transaction to the writer.
        leads: Whether this replica leads.

    """

    def __init__(
        self,
        store: Store,
        tuning: LedgerTuning,
        submit: Callable[[Transaction], None],
        leads: Callable[[], bool],
    ) -> None:
        self._leads = leads
        self._tenants = Tenants(tuning.status)
        self._facts = LedgerFacts(store, lambda: self._tenants.tenancy.owners)
        self._accrual = Accrual(self._facts, tuning, submit)
        self._reflectors: Sequence[Reflector[Any]] = ()

    def beside(self, sinks: Sinks) -> Sinks:
        """Return the sinks of a replica, with those of the ledger after the store's."""
        own = {
            resources.NODES.name: self._facts.on_node,
            resources.LIVE_PODS.name: self._facts.on_pod,
            resources.AIWORKLOADS.name: self._facts.on_workload,
            resources.JOBS.name: self._facts.on_job,
        }
        both = [(one, _both(sink, own[one.name]) if one.name in own else sink) for one, sink in sinks]
        return (*both, (resources.TENANTS, self._tenants.on_tenant))

    def route(self, otherwise: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        """Return what hears of the ends of transactions: those of others are handed on."""
        return lambda outcome: None if self._accrual.heard(outcome) else otherwise(outcome)

    def warm(self, reflectors: Sequence[Reflector[Any]]) -> None:
        """Note that everything was listed: from now on nothing goes unseen."""
        self._reflectors = [one for one in reflectors if one.resource in _TOLD_OF]
        self._facts.warm()

    async def run(self, session: Session) -> None:
        """Keep the ledger until cancelled."""
        await self._accrual.run(session, self._leads, self._age)

    async def flush(self, limit: float) -> None:
        """Write what can be written within `limit` seconds: the process is about to end."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._accrual.flush(self._age), limit)

    def due(self) -> Iterator[Transaction]:
        """Return the writes that bring the status of tenants up to date."""
        return self._tenants.due(self._accrual.totals if self._accrual.ready else None)

    def _age(self) -> float:
        return max((one.age() for one in self._reflectors), default=0.0)


def _both(first: Any, second: Any) -> Any:  # noqa: ANN401 - sinks of any kind
    def sink(*event: Any) -> None:  # noqa: ANN401 - a sink's arguments
        first(*event)
        second(*event)

    return sink
