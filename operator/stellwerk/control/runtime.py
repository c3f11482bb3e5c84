"""One replica: it watches always, and decides and writes while it leads.

Everything that a cycle needs is warm before the replica competes for the Lease, so that a takeover begins with a
decision and not with a list of ten thousand objects.
"""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from stellwerk import metrics
from stellwerk.cluster import resources
from stellwerk.cluster.elector import Callbacks, Elector, Unelected
from stellwerk.cluster.kubeconfig import Target
from stellwerk.cluster.reflector import Reflector
from stellwerk.cluster.session import Session
from stellwerk.cluster.writer import Writer
from stellwerk.control.batcher import Batcher
from stellwerk.control.cycle import Cycle
from stellwerk.control.ending import end_all
from stellwerk.control.endpoints import Probes
from stellwerk.control.figures import counts_due, publish
from stellwerk.control.how import How
from stellwerk.control.improver import Improver
from stellwerk.control.ledger import Ledger
from stellwerk.control.prices import Prices
from stellwerk.control.store import Store
from stellwerk.control.supply import Supplies
from stellwerk.lifecycle.actions import Transaction
from stellwerk.lifecycle.config_status import judge
from stellwerk.logs import get_logger

_log = get_logger(__name__)

_HEARTBEAT_SECONDS: Final = 0.5
_FIGURES_SECONDS: Final = 2.0
_STUCK_SECONDS: Final = 60.0
"""A main loop that stood still for this long will not recover."""
_OVERDUE_SECONDS: Final = 60.0
"""A policy or pool that got no answer for this long: kopf is deaf."""
_UNSEEN_SECONDS: Final = 0.05
_UNSEEN_TRIES: Final = 200
"""An answer waits so long, so often, for decisions to follow what it is about."""


class Shell(Protocol):
    """What answers people about the kinds that they write by hand, while this replica leads."""

    def start(self) -> None:
        """Begin to answer."""

    def stop(self) -> None:
        """Cease."""

    def restart(self) -> None:
        """Begin anew: an answer is overdue."""


ShellFactory = Callable[[Callable[[str, Mapping[str, Any]], None]], Shell]
"""Makes the shell; gets the function that judges an object by kind."""


