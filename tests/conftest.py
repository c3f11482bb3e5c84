"""What all tests share: the fixtures of the test bed, patience with the machine, and who goes first."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.order import turn

pytest_plugins = ["tests.testbed.plugin"]

# Machines at hand stand still for seconds at a time: neither a slow draw nor a slow example is a finding. Where CI is
# set, examples are the same each time: what luck finds there would be laid at the door of a change that it is not of.
settings.register_profile(
    "patient", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("patient")

# Who starts tests in the background of a shell has them ignore interrupts, and all that they start with them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Commands set up logging for a process that ends with them; here the standard error that they wrote to ends before.
_configure = structlog.configure


def _configure_uncached(**how: Any) -> None:
    _configure(**{**how, "cache_logger_on_first_use": False})


structlog.configure = _configure_uncached


@pytest.fixture(autouse=True)
def _logging_is_as_it_was() -> Iterator[None]:
    """Let no test write to where an earlier one wanted its lines."""
    yield
    structlog.reset_defaults()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let quick tests go first, in the order of the folders, then the heavy ones, then those that need a cluster."""
    items.sort(key=turn)
