"""The words of a wait that goes on are told again once in a while, not with every pool that fills or empties."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from stellwerk.lifecycle.status import WORDS_LAST, next_status, same_meaning
from stellwerk.model.decision import Mode
from stellwerk.model.workload import Workload
from tests.builders import NOW, decision, state


def told_again(after: datetime, **changes: str) -> bool:
    """Whether a waiting workload is told of a decision that differs from the last one in so much."""
    seen = state()
    assert isinstance(seen.workload, Workload)
    made = decision(Mode.WAIT, seen.workload)
    first = next_status(seen, made, NOW, 1)
    later = msgspec.structs.replace(made, **changes)
    return not same_meaning(first, next_status(state(status=first), later, after, 2))


@pytest.mark.parametrize("field", ["message", "unblock"])
def test_other_words_are_told_after_a_while(field: str) -> None:
    assert not told_again(NOW + WORDS_LAST / 2, **{field: "another pool is full by now"})
    assert told_again(NOW + WORDS_LAST, **{field: "another pool is full by now"})


def test_another_reason_is_told_at_once() -> None:
    assert told_again(NOW + timedelta(seconds=1), reason="ClusterUnavailable")
