"""Our kinds on the run's control plane."""

from pathlib import Path

import pytest

from stellwerk.api.labels import API_VERSION
from stellwerk.api.v1alpha1 import KINDS
from tests.testbed.api import Api
from tests.testbed.plugin import Bed
from tests.testbed.waiting import eventually

CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="session")
def kinds(testbed: Bed) -> Api:
    """The API of a control plane that serves our kinds, as generated; safe for parallel workers."""
    testbed.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    testbed.kubectl("wait", "--for=condition=Established", "--timeout=180s", "-f", str(CRDS))
    for kind in KINDS:
        eventually(lambda: testbed.api.get(f"/apis/{API_VERSION}/{kind.info.plural}"))  # noqa: B023 - 429 at first
    return testbed.api