class Runtime:
    """One replica of the operator on one cluster.

    Args:
        target: the API server.
        how: settings.
        shell: makes the shell.

    """

    def __init__(self, target: Target, how: How, shell: ShellFactory) -> None:
        self._target, self._how = target, how
        prices = Prices(how.prices.step, how.prices.outdated)
        self._store = Store(how.cluster, self._changed, Supplies(how.backoff, how.patience), prices)
        self._ledger = Ledger(self._store, how.ledger, self._submit, lambda: self._leading)
        self._batcher = Batcher(*how.window)
        self._shell = shell(self._judge)
        self._beat = time.monotonic()
        self._leading = self._competing = False
        self._reflectors: tuple[Reflector[Any], ...] = ()
        self._writer: Writer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._elector = self._make_elector()
        self._improver = Improver(how.improve, self._improved)
        self._cycle = Cycle(self._store, self._submit, self._later, self._improver)

    @property
    def probes(self) -> Probes:
        """What /healthz and /readyz ask; may be called from any thread."""
        return Probes(alive=self._what_is_dead, ready=self._what_is_cold)

    async def run(self, stop: asyncio.Event) -> None:
        """Run until `stop` is set; then cease to lead, let go of the Lease and end."""
        self._loop = asyncio.get_running_loop()
        await self._look_at_prices()
        async with Session(self._target) as session:
            writer = Writer(session, self._elector.is_leader, self._ledger.route(self._cycle.heard), self._how.writes)
            async with writer:
                self._writer = writer
                self._reflectors = self._make_reflectors(session)
                async with asyncio.TaskGroup() as group:
                    tasks = [group.create_task(work) for work in (self._beats(), self._figures(), *self._streams())]
                    loops = (self._cycles(), self._improver.run(), self._follow_prices(), self._ledger.run(session))
                    tasks += [group.create_task(work) for work in loops]
                    stopped = group.create_task(stop.wait())
                    await self._compete_when_warm(stopped)
                    await stopped
                    await self._ledger.flush(self._how.writes.timeout)
                    await asyncio.to_thread(self._elector.stop)
                    await end_all(tasks)

    # ------------------------------------------------------------------------------- reading

    def _make_reflectors(self, session: Session) -> tuple[Reflector[Any], ...]:
        sinks: tuple[tuple[Any, Any], ...] = (
            (resources.PLACEMENT_POLICIES, self._store.on_policy),
            (resources.COMPUTE_POOLS, self._store.on_pool),
            (resources.NAMESPACES, self._store.on_namespace),
            (resources.LIMIT_RANGES, self._store.on_limit_range),
            (resources.RESOURCE_QUOTAS, self._store.on_resource_quota),
            (resources.RUNTIME_CLASSES, self._store.on_runtime_class),
            (resources.NODES, self._store.on_node),
            (resources.LIVE_PODS, self._store.on_pod),
            (resources.JOBS, self._store.on_job),
            (resources.AIWORKLOADS, self._store.on_workload),
        )
        return tuple(
            Reflector(session, resource, sink, self._how.tuning) for resource, sink in self._ledger.beside(sinks)
        )

    def _streams(self) -> list[Any]:
        return [reflector.run() for reflector in self._reflectors]

    async def _look_at_prices(self) -> None:
        """Read the tables of prices in a thread; before the first cycle, so that nothing is taken for unpriced."""
        self._store.prices.tables = await asyncio.to_thread(self._how.prices.source.look, datetime.now(UTC))

    async def _follow_prices(self) -> None:
        while True:
            await asyncio.sleep(self._how.prices.reread)
            await self._look_at_prices()
            self._store.reprice()

    def _changed(self) -> None:
        self._batcher.trigger()

    async def _compete_when_warm(self, stopped: asyncio.Task[Any]) -> None:
        warm = asyncio.gather(*(reflector.synced.wait() for reflector in self._reflectors))
        await asyncio.wait({warm, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if stopped.done():
            warm.cancel()
            return
        self._ledger.warm(self._reflectors)
        gc.collect()
        gc.freeze()  # tens of thousands of cached objects: no collection needs to walk them again
        _log.info("synced", **{reflector.resource.name: len(reflector.objects) for reflector in self._reflectors})
        self._elector.start()
        self._competing = True

    # ------------------------------------------------------------------------------- leading

    def _make_elector(self) -> Elector | Unelected:
        callbacks = Callbacks(heartbeat=self._beats_in_time, on_started=self._lead, on_stopped=self._follow)
        lease = self._how.lease
        return Unelected(callbacks) if lease is None else Elector(self._target, lease, callbacks)

    def _beats_in_time(self) -> bool:
        return time.monotonic() - self._beat < self._how.heartbeat_limit

    def _lead(self) -> None:
        """Begin to lead; called in the elector's thread."""
        self._in_loop(self._begin)
        self._shell.start()

    def _begin(self) -> None:
        self._leading = self._store.supplies.leading = self._store.prices.leading = True
        metrics.LEADER.set(1)
        self._improver.wake()
        self._cycle.restart()

    def _follow(self) -> None:
        """Cease to lead; called in the elector's thread, or in the loop where there is no election.

        When it returns in the elector's thread, no write is under way.
        """
        self._leading = self._store.supplies.leading = self._store.prices.leading = False
        metrics.LEADER.set(0)
        self._shell.stop()
        if self._writer is not None and self._loop is not None and threading.current_thread().name == "elector":
            limit = self._how.writes.timeout + 1
            asyncio.run_coroutine_threadsafe(self._writer.drained(), self._loop).result(limit)

    def _in_loop(self, call: Callable[[], None]) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(call)

    async def _cycles(self) -> None:
        looked = time.monotonic()
        while True:
            await self._batcher.window()
            if not self._leading:
                continue
            if time.monotonic() - looked >= self._how.window[2]:  # however many events there are
                looked = time.monotonic()
                self._look_again()
            began = time.monotonic()
            self._cycle.run_once()
            self._batcher.worked(time.monotonic() - began)
            if self._store.capacity.freed or self._store.rules_changed:
                self._batcher.trigger()

    def _look_again(self) -> None:
        """Once per tick: look at all that has not settled, and at whether kopf still answers."""
        self._store.look_at_unsettled()
        if self._store.unanswered(_OVERDUE_SECONDS):
            _log.warning("policies or pools without an answer: kopf is started again")
            threading.Thread(target=self._shell.restart, name="kopf-restart", daemon=True).start()

    # ------------------------------------------------------------------------------- writing

    def _submit(self, transaction: Transaction) -> None:
        if self._writer is not None:
            self._writer.submit(transaction)

    def _improved(self, uids: frozenset[str]) -> None:
        for uid in sorted(uids):
            self._store.mark(uid)

    def _later(self, seconds: float, uid: str) -> None:
        if self._loop is not None:
            self._loop.call_later(seconds, self._store.mark, uid)

    def _judge(self, kind: str, body: Mapping[str, Any]) -> None:
        """Judge an object that people wrote; called in kopf's thread."""
        transaction = judge(kind, body, datetime.now(UTC))
        if transaction is not None:
            meta = body["metadata"]
            self._in_loop(lambda: self._answer(transaction, meta["generation"], _UNSEEN_TRIES))

    def _answer(self, transaction: Transaction, generation: int, tries: int) -> None:
        """Submit a verdict once decisions follow what it is about: kopf may have seen that before the reflector did.

        Whoever waits for Accepted may rely on it. A verdict on what has changed since is dropped: kopf sees that, too.
        What never comes was deleted, or is not understood: it is answered in the end all the same.
        """
        found = (one.objects.get(transaction.uid) for one in self._reflectors)
        seen = next((one.metadata.generation for one in found if one is not None), 0)
        if seen == generation or (seen < generation and not tries):
            self._submit(transaction)
        elif seen < generation and self._loop is not None:
            self._loop.call_later(_UNSEEN_SECONDS, self._answer, transaction, generation, tries - 1)

    # ------------------------------------------------------------------------------- telling

    async def _beats(self) -> None:
        while True:
            due = time.monotonic() + _HEARTBEAT_SECONDS
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            self._beat = time.monotonic()
            metrics.LOOP_LAG.set(max(0.0, self._beat - due))

    async def _figures(self) -> None:
        watched = time.monotonic()
        while True:
            publish(self._store, self._reflectors, self._how.cluster)
            since, watched = watched, time.monotonic()
            if self._leading:
                self._store.watch_nodes(watched - since)
                pools = next(one for one in self._reflectors if one.resource is resources.COMPUTE_POOLS)
                for due in (*counts_due(self._store, pools.objects.values(), datetime.now(UTC)), *self._ledger.due()):
                    self._submit(due)
            await asyncio.sleep(_FIGURES_SECONDS)

    def _what_is_dead(self) -> Sequence[str]:
        wrong = [
            f"stream {reflector.resource.name} is silent for {reflector.age():.0f} s"
            for reflector in self._reflectors
            if reflector.age() > self._how.liveness
        ]
        if (still := time.monotonic() - self._beat) > _STUCK_SECONDS:
            wrong.append(f"the main loop stands still for {still:.0f} s")
        if self._competing and not self._elector.alive:
            wrong.append("the elector has ended")
        return wrong

    def _what_is_cold(self) -> Sequence[str]:
        if not self._reflectors:
            return ["not started"]
        return [f"{one.resource.name} is not synced" for one in self._reflectors if not one.synced.is_set()]
