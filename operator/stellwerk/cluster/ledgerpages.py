"""Reading the pages of a ledger, and what ended while nobody kept it."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Final

from stellwerk.api.labels import LEDGER_LABEL
from stellwerk.cluster import accounts, resources
from stellwerk.cluster.listing import listed
from stellwerk.cluster.session import Session
from stellwerk.cluster.wire import Codec
from stellwerk.economics.ledger.book import Page
from stellwerk.economics.ledger.pages import PageError, decode
from stellwerk.lifecycle.pages import DATA_KEY

_AT_ONCE: Final = 8
"""Pages of one answer: half a megabyte each."""


@dataclass(frozen=True)
class StoredPage:
    """A page, and the object that holds it."""

    page: Page
    uid: str
    version: str
    full: bool


async def read_pages(session: Session, namespace: str, cluster: str | None = None) -> AsyncIterator[StoredPage]:
    """Read all pages of one cluster, or of all, a few at a time.

    Raises:
        ApiError: They could not be read.
        PageError: One is damaged, or of another version; it is named.

    """
    codec = Codec(accounts.ConfigMap)
    pages = resources.CONFIG_MAPS.within(namespace)
    if cluster is not None:
        pages = replace(pages, label_selector=f"{LEDGER_LABEL}={cluster}")
    async for item in listed(session, pages, codec, _AT_ONCE):
        _see_all(codec, namespace)
        yield await asyncio.to_thread(_stored, item)
    _see_all(codec, namespace)


async def ended_pods(session: Session) -> AsyncIterator[accounts.EndedPod]:
    """Read all pods that have ended and are still there.

    Raises:
        ApiError: They could not be read.

    """
    for resource in (resources.SUCCEEDED_PODS, resources.FAILED_PODS):
        async for pod in listed(session, resource):
            yield pod


def _see_all(codec: Codec[accounts.ConfigMap], namespace: str) -> None:
    if codec.undecodable:
        raise PageError(f"an object with the label {LEDGER_LABEL} in {namespace} is no page")


def _stored(item: accounts.ConfigMap) -> StoredPage:
    try:
        data = b64decode((item.binary_data or {}).get(DATA_KEY, ""), validate=True)
        page = decode(data)
    except ValueError as error:
        raise PageError(f"page {item.metadata.name}: {error}") from error
    return StoredPage(page, item.metadata.uid, item.metadata.resource_version, bool(item.immutable))
