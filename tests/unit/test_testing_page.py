"""The page on testing names tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/integration/operator"
PAGE = (ROOT / "docs/testing.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`([\w./]+\.py)::(\w+)`", PAGE)))


def test_the_page_names_a_test_for_each_ask() -> None:
    section = PAGE.split("## What shows what")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| ") and not line.startswith("| asked")]
    assert len(rows) > 20
    assert [row for row in rows if "::" not in row] == []


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_every_test_that_the_page_names_exists(file: str, test: str) -> None:
    assert f"def {test}(" in (FOLDER / file).read_text(encoding="utf-8")
