"""What can be made to go wrong with a request: faults and the requests that they hit."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from stellwerk.cluster.lease import now

_WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Seen:
    """A request that came to the proxy; `number` counts all, `write` counts the writes, both from 1.

    `at` is its time on the clock of `stellwerk.cluster.lease.now`.
    """

    number: int
    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    write: int | None = None
    at: float = field(default_factory=now)

    @property
    def is_watch(self) -> bool:
        """Whether it opens a stream."""
        return self.query.get("watch") in ("true", "1")


@dataclass(frozen=True)
class Match:
    """Which requests: all conditions that are given must hold; `path` is a regular expression."""

    method: str | None = None
    path: str = ""
    watch: bool | None = None
    write: bool | None = None
    number: int | None = None
    """Only the write of this number, counted from the proxy's start."""

    def fits(self, seen: Seen) -> bool:
        """Tell whether a request is meant."""
        return (
            self.method in (None, seen.method)
            and re.search(self.path, seen.path) is not None
            and self.watch in (None, seen.is_watch)
            and self.write in (None, seen.write is not None)
            and self.number in (None, seen.write)
        )


Stage = Literal["before", "committed", "after"]
"""Before it is forwarded; carried out but not answered; answered."""


@dataclass(frozen=True)
class Answer:
    """Answer this instead of forwarding."""

    code: int
    reason: str = ""
    message: str = "by the fault proxy"
    retry_after: float | None = None

    def body(self) -> bytes:
        """Return the Status object that an API server would send."""
        return msgspec.json.encode(status(self.code, self.reason, self.message))


@dataclass(frozen=True)
class Body:
    """Answer 200 with these bytes instead of forwarding."""

    body: bytes


@dataclass(frozen=True)
class DropBefore:
    """Cut the connection before anything is forwarded."""


@dataclass(frozen=True)
class DropReply:
    """Forward, wait until the server has carried it out, and cut the connection instead of answering."""


@dataclass(frozen=True)
class Hang:
    """Take the request and never answer; with `forward` it is carried out all the same."""

    forward: bool = False


@dataclass(frozen=True)
class Delay:
    """Wait so many seconds before forwarding."""

    seconds: float


@dataclass(frozen=True)
class Hold:
    """Wait until `let_go` is set before forwarding."""

    let_go: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Call:
    """Call a function at a stage of the request, such as one that kills the operator."""

    function: Callable[[Seen], None]
    stage: Stage = "before"


Effect = Answer | Body | DropBefore | DropReply | Hang | Delay | Hold | Call


@dataclass
class Fault:
    """An effect on matching requests: after `skip` of them, for `times` of them (None: all).

    With `since` only requests count that come after, or are, the first one whose body holds these bytes.
    """

    match: Match
    effect: Effect
    times: int | None = None
    skip: int = 0
    since: bytes = b""
    hits: int = field(default=0, init=False)
    _passed: int = field(default=0, init=False)
    _begun: bool = field(default=False, init=False)

    def strikes(self, seen: Seen) -> bool:
        """Tell whether this request is hit, and count it."""
        if self.since not in seen.body and not self._begun:
            return False
        self._begun = True
        if not self.match.fits(seen) or (self.times is not None and self.hits >= self.times):
            return False
        self._passed += 1
        if self._passed <= self.skip:
            return False
        self.hits += 1
        return True


def status(code: int, reason: str, message: str) -> dict[str, object]:
    """Return a Kubernetes Status object of a failure."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "code": code,
        "reason": reason,
        "message": message,
    }


def error_event(code: int, reason: str = "", message: str = "by the fault proxy") -> bytes:
    """Return a watch line of type ERROR."""
    return msgspec.json.encode({"type": "ERROR", "object": status(code, reason, message)}) + b"\n"


def is_write(method: str) -> bool:
    """Tell whether a method changes something."""
    return method in _WRITING
