"""A small part of the comparison with the real kube-scheduler; the package's command runs many more rounds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.differential.bed import Bed, bed
from tests.integration.differential.running import ROUNDS_PER_WORLD, Figures, Runner
from tests.testbed.binaries import absent_everywhere
from tests.testbed.cluster import Cluster
from tests.testbed.progress import Progress

PLACES = 20
SEEDS = (11,)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def ground() -> Iterator[Bed]:
    if reason := absent_everywhere():
        pytest.fail(reason, pytrace=False)
    with Cluster.start(progress=Progress(quiet=True)) as cluster, bed(cluster, PLACES) as made:
        yield made


@pytest.mark.parametrize("seed", SEEDS)
def test_kube_scheduler_binds_what_is_called_a_fit_and_nothing_else(ground: Bed, seed: int) -> None:
    figures = Runner(ground, seed, Figures()).run(range(PLACES))
    told = "\n".join(f"{one}\n{one.dump()}" for one in figures.disagreements)
    assert not figures.disagreements, f"seed {seed}: {told}"
    assert figures.rounds == PLACES * ROUNDS_PER_WORLD
    assert figures.decisions["Fit"], "nothing was placed: the worlds are too small to tell anything"
    assert figures.attempts, "nothing was turned down: the worlds are too large to tell anything"
