"""Our kinds on the run's control plane."""

from pathlib import Path

import pytest

from tests.testbed.api import Api
from tests.testbed.plugin import Bed

CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="session")
def kinds(testbed: Bed) -> Api:
    """The API of a control plane that serves our kinds, as generated; safe for parallel workers."""
    testbed.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    testbed.kubectl("wait", "--for=condition=Established", "--timeout=120s", "-f", str(CRDS))
    return testbed.api
