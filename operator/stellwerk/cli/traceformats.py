"""The formats of traces, each known by its columns: what a row of it says of a job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from stellwerk.api.labels import DEFAULT_POLICY
from stellwerk.cli import tracetable
from stellwerk.cli.problems import BadInputError, Problem
from stellwerk.cli.tracetable import Row
from stellwerk.model.accelerators import model_of
from stellwerk.sim.traces import EPOCH, Entry

MIB: Final = 2**20
SLOWDOWN: Final = 1.015
"""By which the published simulator of the Muri traces lengthens iterations."""
START_SECONDS: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "a2c": (38, 39, 39, 46, 46, 46),
        "dqn": (5, 5, 6, 6, 8, 8),
        "resnet18": (4, 5, 5, 7, 7, 7),
        "shufflenet_v2_x1_0": (4, 4, 5, 5, 7, 8),
        "vgg16": (7, 7, 8, 9, 9, 10),
        "vgg19": (7, 7, 8, 9, 10, 10),
    }
)
"""What a start takes in the Muri traces, by model, for 1, 2, 4, 8, 16 and 32 GPUs, as the artifact measured it."""
_OTHER_START: Final = 10
_GANGS: Final = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of trace is recognised and read."""

    name: str
    columns: frozenset[str]
    """Those without which a file is none of this kind."""
    entry: Callable[[Row], Entry | None]
    """What a row says; None for one that is no job to replay. `submitted` may count from any moment."""
    dated: bool = False
    """Whether `submitted` counts from 1970, not from the start of the trace."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A file that was read as one of the formats."""

    format: Format
    entries: tuple[Entry, ...]
    """In the order of submission; the first one at second 0."""
    start: datetime
    left_out: int
    """Rows that are no jobs to replay."""


def _muri(row: Row) -> Entry:
    gpus = row.whole("num_gpu", least=1)
    known = START_SECONDS.get(row.text("model_name"))
    if gpus not in _GANGS:
        row.fail("num_gpu", "must be 1, 2, 4, 8, 16 or 32")
    start = known[_GANGS.index(gpus)] if known and gpus in _GANGS else _OTHER_START
    return Entry(
        name=f"job-{row.text('job_id')}",
        submitted=row.number("submit_time") / 1000,
        work=row.number("iterations") * row.number("iteration_time") * SLOWDOWN / 1000,
        accelerators=gpus,
        start_overhead=start,
    )


def _itp(row: Row) -> Entry:
    return Entry(
        name=f"job-{row.text('job')}",
        submitted=row.number("submission_time"),
        work=row.number("duration"),
        accelerators=row.whole("num_gpu"),
    )


def _philly(row: Row) -> Entry:
    return Entry(
        name=f"job-{row.line - 1}",
        submitted=row.time("submit_time"),
        work=row.number("duration_s"),
        accelerators=row.whole("num_gpus"),
        namespace=f"vc-{row.text('vc', 'none')}",
    )


def _kalos(row: Row) -> Entry:
    per_node = row.whole("gpus_per_node")
    return Entry(
        name=f"job-{row.text('job')}",
        submitted=row.number("arrival_s"),
        work=row.number("duration_s"),
        accelerators=per_node,
        pods=row.whole("nodes", least=1),
        cpu_milli=round(row.number("cpus_per_gpu", default=0) * per_node * 1000),
    )


def _openb(row: Row) -> Entry | None:
    if not row.has("creation_time") or not row.has("deletion_time"):
        return None
    gpus, milli = row.whole("num_gpu"), row.whole("gpu_milli", default=1000)
    begun = row.number("scheduled_time", default=row.number("creation_time"))
    ended = row.number("deletion_time")
    if ended < begun:
        row.fail("deletion_time", "must not be before scheduled_time")
    return Entry(
        name=row.text("name"),
        submitted=row.number("creation_time"),
        work=max(0.0, ended - begun),
        accelerators=gpus,
        pods=1,
        models=tuple(filter(None, row.text("gpu_spec").split("|"))),
        share_milli=milli if gpus == 1 and 0 < milli < 1000 else None,  # noqa: PLR2004 - thousandths
        cpu_milli=row.whole("cpu_milli"),
        memory_bytes=row.whole("memory_mib") * MIB,
    )


