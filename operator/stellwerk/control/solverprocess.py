"""The child process that solves: a problem comes in at standard input, its answer goes out at standard output.

Each message is its length in four bytes, big end first, and so many bytes of MessagePack. The process ends when its
input does, so it never outlives the operator.
"""

from __future__ import annotations

import signal
import sys
import time
from typing import BinaryIO, Final

import msgspec

from stellwerk.placement.batch.contest import Answer, Problem
from stellwerk.placement.batch.improvement import Limits, solve

LENGTH: Final = 4
"""Bytes that tell how long a message is."""


class Task(msgspec.Struct, frozen=True, array_like=True):
    """A problem, and for how long to look for better answers."""

    problem: Problem
    seconds: float
    start: Answer | None = None
    """What is known already."""


def framed(message: Task | Answer) -> bytes:
    """Return a message with its length in front."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH, "big") + body


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which then closes our input
    while (task := read(sys.stdin.buffer)) is not None:
        answer = solve(task.problem, _within(task.seconds), task.start)
        sys.stdout.buffer.write(framed(answer))
        sys.stdout.buffer.flush()


def _within(seconds: float) -> Limits:
    """Return limits that end so many seconds from now."""
    end = time.monotonic() + seconds
    return Limits(left=lambda: end - time.monotonic())


def read(stream: BinaryIO) -> Task | None:
    """Return the next task, None at the end of the input."""
    head = stream.read(LENGTH)
    if len(head) < LENGTH:
        return None
    return msgspec.msgpack.decode(stream.read(int.from_bytes(head, "big")), type=Task)


if __name__ == "__main__":
    main()
