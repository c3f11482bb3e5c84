"""Objects of one kind, read once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final, TypeVar

from stellwerk.cluster.resources import Resource
from stellwerk.cluster.session import Session
from stellwerk.cluster.structs import KubeObject
from stellwerk.cluster.wire import Codec

T = TypeVar("T", bound=KubeObject)

AT_ONCE: Final = 500
"""Objects of one answer."""


async def listed(
    session: Session, resource: Resource[T], codec: Codec[T] | None = None, at_once: int = AT_ONCE
) -> AsyncIterator[T]:
    """Yield all objects of a resource, page by page.

    Args:
        session: With whose rights.
        resource: What to read, and by which selectors.
        codec: Counts what could not be decoded, for those who want to know; another one if None is given.
        at_once: Objects of one answer.

    Raises:
        ApiError: They could not be read.
        Malformed: An answer is no list.

    """
    codec = codec or Codec(resource.kind)
    more: str | None = ""
    while more is not None:
        query = {**resource.query, "limit": str(at_once), "continue": more}
        meta, items = codec.page(await session.get(resource.path, query))
        for item in items:
            yield item
        more = meta.continue_ or None
