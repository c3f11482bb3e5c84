"""Wait for a condition, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

from tests.testbed.progress import TestbedError

T = TypeVar("T")


def eventually(condition: Callable[[], T], limit: float = 180.0, every: float = 0.1) -> T:
    """Poll until `condition` gives something true, and return that.

    An AssertionError, LookupError, StopIteration or TestbedError from the condition means "not yet". After `limit`
    seconds the last such error, or an AssertionError with the last value, says what was missing.
    """
    end = time.monotonic() + limit
    while True:
        problem: Exception | None = None
        value: T | None = None
        try:
            value = condition()
        except (AssertionError, LookupError, StopIteration, TestbedError) as error:
            problem = error
        if problem is None and value:
            return value
        if time.monotonic() >= end:
            what = getattr(condition, "__name__", repr(condition))
            said = f"last value: {value!r}" if problem is None else f"last problem: {problem}"
            raise AssertionError(f"{what}: not so within {limit:g} s; {said}") from problem
        time.sleep(every)


def holds(condition: Callable[[], object], seconds: float, every: float = 0.1) -> None:
    """Assert that `condition` stays true for `seconds`: for proofs that something does not happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        assert value, f"{getattr(condition, '__name__', condition)!s} ceased to hold: {value!r}"
        time.sleep(every)
