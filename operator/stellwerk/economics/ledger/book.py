"""The book: entries on pages, and up to when each node is booked.

Each second of each node is booked at most once, whoever books it and however often: an entry is cut at the moment up to
which its node is booked, and pages are written by compare-and-swap. Pages that are full never change again.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence

import msgspec

from stellwerk.economics.ledger.facts import Entry, Loss, NodeSpan


class Page(msgspec.Struct, frozen=True):
    """Some entries of one lane, in the order in which they were booked."""

    cluster: str
    lane: int
    number: int
    since: int
    """When the ledger of this cluster began; nothing before it is ever booked."""
    entries: tuple[Entry, ...] = ()
    losses: tuple[Loss, ...] = ()

    @property
    def name(self) -> str:
        """Of the object that holds it."""
        return f"stellwerk-ledger-{self.cluster}-{self.lane:02d}-{self.number:06d}"

    @property
    def end(self) -> int:
        """When its last entry ends; `since` if it has none."""
        return max((entry.end for entry in self.entries), default=self.since)

    def extended(self, entries: Iterable[Entry], losses: Iterable[Loss] = ()) -> Page:
        """Return the page with more on it; what goes on unchanged makes the last entry of its node longer."""
        written = list(self.entries)
        last = {entry.uid: i for i, entry in enumerate(written)}
        for entry in entries:
            i = last.get(entry.uid)
            new = entry if i is None else cut(entry, written[i].end)
            if new is None:
                continue
            if i is not None and new.continues(written[i]):
                written[i] = msgspec.structs.replace(written[i], end=new.end)
            else:
                last[new.uid] = len(written)
                written.append(new)
        known = {(loss.uid, loss.end) for loss in self.losses}
        fresh = tuple(loss for loss in dict.fromkeys(losses) if (loss.uid, loss.end) not in known)
        return msgspec.structs.replace(self, entries=tuple(written), losses=self.losses + fresh)


class Book:
    """What is booked of one cluster.

    Args:
        cluster: Its name.
        lanes: Pages that are written at the same time; a node keeps to one lane.
        since: When the ledger begins if no page says so.

    """

    def __init__(self, cluster: str, lanes: int, since: int) -> None:
        self.cluster, self.lanes, self.since = cluster, lanes, since
        self._booked: dict[str, int] = {}
        self._lost: set[tuple[str, int]] = set()
        self._open: dict[int, Page] = {}

    def read(self, page: Page, *, full: bool) -> None:
        """Take in a page as it is stored; the order does not matter.

        Args:
            page: The page.
            full: It never changes again.
        """
        self._note(page.entries, page.losses)
        self.since = page.since
        newest = self._open.get(page.lane)
        if newest is not None and newest.number > page.number:
            return
        self._open[page.lane] = self._next(page) if full else page

    def booked(self, node: NodeSpan) -> int:
        """Return up to when a node is booked: nothing before it may be booked again."""
        known = self._booked.get(
            node.uid
        )  # by somebody's clock; it goes on from there, whatever ours says of its start
        return max(self.since, node.start if known is None else known)

    def lane_of(self, uid: str) -> int:
        """Return the lane of a node."""
        return zlib.crc32(uid.encode()) % self.lanes

    def page(self, lane: int) -> Page:
        """Return the open page of a lane, as it is stored; an empty one is not stored yet."""
        return self._open.get(lane) or Page(self.cluster, lane, 1, self.since)

    def draft(self, lane: int, entries: Iterable[Entry], losses: Iterable[Loss] = ()) -> Page:
        """Return the open page of a lane with more on it; nothing is booked before `commit`."""
        due = (cut(entry, self._booked.get(entry.uid, 0)) for entry in entries)
        fresh = (loss for loss in losses if (loss.uid, loss.end) not in self._lost)
        return self.page(lane).extended((entry for entry in due if entry is not None), fresh)

    def commit(self, page: Page, *, full: bool) -> Sequence[Entry]:
        """Note that a page is stored as drafted; return what is on it that was not on it before.

        What is booked does not tell that: nodes that are gone are forgotten, and still are on the page.

        Args:
            page: As `draft` returned it.
            full: The next draft begins another page.
        """
        stored = {entry.uid: entry.end for entry in self.page(page.lane).entries}
        due = (cut(entry, stored.get(entry.uid, 0)) for entry in page.entries)
        fresh = [entry for entry in due if entry is not None]
        self._note(fresh, page.losses)
        self._open[page.lane] = self._next(page) if full else page
        return fresh

    def forget(self, uids: Iterable[str]) -> None:
        """Forget nodes that are gone: a uid never comes again."""
        for uid in uids:
            self._booked.pop(uid, None)

    def _note(self, entries: Iterable[Entry], losses: Iterable[Loss]) -> None:
        for entry in entries:
            self._booked[entry.uid] = max(entry.end, self._booked.get(entry.uid, 0))
        self._lost.update((loss.uid, loss.end) for loss in losses)

    def _next(self, page: Page) -> Page:
        return Page(self.cluster, page.lane, page.number + 1, page.since)


def cut(entry: Entry, booked: int) -> Entry | None:
    """Return what of an entry lies after `booked`; None if nothing does."""
    if entry.end <= max(booked, entry.start):
        return None
    return entry if entry.start >= booked else msgspec.structs.replace(entry, start=booked)
