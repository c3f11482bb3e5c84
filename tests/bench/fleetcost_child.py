"""The solver's child process on a machine that others use: its budget is CPU time, not time of the clock.

It does what `control.solverprocess` does, with the same solver and the same limits. An answer that took more than the
whole budget is thrown away, as the operator would not have waited for it.
"""

from __future__ import annotations

import sys
import time
from typing import Final

from stellwerk.control.improver import SHARE
from stellwerk.control.solverprocess import Task, framed, read
from stellwerk.placement.batch.contest import Answer
from stellwerk.placement.batch.improvement import Limits, solve

STRETCH: Final = 30.0
"""The asker waits so many times as long by the clock as the child has CPU time."""


def main() -> None:
    """Answer until the input ends."""
    while (task := read(sys.stdin.buffer)) is not None:
        sys.stdout.buffer.write(framed(_answered(task)))
        sys.stdout.buffer.flush()


def _answered(task: Task) -> Answer:
    seconds, began = task.seconds / STRETCH, time.process_time()
    limits = Limits(left=lambda: began + seconds - time.process_time(), of_clock=False)
    answer = solve(task.problem, limits, task.start)
    late = time.process_time() - began > seconds / SHARE
    return Answer((), answer.placed, None) if late else answer


if __name__ == "__main__":
    main()
