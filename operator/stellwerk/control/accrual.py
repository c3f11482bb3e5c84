"""The ledger's loop: while this replica leads, what was seen is settled and written, page by page.

A standby sees the same and forgets it after a while. Who takes over reads the pages, which say up to when each node is
booked, and goes on from there with what it has seen itself; only what nobody saw is a gap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from stellwerk import metrics
from stellwerk.cluster import errors
from stellwerk.cluster.ledgerpages import StoredPage, ended_pods, read_pages
from stellwerk.cluster.outcome import Outcome, OutcomeKind
from stellwerk.cluster.session import Session
from stellwerk.control.ledgerfacts import LedgerFacts, now_seconds
from stellwerk.economics.ledger.book import Book, Page
from stellwerk.economics.ledger.facts import Entry
from stellwerk.economics.ledger.pages import PageError, encode
from stellwerk.economics.ledger.rates import SplitMode
from stellwerk.economics.ledger.settling import settle
from stellwerk.economics.ledger.totals import Totals
from stellwerk.lifecycle.actions import Action, DeletePage, Transaction
from stellwerk.lifecycle.pages import write_page
from stellwerk.logs import get_logger
from stellwerk.model.workload import WorkloadKey

_log = get_logger(__name__)

_TICK_SECONDS: Final = 1.0
_RETRY_SECONDS: Final = 5.0
_PROMPT_SECONDS: Final = 3
"""What happened reaches us within this time while a stream is alive."""
_NODES_AT_ONCE: Final = 20
"""So many are settled before others get their turn in the loop."""
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class LedgerTuning:
    """How the ledger is kept.

    Attributes:
        namespace: Where its pages are.
        lanes: Pages that are written at the same time.
        write: Seconds after which a change is written.
        extend: Seconds after which everything is written up to then, changed or not.
        keep_days: Pages are deleted when their last entry is older than this.
        page_bytes: A page that is larger is full.
        split: How prices are split.
        status: Seconds between two writes of the totals in the status of a Tenant, at least.

    """

    namespace: str
    lanes: int = 1
    write: float = 60.0
    extend: float = 600.0
    keep_days: int = 400
    page_bytes: int = 400_000
    split: SplitMode = SplitMode.RESIDUAL
    status: float = 600.0


Age = Callable[[], float]
"""Returns seconds since the streams of nodes and pods last showed life, the older of the two."""


class Accrual:
    """Keeps the ledger of one cluster.

    Args:
        facts: What was seen.
        tuning: How the ledger is kept.
        submit: Hands a transaction to the writer.
        clock: Returns the moment.

    Attributes:
        totals: What tenants have spent in the periods that run; empty while this replica does not lead.

    """

    def __init__(
        self,
        facts: LedgerFacts,
        tuning: LedgerTuning,
        submit: Callable[[Transaction], None],
        clock: Callable[[], int] = now_seconds,
    ) -> None:
        self.totals = Totals()
        self._facts, self._tuning, self._submit, self._clock = facts, tuning, submit, clock
        self._book: Book | None = None
        self._stored: dict[str, tuple[str, str]] = {}  # version and uid by name
        self._old: dict[str, Page] = {}  # full pages without what is on them
        self._outcomes: dict[str, asyncio.Future[Outcome]] = {}
        self._extended = time.monotonic()
        self._dirty_since: float | None = None
        self._lock = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """Whether the pages were read, so that totals are complete."""
        return self._book is not None

    def heard(self, outcome: Outcome) -> bool:
        """Take the end of a transaction if it is one of ours; tell whether it was."""
        waiting = self._outcomes.pop(outcome.transaction.uid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(outcome)
        return waiting is not None

    async def run(self, session: Session, leads: Callable[[], bool], age: Age) -> None:
        """Keep the ledger until cancelled."""
        while True:
            await asyncio.sleep(_TICK_SECONDS)
            try:
                async with self._lock:
                    await self._tick(session, leads, age)
            except (errors.ApiError, PageError) as error:
                self._book = None  # whatever was meant to be written: what is stored counts
                metrics.LEDGER_FAILURES.inc()
                _log.warning("the ledger stands still", error=str(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _tick(self, session: Session, leads: Callable[[], bool], age: Age) -> None:
        self._facts.refresh()
        if not leads():
            self._book = None
            keep = round(2 * self._tuning.extend) + 2 * round(self._tuning.write)
            self._facts.observed.forget_before(self._clock() - keep)
            return
        book = self._book or await self._read(session)
        now = time.monotonic()
        if not (self._facts.observed.dirty or self._facts.losses):
            self._dirty_since = None
        elif self._dirty_since is None:
            self._dirty_since = now
        changed = self._dirty_since is not None and now - self._dirty_since >= self._tuning.write
        if changed or now - self._extended >= self._tuning.extend:
            heard = self._clock() - round(age()) - _PROMPT_SECONDS
            await self.write(book, min(heard, self._facts.clear_until))
            await self._prune(book)

    async def flush(self, age: Age) -> None:
        """Write what can be written now: the process is about to end."""
        async with self._lock:
            if self._book is None:
                return
            try:
                self._facts.refresh()
                await self.write(self._book, self._clock() - round(age()))
            except errors.ApiError as error:
                _log.warning("the last page was not written", error=str(error))

    # ------------------------------------------------------------------------------ reading

    async def _read(self, session: Session) -> Book:
        """Read all pages: they say up to when each node is booked."""
        cluster = self._facts.cluster
        book = Book(cluster, self._tuning.lanes, self._facts.observed.since)
        totals, stored = Totals(), dict[str, tuple[str, str]]()
        self._old = {}
        async for one in read_pages(session, self._tuning.namespace, cluster):
            book.read(one.page, full=one.full)
            totals.add(one.page.entries, self._clock())
            self._note(one)
            stored[one.page.name] = (one.version, one.uid)
        await self._recall(session, book)
        self.totals, self._stored, self._book = totals, stored, book
        self._extended = -self._tuning.extend  # who takes over writes at once
        _log.info("ledger read", pages=len(stored), since=book.since)
        return book

    async def _recall(self, session: Session, book: Book) -> None:
        """Ask for what ended while nobody watched: the kubelets have written down when that was."""
        observed = self._facts.observed
        since = min((book.booked(node) for node in observed.nodes.values()), default=observed.since)
        if since < observed.since:
            async for pod in ended_pods(session):
                self._facts.recall(pod, since)

    def _note(self, one: StoredPage) -> None:
        if one.full:
            empty = Page(one.page.cluster, one.page.lane, one.page.number, one.page.end)
            self._old[one.page.name] = empty

    # ------------------------------------------------------------------------------ writing

    async def write(self, book: Book, until: int) -> None:
        """Settle everything up to a moment and write it, one page for each lane.

        Raises:
            ApiError: A page was not written; nothing of it is booked.
        """
        observed = self._facts.observed
        lanes: dict[int, list[Entry]] = {lane: [] for lane in range(book.lanes)}
        for i, node in enumerate(list(observed.nodes.values())):
            lanes[book.lane_of(node.uid)] += settle(observed, node, book.booked(node), until, self._tuning.split)
            if i % _NODES_AT_ONCE == _NODES_AT_ONCE - 1:
                await asyncio.sleep(0)
        for lane, entries in lanes.items():
            losses = [loss for loss in self._facts.losses.values() if book.lane_of(loss.uid) == lane]
            page = book.draft(lane, entries, losses)
            if page != book.page(lane):
                await self._write_page(book, page)
            for loss in losses:
                self._facts.losses.pop((loss.uid, loss.end), None)
        gone = [uid for uid, node in observed.nodes.items() if node.end is not None and book.booked(node) >= node.end]
        observed.settled(book.booked)
        observed.dirty = {uid: at for uid, at in observed.dirty.items() if at > until}
        book.forget(uid for uid in gone if uid not in observed.nodes)
        self._extended, self._dirty_since = time.monotonic(), None
        metrics.LEDGER_BOOKED.set(until)

    async def _write_page(self, book: Book, page: Page) -> None:
        data = await asyncio.to_thread(encode, page)
        full = len(data) > self._tuning.page_bytes
        version, uid = self._stored.get(page.name, (None, ""))
        action = write_page(page, data, self._tuning.namespace, version, full=full)
        outcome = await self._carry_out(page.name, action)
        self._stored[page.name] = (outcome.resource_version, uid or outcome.child_uid)
        self.totals.add(book.commit(page, full=full), self._clock())
        if full:
            self._old[page.name] = Page(page.cluster, page.lane, page.number, page.end)

    async def _carry_out(self, name: str, action: Action) -> Outcome:
        """Have one action carried out and wait for its end.

        Raises:
            ApiError: It is not in effect, or that is not known.
        """
        key = f"ledger/{name}"
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._outcomes[key] = waiting
        self._submit(Transaction(WorkloadKey(self._tuning.namespace, name), key, (action,)))
        outcome = await waiting
        metrics.WRITES.labels(type(action).__name__, outcome.kind.value).inc()
        if outcome.kind is not OutcomeKind.APPLIED:
            raise errors.ApiError(f"page {name}: {outcome.kind.value}: {outcome.error}")
        return outcome

    async def _prune(self, book: Book) -> None:
        """Delete one page that is older than is kept; never the last ones of a lane, which say what is booked."""
        oldest = self._clock() - self._tuning.keep_days * _DAY
        for name, page in list(self._old.items()):
            if page.since < oldest and page.number < self._newest(page.lane, book) - 1:
                await self._carry_out(name, DeletePage(self._tuning.namespace, name, self._stored[name][1]))
                del self._old[name], self._stored[name]
                return

    def _newest(self, lane: int, book: Book) -> int:
        return book.page(lane).number
