"""A person who waits is told what goes on, and never looks at a silent screen for a minute."""

import io
import re

import pytest

from tests.testbed.progress import Progress
from tests.testbed.waiting import eventually


def test_a_step_that_takes_long_says_how_long_so_far() -> None:
    out = io.StringIO()
    progress = Progress(out=out, every=0.01)
    with progress.step("fetching Go modules"):
        eventually(lambda: re.search(r"^fetching Go modules: \d+s so far$", out.getvalue(), re.MULTILINE))
    said = out.getvalue()
    assert said.startswith("fetching Go modules ...\n")
    assert said.splitlines()[-1].startswith("fetching Go modules: done in ")


def test_a_step_that_fails_is_not_told_done_and_ceases_to_tell() -> None:
    out = io.StringIO()
    progress = Progress(out=out, every=0.01)

    def fail() -> None:
        with progress.step("counting packages"):
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert "done" not in out.getvalue()


def test_nobody_is_told_more_often_than_wanted() -> None:
    out = io.StringIO()
    progress = Progress(out=out, every=30)
    progress.update("1 of 9")
    progress.update("2 of 9")
    assert out.getvalue() == "1 of 9\n"
