"""Settings of the property tests."""

from __future__ import annotations

import os
from collections.abc import Sequence

import pytest
from hypothesis import Phase, settings


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Look at a few examples only, the same each time, where the environment says so: for mutation testing."""
    few = os.environ.get("STELLWERK_TEST_EXAMPLES")
    for item in items if few else ():
        test = getattr(item, "obj", None)
        own = getattr(test, "_hypothesis_internal_use_settings", None)
        if own is not None and few:
            once = (Phase.explicit, Phase.generate)  # nobody reads the smallest example
            fewer = settings(own, max_examples=int(few), derandomize=True, database=None, phases=once)
            test._hypothesis_internal_use_settings = fewer
