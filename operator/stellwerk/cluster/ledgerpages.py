"""Reading the pages of a ledger, and what ended while nobody kept it."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from stellwerk.api.labels import LEDGER_LABEL
from stellwerk.cluster import accounts, resources
from stellwerk.cluster.session import Session
from stellwerk.cluster.wire import Codec
from stellwerk.economics.ledger.book import Page
from stellwerk.economics.ledger.pages import PageError, decode
from stellwerk.lifecycle.pages import DATA_KEY

_AT_ONCE: Final = "8"
"""Pages of one answer: half a megabyte each."""
_PODS_AT_ONCE: Final = "500"


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
    selector = LEDGER_LABEL if cluster is None else f"{LEDGER_LABEL}={cluster}"
    path = resources.object_path(resources.CONFIG_MAPS.path, namespace, "")
    more: str | None = ""
    while more is not None:
        body = await session.get(path, {"labelSelector": selector, "limit": _AT_ONCE, "continue": more})
        meta, items = codec.page(body)
        for item in items:
            yield await asyncio.to_thread(_stored, item)
        if codec.undecodable:
            raise PageError(f"an object with the label {LEDGER_LABEL} in {namespace} is no page")
        more = meta.continue_ or None


async def ended_pods(session: Session) -> AsyncIterator[accounts.EndedPod]:
    """Read all pods that have ended and are still there.

    Raises:
        ApiError: They could not be read.

    """
    for resource in (resources.SUCCEEDED_PODS, resources.FAILED_PODS):
        codec = Codec(resource.kind)
        more: str | None = ""
        while more is not None:
            body = await session.get(resource.path, {**resource.query, "limit": _PODS_AT_ONCE, "continue": more})
            meta, items = codec.page(body)
            for item in items:
                yield item
            more = meta.continue_ or None


def _stored(item: accounts.ConfigMap) -> StoredPage:
    try:
        data = b64decode((item.binary_data or {}).get(DATA_KEY, ""), validate=True)
        page = decode(data)
    except ValueError as error:
        raise PageError(f"page {item.metadata.name}: {error}") from error
    return StoredPage(page, item.metadata.uid, item.metadata.resource_version, bool(item.immutable))
