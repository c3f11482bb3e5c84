"""All workers of a pytest run share one control plane, which is gone when the run is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.testbed import env
from tests.testbed.registry import Registry

pytestmark = pytest.mark.integration
REPOSITORY = Path(__file__).parents[2]
SUITE = """
import os, pathlib, pytest

@pytest.mark.parametrize("number", range(6))
def test_it(testbed, namespace, kubectl, number):
    line = f"{os.environ['PYTEST_XDIST_WORKER']} {testbed.cluster.name} {namespace}\\n"
    with pathlib.Path(os.environ["SEEN"]).open("a") as seen:
        seen.write(line)
    assert kubectl.get("namespace", namespace)["status"]["phase"] == "Active"
"""


def test_workers_share_one_cluster_and_each_test_has_its_own_namespace(tmp_path: Path) -> None:
    if os.environ.get(env.KUBECONFIG):
        pytest.skip("starts a control plane of its own")
    suite = tmp_path / "test_suite.py"
    suite.write_text(SUITE)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("PYTEST")},
        env.RUN: str(tmp_path / "run"),
        "SEEN": str(tmp_path / "seen"),
        "PYTHONPATH": str(REPOSITORY),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--dist", "load", str(suite)]
    command += ["-p", "tests.testbed.plugin", "--rootdir", str(tmp_path), "-c", "/dev/null"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert "6 passed" in done.stdout, done.stdout + done.stderr
    seen = [line.split() for line in (tmp_path / "seen").read_text().splitlines()]
    workers, clusters, namespaces = (set(column) for column in zip(*seen, strict=True))
    assert len(workers) == 2
    assert len(clusters) == 1
    assert len(namespaces) == 6
    assert Registry(tmp_path / "run").names() == []
