"""Run the end-to-end suite against a fresh kind cluster: `make e2e-kind`. Needs Docker, kind and kubectl.

kwok runs beside the cluster and plays GPU nodes in it; the kind node stays what it is. The suite is the one
that runs on the test bed; what needs a control plane to break for itself is left out there.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.testbed.binaries import find
from tests.testbed.kwokctl import STAGES
from tests.testbed.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
NAME = "stellwerk-e2e"
NEEDED = ("docker", "kind", "kubectl")


def main() -> int:
    """Bring the cluster up, run the suite, take it down; the suite's exit code, or 1 when something is missing."""
    missing = [tool for tool in NEEDED if shutil.which(tool) is None]
    if missing:
        print("e2e-kind:", ", ".join(missing), "not on PATH; `make test` runs the same suite without containers")
        return 1
    kwok = find(Progress()).path("kwok")
    with (
        tempfile.TemporaryDirectory() as folder,
        kind_cluster(Path(folder)) as kubeconfig,
        played_nodes(kwok, kubeconfig),
    ):
        environment = {**os.environ, "STELLWERK_E2E_KUBECONFIG": str(kubeconfig)}
        command = [sys.executable, "-m", "pytest", "tests/integration", *sys.argv[1:]]
        return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


@contextmanager
def kind_cluster(folder: Path) -> Iterator[Path]:
    """A kind cluster of our own name; yields its kubeconfig. STELLWERK_KIND_IMAGE chooses the node image."""
    kubeconfig = folder / "kubeconfig"
    image = os.environ.get("STELLWERK_KIND_IMAGE")
    command = ["kind", "create", "cluster", "--name", NAME, "--kubeconfig", str(kubeconfig), "--wait", "180s"]
    try:
        subprocess.run([*command, *(["--image", image] if image else [])], check=True)
        yield kubeconfig
    finally:
        subprocess.run(["kind", "delete", "cluster", "--name", NAME, "--kubeconfig", str(kubeconfig)], check=False)


@contextmanager
def played_nodes(kwok: Path, kubeconfig: Path) -> Iterator[None]:
    """Run kwok with the test bed's stages for the nodes that carry its annotation; it logs beside the kubeconfig."""
    ours = "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake"
    command = [str(kwok), "--kubeconfig", str(kubeconfig), "--config", str(STAGES), ours]
    with (
        kubeconfig.with_name("kwok.log").open("w") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(timeout=30)


if __name__ == "__main__":
    sys.exit(main())
