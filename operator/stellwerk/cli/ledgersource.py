"""The ledger of a live cluster, read page by page."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from stellwerk.cluster import kubeconfig
from stellwerk.cluster.ledgerpages import read_pages
from stellwerk.cluster.session import Session
from stellwerk.economics.ledger.facts import Entry, Loss

_LIMIT_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Source:
    """Where the pages are."""

    config: Path | None
    context: str | None
    namespace: str
    cluster: str | None
    """None: of all clusters whose ledgers are there."""


@dataclass(frozen=True, slots=True)
class Account:
    """All that is booked."""

    entries: tuple[Entry, ...]
    losses: tuple[Loss, ...]


def read(source: Source) -> Account:
    """Read all pages.

    Raises:
        ConfigError: There is no usable kubeconfig.
        ApiError: The pages could not be read.
        PageError: One is damaged.
    """
    return asyncio.run(_read(source))


async def _read(source: Source) -> Account:
    target = kubeconfig.discover(source.config, source.context)
    entries: list[Entry] = []
    losses: list[Loss] = []
    async with Session(target, timeout=_LIMIT_SECONDS) as session:
        async for one in read_pages(session, source.namespace, source.cluster):
            entries += one.page.entries
            losses += one.page.losses
    return Account(tuple(entries), tuple(losses))
