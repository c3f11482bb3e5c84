"""How the tasks of a replica are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from stellwerk.logs import get_logger

_log = get_logger(__name__)
_PATIENCE_SECONDS: Final = 1.0
_TRIES: Final = 10


async def end_all(tasks: Iterable[asyncio.Task[Any]], patience: float = _PATIENCE_SECONDS, tries: int = _TRIES) -> None:
    """Cancel tasks until they have ended; what outlives `tries` times `patience` seconds is named in the log.

    Cancelling once is not enough: a library may take a cancellation for its own timeout that ends in the same moment,
    and a task that goes on then would keep the process from ending.
    """
    left = set(tasks)
    for _ in range(tries):
        for task in left:
            task.cancel()
        left = (await asyncio.wait(left, timeout=patience))[1] if left else left
        if not left:
            return
    _log.error("tasks do not end", tasks=sorted(repr(task.get_coro()) for task in left))
