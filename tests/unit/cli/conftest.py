"""Run the command line in this process, over files in a folder of the test's own."""

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from stellwerk.cli.main import run

ROOT = Path(__file__).resolve().parents[3]
NOW = "2026-11-22T12:00:00Z"


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    def row(self, name: str) -> list[str]:
        """The cells of a workload's line in the table."""
        return next(line.split() for line in self.out.splitlines() if line.startswith(f"{name} "))


Cli = Callable[..., Said]
Write = Callable[..., Path]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cli:
    """Call `stellwerk` with these arguments, in the test's folder."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str | Path) -> Said:
        code = run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return Said(code, told.out, told.err)

    return call


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write objects or text to a file of the test's folder; the path comes back."""

    def to_file(name: str, *content: dict[str, Any] | str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        texts = [textwrap.dedent(one) if isinstance(one, str) else yaml.safe_dump(one) for one in content]
        path.write_text("---\n".join(texts))
        return path

    return to_file


@pytest.fixture
def examples() -> Path:
    """The folder of examples."""
    return ROOT / "examples"


class Make:
    """Short ways to objects."""

    @staticmethod
    def workload(name: str, gpus: int = 1, replicas: int = 1, model: str = "H100", **spec: object) -> dict[str, Any]:
        container = {"name": "main", "image": "example/image", "resources": {"requests": {"cpu": "4"}}}
        return {
            "apiVersion": "stellwerk.dev/v1alpha1",
            "kind": "AIWorkload",
            "metadata": {"name": name},
            "spec": {
                "class": "Batch",
                "replicas": replicas,
                "accelerators": [{"model": model, "count": gpus}],
                "template": {"spec": {"containers": [container]}},
                **spec,
            },
        }

    @staticmethod
    def whole(name: str, **spec: object) -> dict[str, Any]:
        """One pod that takes a whole node of `pool`, so that its price is the node's."""
        workload = Make.workload(name, gpus=8, **spec)
        container = workload["spec"]["template"]["spec"]["containers"][0]
        container["resources"] = {"requests": {"cpu": "64", "memory": "1Ti"}}
        return workload

    @staticmethod
    def pool(name: str = "gpus", nodes: int = 2, price: str = "8", used: int = 0, **spec: object) -> dict[str, Any]:
        group: dict[str, Any] = {"count": nodes, "allocatable": {"cpu": "64", "memory": "1Ti", "nvidia.com/gpu": "8"}}
        if used:
            group["used"] = {"nvidia.com/gpu": str(used)}
        pool = {
            "nodeSelector": {"pool": name},
            "provider": "onprem",
            "region": "de-fra",
            "jurisdiction": "DE",
            "capacityType": "Owned",
            "accelerator": {"model": "H100", "count": 8},
            "price": {"perNodeHour": price, "currency": "EUR"},
            **spec,
        }
        return {"metadata": {"name": name}, "spec": pool, "nodes": [group]}

    @staticmethod
    def fleet(*pools: dict[str, Any], **more: object) -> dict[str, Any]:
        return {"apiVersion": "stellwerk.dev/v1alpha1", "kind": "Fleet", "pools": list(pools), **more}

    @staticmethod
    def policy(name: str, **spec: object) -> dict[str, Any]:
        return {
            "apiVersion": "stellwerk.dev/v1alpha1",
            "kind": "PlacementPolicy",
            "metadata": {"name": name},
            "spec": spec,
        }

    @staticmethod
    def job(
        name: str, gpus: int = 1, *, suspend: bool = True, policy: str | None = "default", **notes: str
    ) -> dict[str, Any]:
        container = {"name": "main", "image": "example/image", "resources": {"limits": {"nvidia.com/gpu": str(gpus)}}}
        meta: dict[str, Any] = {"name": name}
        if policy:
            meta["labels"] = {"stellwerk.dev/policy": policy}
        if notes:
            meta["annotations"] = {f"stellwerk.dev/{key.replace('_', '-')}": text for key, text in notes.items()}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        return {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": meta,
            "spec": {"suspend": suspend, "template": template},
        }


@pytest.fixture
def make() -> type[Make]:
    """Short ways to objects."""
    return Make