def _history(row: Row) -> Entry | None:
    """Read a row of a fleet's own history; what has not ended has no runtime to replay."""
    if not row.has("runtime") and not (row.has("started") and row.has("finished")):
        return None
    runtime = row.number("runtime") if row.has("runtime") else row.time("finished") - row.time("started")
    if runtime < 0:
        row.fail("finished", "must not be before started")
    expected = row.whole("expectedRuntime", least=1) if row.has("expectedRuntime") else None
    model = row.text("model")
    return Entry(
        name=row.text("name", f"line-{row.line}"),
        submitted=row.time("submitted"),
        work=max(0.0, runtime),
        accelerators=row.whole("accelerators"),
        pods=row.whole("replicas", least=1),
        namespace=row.text("namespace", "default"),
        class_=row.text("class", "Training"),
        policy=row.text("policy", DEFAULT_POLICY),
        priority=row.whole("priority", least=-(2**31), default=0),
        models=(model_of(model),) if model else (),
        cpu_milli=row.whole("cpuMilli", default=0),
        memory_bytes=row.whole("memoryBytes", default=0),
        expected_s=expected,
    )


FORMATS: Final = (
    Format(
        "muri", frozenset({"job_id", "num_gpu", "submit_time", "iterations", "iteration_time", "model_name"}), _muri
    ),
    Format("itp", frozenset({"job", "submission_time", "duration", "num_gpu"}), _itp),
    Format("philly", frozenset({"submit_time", "duration_s", "num_gpus", "vc"}), _philly, dated=True),
    Format("kalos", frozenset({"job", "arrival_s", "duration_s", "nodes", "gpus_per_node"}), _kalos),
    Format(
        "openb", frozenset({"name", "num_gpu", "cpu_milli", "memory_mib", "creation_time", "deletion_time"}), _openb
    ),
    Format("history", frozenset({"submitted", "accelerators", "replicas"}), _history, dated=True),
)


def read(path: Path, name: str | None = None) -> Trace:
    """Read a trace, as the format `name` or as the one that its columns tell.

    Raises:
        BadInputError: with every wrong cell (file, line, column, what is allowed), or that no format fits.
    """
    table = tracetable.read(path)
    kind = _format(table, name)
    found = [kind.entry(row) for row in table.rows]
    table.check()
    entries = sorted((one for one in found if one is not None), key=lambda one: one.submitted)
    if not entries:
        raise BadInputError([Problem(table.file, 0, "", "holds no job that has ended")])
    zero = entries[0].submitted
    start = datetime.fromtimestamp(zero, UTC).replace(microsecond=0) if kind.dated else EPOCH
    shifted = tuple(replace(one, submitted=one.submitted - zero) for one in entries) if zero else tuple(entries)
    return Trace(kind, shifted, start, len(found) - len(entries))


def _format(table: tracetable.Table, name: str | None) -> Format:
    columns = set(table.columns)
    if name is None:
        fitting = [one for one in FORMATS if one.columns <= columns]
        if fitting:
            return fitting[0]
        known = "; ".join(f"{one.name}: {', '.join(sorted(one.columns))}" for one in FORMATS)
        raise BadInputError([Problem(table.file, 1, "", f"its columns fit no format. Each needs these. {known}")])
    kind = next((one for one in FORMATS if one.name == name), None)
    if kind is None:
        known = ", ".join(one.name for one in FORMATS)
        raise BadInputError([Problem("--format", 0, "", f"must be one of {known}, not {name}")])
    if missing := sorted(kind.columns - columns):
        message = f"lacks columns that format {name} needs: {', '.join(missing)}"
        raise BadInputError([Problem(table.file, 1, "", message)])
    return kind
