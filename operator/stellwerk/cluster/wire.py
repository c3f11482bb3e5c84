"""Decoding of LIST pages and watch lines: fast for what is well-formed, patient with what is not."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from stellwerk.cluster import errors
from stellwerk.cluster.structs import KubeObject

T = TypeVar("T", bound=KubeObject)


class Malformed(errors.ApiError):
    """Bytes that are no JSON, or JSON that is no page or event: the stream cannot be trusted."""


class ListMeta(msgspec.Struct, rename="camel"):
    """``metadata`` of a LIST page."""

    resource_version: str = ""
    continue_: str | None = msgspec.field(name="continue", default=None)


class Page(msgspec.Struct, Generic[T]):
    """One page of a LIST."""

    metadata: ListMeta
    items: list[T] | None = None


class Event(msgspec.Struct, Generic[T]):
    """One line of a watch."""

    type: str
    object: T


class _RawEvent(msgspec.Struct):
    type: str
    object: msgspec.Raw


class Codec(Generic[T]):
    """Decodes the objects of one resource.

    An object that does not fit its struct, because it was stored under an older schema, is left out
    and counted in `undecodable`; all others are not affected.

    Decoders are made before another thread may use the same structs: msgspec 0.22 crashes the process where two
    threads are the first to use one.
    """

    def __init__(self, kind: type[T]) -> None:
        self.undecodable = 0
        self.last_problem = ""
        self._page = msgspec.json.Decoder(Page[kind])  # type: ignore[valid-type]
        self._event = msgspec.json.Decoder(Event[kind])  # type: ignore[valid-type]
        self._item = msgspec.json.Decoder(kind)
        self._raw_page = msgspec.json.Decoder(Page[msgspec.Raw])  # type: ignore[type-var]
        self._raw_event = msgspec.json.Decoder(_RawEvent)
        self._any = msgspec.json.Decoder(KubeObject)

    def page(self, body: bytes) -> tuple[ListMeta, list[T]]:
        """Decode a LIST page.

        Raises:
            Malformed: it is no list at all.

        """
        try:
            page = self._page.decode(body)
        except msgspec.ValidationError:
            return self._page_item_by_item(body)
        except msgspec.DecodeError as error:
            raise Malformed(f"LIST page: {error}") from error
        return page.metadata, page.items or []

    def event(self, line: bytes) -> Event[T] | Event[KubeObject]:
        """Decode a watch line.

        BOOKMARK events, and changes to objects that do not fit their struct, come back with type
        BOOKMARK: they only move the resource version on.

        Raises:
            ApiError: the line is an ERROR event; the subclass is that of its status.
            Malformed: it is no event at all.

        """
        try:
            event: Event[T] = self._event.decode(line)
        except msgspec.ValidationError:
            return self._loose_event(line)
        except msgspec.DecodeError as error:
            raise Malformed(f"watch line: {error}") from error
        return self._loose_event(line) if event.type == "ERROR" else event

    def _page_item_by_item(self, body: bytes) -> tuple[ListMeta, list[T]]:
        try:
            page = self._raw_page.decode(body)
        except msgspec.DecodeError as error:
            raise Malformed(f"LIST page: {error}") from error
        items = [self._item_or_none(raw) for raw in page.items or []]
        return page.metadata, [item for item in items if item is not None]

    def _item_or_none(self, raw: msgspec.Raw) -> T | None:
        try:
            return self._item.decode(raw)
        except msgspec.ValidationError as error:
            self._note(self._any_object(raw), error)
            return None

    def _loose_event(self, line: bytes) -> Event[KubeObject]:
        try:
            event = self._raw_event.decode(line)
        except msgspec.DecodeError as error:
            raise Malformed(f"watch line: {error}") from error
        if event.type == "ERROR":
            raise errors.from_status(event.object)
        found = self._any_object(event.object)
        if event.type in ("BOOKMARK", "DELETED"):
            return Event(event.type, found)  # nothing but the metadata is needed
        self._item_or_none(event.object)
        return Event("BOOKMARK", found)

    def _any_object(self, raw: msgspec.Raw) -> KubeObject:
        try:
            return self._any.decode(raw)
        except msgspec.DecodeError as error:
            raise Malformed(f"object without usable metadata: {error}") from error

    def _note(self, found: KubeObject, error: Exception) -> None:
        self.undecodable += 1
        self.last_problem = f"{found.metadata.namespace}/{found.metadata.name}: {error}"


class Lines:
    """Cuts a byte stream into lines."""

    def __init__(self, longest: int = 64 << 20) -> None:
        """Refuse lines of more than `longest` bytes."""
        self._longest = longest
        self._rest: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes.

        Raises:
            Malformed: a line is too long.

        """
        if b"\n" not in data:
            self._keep(data)
            return []
        lines = b"".join((*self._rest, data)).split(b"\n")
        self._rest, self._size = [], 0
        self._keep(lines.pop())
        return [line for line in lines if line.strip()]

    def _keep(self, data: bytes) -> None:
        if data:
            self._rest.append(data)
            self._size += len(data)
        if self._size > self._longest:
            raise Malformed(f"watch line longer than {self._longest} bytes")
