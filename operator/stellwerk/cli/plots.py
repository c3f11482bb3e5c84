"""Plots of a simulation, as PNG and SVG; needs the extra `plots`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from stellwerk.cli.simulation import Comparison
from stellwerk.cli.simulationreport import POINTS
from stellwerk.sim.summary import finished_by, series

INSTALL: Final = "no plots: matplotlib is not installed. Install it by: pip install 'stellwerk[plots]'"
_DAY: Final = 86400
_HOUR: Final = 3600
_FORMATS: Final = ("png", "svg")


class NoPlotsError(Exception):
    """matplotlib is missing; the message says how to install it."""


def draw(found: Comparison, folder: Path) -> list[Path]:
    """Write all plots into a folder that exists; return their paths.

    Raises:
        NoPlotsError: matplotlib is not installed.
    """
    try:
        from matplotlib import rc_context
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise NoPlotsError(INSTALL) from error
    written = []
    with rc_context({"svg.hashsalt": "stellwerk"}):  # the same simulation gives the same file, byte for byte
        for name, fill in _PLOTS.items():
            figure = Figure(figsize=(9, 4.5), layout="constrained")
            FigureCanvasAgg(figure)
            axes = figure.add_subplot()
            fill(axes, found)
            axes.grid(visible=True, alpha=0.3)
            axes.legend(loc="best")
            for kind in _FORMATS:
                path = folder / f"{name}.{kind}"
                figure.savefig(path, dpi=120, metadata={"Date": None} if kind == "svg" else None)
                written.append(path)
    return written


def _utilization(axes: Any, found: Comparison) -> None:  # noqa: ANN401 - matplotlib is optional, and so are its types
    for result in found.results:
        points = series(result.timeline.moments, result.summary.makespan, POINTS)
        used = [100 * point.accelerators / max(1, found.accelerators) for point in points]
        axes.plot([point.at / _DAY for point in points], used, label=result.scenario.name)
    axes.set(title="Utilization", xlabel="days", ylabel="accelerators in use, %", ylim=(0, 105))


def _waiting(axes: Any, found: Comparison) -> None:  # noqa: ANN401 - matplotlib is optional, and so are its types
    for result in found.results:
        points = series(result.timeline.moments, result.summary.makespan, POINTS)
        axes.plot([p.at / _DAY for p in points], [p.waiting for p in points], label=result.scenario.name)
    axes.set(title="Waiting", xlabel="days", ylabel="jobs that wait")
    axes.set_ylim(bottom=0)


def _completion(axes: Any, found: Comparison) -> None:  # noqa: ANN401 - matplotlib is optional, and so are its types
    for result in found.results:
        times = finished_by(result.timeline.outcomes)
        parts = [100 * (number + 1) / len(times) for number in range(len(times))]
        axes.step([max(time, 1.0) / _HOUR for time in times], parts, where="post", label=result.scenario.name)
    axes.set(title="Completion", xlabel="hours from submission to the end", ylabel="jobs, %", xscale="log")


def _cost(axes: Any, found: Comparison) -> None:  # noqa: ANN401 - matplotlib is optional, and so are its types
    names = [result.scenario.name for result in found.results]
    below = [0.0] * len(names)
    for currency in sorted({key for result in found.results for key in result.summary.cost}):
        amounts = [result.summary.cost.get(currency, 0) / 1e6 for result in found.results]
        axes.bar(names, amounts, bottom=below, label=currency)
        below = [under + amount for under, amount in zip(below, amounts, strict=True)]
    if not any(below):
        axes.bar(names, below, label="no price is known")
    axes.set(title="Cost", ylabel="of what the jobs held")


_PLOTS: Final[dict[str, Callable[[Any, Comparison], None]]] = {
    "utilization": _utilization,
    "waiting": _waiting,
    "completion": _completion,
    "cost": _cost,
}
