"""Reading the openb trace, and the order in which its pods arrive."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

FULL = 1000
"""Thousandths of a GPU."""
_NODES = "openb_node_list_gpu_node"
_PODS = "openb_pod_list_"


class Host(NamedTuple):
    """A node: milli-cores, MiB, GPUs."""

    name: str
    cpu: int
    memory: int
    gpus: int
    model: str


class Kind(NamedTuple):
    """What a pod asks for: milli-cores, MiB, GPUs, thousandths of each GPU, and models that will do (none: any)."""

    cpu: int
    memory: int
    gpus: int
    milli: int
    models: tuple[str, ...]

    @property
    def total(self) -> int:
        """Thousandths of GPUs in all."""
        return self.gpus * self.milli


class Trace(NamedTuple):
    """Pods as numbers of kinds."""

    kinds: tuple[Kind, ...]
    pods: tuple[int, ...]


def names_in(folder: Path) -> list[str]:
    """Return the names of all pod lists of a folder."""
    return sorted({path.name.split(".csv")[0].removeprefix(_PODS) for path in folder.glob(f"{_PODS}*.csv*")})


def read_hosts(folder: Path) -> list[Host]:
    """Return the nodes with GPUs, by serial number."""
    rows = sorted(_rows(folder, _NODES), key=lambda row: row["sn"])
    made = (
        Host(row["sn"], int(row["cpu_milli"]), int(row["memory_mib"]), int(row["gpu"]), row["model"]) for row in rows
    )
    return [host for host in made if host.gpus > 0]


def read_pods(folder: Path, name: str) -> Trace:
    """Return a pod list, by name of the pod."""
    known: dict[Kind, int] = {}
    pods = []
    for row in sorted(_rows(folder, _PODS + name), key=lambda row: row["name"]):
        gpus = int(row["num_gpu"])
        milli = min(FULL, int(row["gpu_milli"])) if gpus else 0
        models = sorted(filter(None, (row.get("gpu_spec") or "").split("|"))) if gpus else []
        kind = Kind(int(row["cpu_milli"]), int(row["memory_mib"]), gpus, milli, tuple(models))
        pods.append(known.setdefault(kind, len(known)))
    return Trace(tuple(known), tuple(pods))


def arrivals(trace: Trace, capacity: int, ratio: float, random: np.random.Generator) -> list[int]:
    """Return the pods in the order of arrival: the list shuffled, then drawn from again until `ratio` is asked for.

    A list that asks for more than that is cut at random. `capacity` in thousandths of GPUs.
    """
    totals = [kind.total for kind in trace.kinds]
    order = random.permutation(np.array(trace.pods, np.int32)).tolist()
    asked = sum(totals[pod] for pod in order)
    limit = ratio * capacity
    if asked > limit:
        while asked > limit:
            asked -= totals[order.pop(int(random.integers(len(order))))]
        return order
    while True:
        pod = trace.pods[int(random.integers(len(trace.pods)))]
        if asked + trace.kinds[pod].milli > limit:
            return order
        asked += totals[pod]
        order.append(pod)


def _rows(folder: Path, stem: str) -> Sequence[dict[str, str]]:
    plain, packed = folder / f"{stem}.csv", folder / f"{stem}.csv.gz"
    if plain.exists():
        return list(csv.DictReader(plain.read_text().splitlines()))
    if packed.exists():
        return list(csv.DictReader(gzip.decompress(packed.read_bytes()).decode().splitlines()))
    raise FileNotFoundError(f"no {stem}.csv or {stem}.csv.gz in {folder}")
