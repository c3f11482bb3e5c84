"""Pages as bytes: tables of what repeats, entries that point into them, compressed."""

from __future__ import annotations

import zlib
from typing import Final, TypeVar

import msgspec

from stellwerk.economics.ledger.book import Page
from stellwerk.economics.ledger.facts import Billing, Entry, Line, Loss, Party

FORMAT: Final = 1
_LEVEL: Final = 6
T = TypeVar("T")


class PageError(ValueError):
    """Stored bytes are no page that this version understands."""


class _Row(msgspec.Struct, array_like=True):
    node: int
    start: int
    """Seconds since the ledger began."""
    seconds: int
    billing: int
    lines: list[tuple[int, int, int]]
    """Party, rate, thousandths of devices."""
    seen: bool


class _Stored(msgspec.Struct):
    format: int
    cluster: str
    lane: int
    number: int
    since: int
    nodes: list[tuple[str, str]]
    billings: list[Billing]
    parties: list[Party]
    entries: list[_Row]
    losses: list[Loss]


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Stored).decode


class _Table(dict[T, int]):
    """Values in the order in which they were first asked for."""

    def __missing__(self, value: T) -> int:
        self[value] = len(self)
        return self[value]


def encode(page: Page) -> bytes:
    """Write a page; the same page is always the same bytes."""
    nodes: _Table[tuple[str, str]] = _Table()
    billings: _Table[Billing] = _Table()
    parties: _Table[Party] = _Table()
    entries = [
        _Row(
            nodes[entry.uid, entry.node],
            entry.start - page.since,
            entry.seconds,
            billings[entry.billing],
            [(parties[line.party], line.rate, line.accelerators) for line in entry.lines],
            entry.seen,
        )
        for entry in page.entries
    ]
    stored = _Stored(
        format=FORMAT,
        cluster=page.cluster,
        lane=page.lane,
        number=page.number,
        since=page.since,
        nodes=list(nodes),
        billings=list(billings),
        parties=list(parties),
        entries=entries,
        losses=list(page.losses),
    )
    return zlib.compress(_encode(stored), _LEVEL)


def decode(data: bytes) -> Page:
    """Read a page.

    Raises:
        PageError: It is damaged, or of another format.
    """
    try:
        stored = _decode(zlib.decompress(data))
        if stored.format != FORMAT:
            raise PageError(f"format {stored.format} is not {FORMAT}: written by another version")
        entries = tuple(_entry(stored, row) for row in stored.entries)
    except (zlib.error, msgspec.MsgspecError, IndexError) as error:
        raise PageError(f"damaged: {error}") from error
    return Page(stored.cluster, stored.lane, stored.number, stored.since, entries, tuple(stored.losses))


def _entry(stored: _Stored, row: _Row) -> Entry:
    uid, name = stored.nodes[row.node]
    start = stored.since + row.start
    lines = tuple(Line(stored.parties[party], rate, devices) for party, rate, devices in row.lines)
    return Entry(uid, name, start, start + row.seconds, stored.billings[row.billing], lines, row.seen)
