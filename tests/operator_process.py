"""The operator as users run it: a process of its own, under exactly the role of `deploy/`."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.testbed import identity
from tests.testbed.kubectl import Kubectl
from tests.testbed.waiting import eventually

ROOT = Path(__file__).parent.parent
NAMESPACE = "stellwerk-system"
SERVICE_ACCOUNT = "stellwerk"


def install(kubectl: Kubectl) -> None:
    """Install the CRDs and the operator's role; safe to repeat, also from several processes."""
    kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
    files = ("namespace.yaml", "rbac.yaml", "flowschema.yaml", "admission.yaml")
    named = [part for name in files for part in ("-f", str(ROOT / "deploy" / name))]
    kubectl("apply", "--server-side", "--force-conflicts", *named)
    kubectl("wait", "--for=condition=Established", "--timeout=180s", "-f", str(ROOT / "crds"))
    eventually(lambda: kubectl.run("get", "aiw,pp,cp,tn").returncode == 0)  # 429 until their storage is ready
    eventually(lambda: _labelled_jobs_are_suspended(kubectl))


def _labelled_jobs_are_suspended(kubectl: Kubectl) -> bool:
    """Whether the API server obeys deploy/admission.yaml already; it takes it up some time after it was applied."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": "example.com/probe:1"}]}
    probe = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "probe", "namespace": "default", "labels": {"stellwerk.dev/policy": "default"}},
        "spec": {"template": {"spec": pod}},
    }
    made = json.loads(kubectl("create", "--dry-run=server", "-o", "json", "-f", "-", stdin=json.dumps(probe)))
    return bool(made["spec"].get("suspend"))


def kubeconfig(kubectl: Kubectl, path: Path) -> Path:
    """Write a kubeconfig that has the operator's rights and no others; returns its path."""
    return identity.kubeconfig(kubectl, NAMESPACE, SERVICE_ACCOUNT, path)


@dataclass
class Operator:
    """One replica.

    Args:
        kubeconfig: whose rights it has.
        folder: where its log goes.
        settings: `STELLWERK_*` variables without the prefix, on top of patient test defaults.

    """

    kubeconfig: Path
    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    name: str = field(default_factory=lambda: f"op-{uuid.uuid4().hex[:6]}")
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def log(self) -> Path:
        """Its log, one JSON object per line."""
        return self.folder / f"{self.name}.log"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None, "not started"
        return self._process.pid

    @property
    def url(self) -> str:
        """Base URL of its endpoint."""
        for line in reversed(self.lines()):  # of the last start
            if line.get("event") == "listening":
                return f"http://127.0.0.1:{line['port']}"
        raise LookupError(f"{self.name} does not listen yet: {self.tail()}")

    def start(self, *, wait: bool = True) -> Operator:
        """Start it and, unless told otherwise, wait until it is ready."""
        environment = {
            key: value for key, value in os.environ.items() if not key.startswith("STELLWERK_") and key != "KUBECONFIG"
        }
        environment |= {
            "STELLWERK_KUBECONFIG": str(self.kubeconfig),
            "STELLWERK_IDENTITY": self.name,
            "STELLWERK_HTTP__HOST": "127.0.0.1",
            "STELLWERK_HTTP__PORT": "0",
            **{f"STELLWERK_{key}": value for key, value in self.settings.items()},
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "stellwerk"], env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        if wait:
            eventually(self.ready)
        return self

    def stop(self) -> int:
        """Ask it to end, as a kubelet does; returns its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it without a chance to clean up."""
        return self._end(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP."""
        os.kill(self.pid, number)

    def resume(self) -> None:
        """Let it go on if it was stopped by SIGSTOP; nothing if it has ended."""
        if self.alive():
            self.signal(signal.SIGCONT)

    def alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def probe(self, path: str) -> tuple[int, str]:
        """Get a path of its endpoint; status 0 if it does not answer."""
        try:
            with urllib.request.urlopen(f"{self.url}{path}", timeout=30) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except (OSError, http.client.HTTPException, LookupError) as error:  # it may end in the middle of its answer
            return 0, str(error)

    def ready(self) -> bool:
        """Tell whether /readyz says yes; fails at once if the process has ended."""
        if not self.alive():
            raise RuntimeError(f"{self.name} ended: {self.tail()}")
        status, said = self.probe("/readyz")
        assert status == 200, f"{self.name}: {said}"
        return True

    def leads(self) -> bool:
        """Tell whether this replica is the leader."""
        return self.metric("stellwerk_leader") == 1.0

    def metric(self, series: str) -> float | None:
        """Return the value of a series as /metrics writes it, such as `stellwerk_leader`."""
        for line in self.probe("/metrics")[1].splitlines():
            name, _, value = line.rpartition(" ")
            if name == series:
                return float(value)
        return None

    def lines(self) -> list[dict[str, object]]:
        """Its log, parsed; what is no JSON stands under the key `text`."""
        parsed: list[dict[str, object]] = []
        for line in self.log.read_text(errors="replace").splitlines() if self.log.exists() else []:
            try:
                parsed.append(json.loads(line))
            except ValueError:
                parsed.append({"text": line})
        return parsed

    def tail(self, count: int = 30) -> str:
        """Return the last lines of its log, for messages."""
        return (
            "\n".join(self.log.read_text(errors="replace").splitlines()[-count:]) if self.log.exists() else "(no log)"
        )

    def _end(self, number: signal.Signals) -> int:
        process = self._process
        if process is None:
            return 0
        if process.poll() is None:
            process.send_signal(number)
        try:
            code = process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if self._process is process:  # not started again by another thread meanwhile
            self._process = None
        return code
