"""Run kubectl as a user would."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.testbed.progress import TestbedError


class KubectlError(TestbedError):
    """kubectl ended with an error; the message holds what it wrote."""

    def __init__(self, arguments: Iterable[str], done: "subprocess.CompletedProcess[str]") -> None:
        super().__init__(f"kubectl {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
        self.stderr = done.stderr
        self.returncode = done.returncode


@dataclass(frozen=True, slots=True)
class Kubectl:
    """kubectl for one cluster, and for one namespace when one is given."""

    binary: Path
    kubeconfig: Path
    namespace: str | None = None

    def within(self, namespace: str) -> "Kubectl":
        """The same, with a default namespace."""
        return replace(self, namespace=namespace)

    def run(self, *arguments: str, stdin: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run and return whatever happens: exit code, stdout, stderr."""
        command = [str(self.binary), "--kubeconfig", str(self.kubeconfig)]
        if self.namespace:
            command += ["--namespace", self.namespace]
        return subprocess.run(
            [*command, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            env={key: value for key, value in os.environ.items() if key != "KUBECONFIG"},
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run and return stdout; KubectlError when it failed."""
        done = self.run(*arguments, stdin=stdin)
        if done.returncode:
            raise KubectlError(arguments, done)
        return done.stdout

    def apply(self, *objects: Mapping[str, Any], server_side: bool = False) -> str:
        """Apply objects given as dictionaries; returns what kubectl says of each."""
        text = yaml.safe_dump_all([dict(one) for one in objects])
        extra = ["--server-side"] if server_side else []
        return self("apply", *extra, "-f", "-", stdin=text)

    def create(self, *objects: Mapping[str, Any]) -> str:
        """Create objects given as dictionaries."""
        return self("create", "-f", "-", stdin=yaml.safe_dump_all([dict(one) for one in objects]))

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get ... -o json` as a dictionary; KubectlError when it is not there."""
        found: dict[str, Any] = json.loads(self("get", *arguments, "-o", "json"))
        return found

    def list(self, *arguments: str) -> "list[dict[str, Any]]":
        """The items of `kubectl get ... -o json`."""
        items: list[dict[str, Any]] = self.get(*arguments)["items"]
        return items
