"""What came of runs of the openb benchmark, as tables: next to what is published, and next to other schedulers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

OURS: Final = "stellwerk"
"""The engine's name among the policies."""
PUBLISHED = {
    "default": (7.14, 6.92, 4.77, 4.61, 3.66),
    "cpu050": (6.44, 6.21, 5.00, 4.79, 3.67),
    "cpu100": (6.74, 6.56, 4.79, 4.65, 3.67),
    "cpu200": (7.85, 7.60, 5.18, 4.96, 3.67),
    "cpu250": (8.79, 8.55, 6.80, 6.59, 3.67),
    "gpushare40": (8.56, 8.31, 6.04, 5.85, 5.07),
    "gpushare60": (10.94, 10.64, 8.75, 8.60, 7.52),
    "gpushare80": (13.34, 12.99, 10.92, 10.70, 9.48),
    "gpushare100": (15.38, 14.99, 13.36, 13.10, 11.67),
    "gpuspec10": (6.90, 6.70, 5.34, 5.05, 3.15),
    "gpuspec20": (11.54, 6.70, 5.34, 5.16, 3.66),
    "gpuspec25": (14.33, 6.77, 6.09, 5.26, 3.12),
    "gpuspec33": (19.61, 6.91, 12.16, 5.45, 3.54),
    "multigpu20": (6.27, 6.07, 4.47, 4.35, 3.18),
    "multigpu30": (5.43, 5.28, 3.64, 3.54, 2.78),
    "multigpu40": (4.90, 4.77, 3.09, 3.01, 2.36),
    "multigpu50": (4.38, 4.26, 2.91, 2.82, 2.01),
}
"""BestFit at 100 % and 130 %, FGD at both, and a bound at 100 % that no scheduler without rejections can pass.

The first four as published with the paper (hkust-adsl/kubernetes-scheduler-simulator, Apache-2.0,
experiments/analysis/expected_results); the bound from a linear programme that knows all pods.
"""


class Run(NamedTuple):
    """What came of it: unallocated GPU per cent at 100 % and at the end, pods refused by what they asked for."""

    trace: str
    seed: int
    window: int
    at_100: float
    at_end: float
    refused: int
    ms_per_pod: float
    migrate: int = 0
    moved: float = 0.0
    """Moves for each pod that was placed."""
    policy: str = OURS

    def row(self) -> dict[str, Any]:
        """Return it by name, without the moves where none are allowed."""
        row = self._asdict()
        return row if self.migrate else {name: row[name] for name in row if name not in {"migrate", "moved"}}


def table(runs: Sequence[Run]) -> list[str]:
    """Return the lines of the engine's means, next to what is published; none without runs."""
    if not runs:
        return []
    head = "| list | window | at 100 %, sd | BestFit | FGD | limit | ours / FGD | at 130 % | BestFit | FGD | ms/pod |"
    lines = [head, "|" + "---|" * 11]
    ratios: dict[int, list[float]] = {}
    for (name, window), some in _grouped(runs).items():
        ratio = _ratio_to_published(name, some)
        if ratio is not None:
            ratios.setdefault(window, []).append(ratio)
        lines.append(_row(name, window, some, ratio))
    moving = [run for run in runs if run.migrate]
    if moving:
        means = ((name, statistics.fmean(run.moved for run in some)) for (name, _), some in _grouped(runs).items())
        moved = ", ".join(f"{name} {mean:.4f}" for name, mean in means)
        lines.append(f"moves per placed pod, at most {moving[0].migrate} for each that found no room: {moved}")
    for window, found in sorted(ratios.items()):
        lines.append(f"mean of {len(found)} lists relative to FGD, window {window}: {statistics.fmean(found):.3f}")
    return lines


def compared(runs: Sequence[Run]) -> list[str]:
    """Return the lines of the means of all policies side by side, each beside ours by its own; none without others."""
    policies = list(dict.fromkeys(run.policy for run in runs))
    if policies in ([], [OURS]):
        return []
    others = [policy for policy in policies if policy != OURS]
    head = ["list", "window", OURS, *(cell for policy in others for cell in (policy, "ours by it"))]
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    ratios: dict[str, list[float]] = {}
    for (name, window), some in _grouped(runs).items():
        means = {policy: _mean_of(some, policy) for policy in policies}
        ours = means.get(OURS)
        cells = [name, str(window), _or_not(ours)]
        for policy in others:
            theirs = means[policy]
            ratio = ours / theirs if ours is not None and theirs else None
            if ratio is not None:
                ratios.setdefault(policy, []).append(ratio)
            cells += [_or_not(theirs), _or_not(ratio, 3)]
        lines.append(f"| {' | '.join(cells)} |")
    for policy, found in ratios.items():
        lines.append(f"mean of {len(found)} lists relative to {policy}: {statistics.fmean(found):.3f}")
    return lines


def _grouped(runs: Sequence[Run]) -> dict[tuple[str, int], list[Run]]:
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.trace, run.window), []).append(run)
    return groups


def _row(name: str, window: int, runs: Sequence[Run], ratio: float | None) -> str:
    full = [run.at_100 for run in runs]
    spread = statistics.stdev(full) if len(full) > 1 else 0.0
    best, best_end, fgd, fgd_end, limit = PUBLISHED.get(name, (None,) * 5)
    cells = [name, str(window), f"{statistics.fmean(full):.2f} ± {spread:.2f}", *map(_or_not, (best, fgd, limit))]
    cells += [_or_not(ratio, 3), f"{statistics.fmean(run.at_end for run in runs):.2f}"]
    cells += [_or_not(best_end), _or_not(fgd_end), f"{statistics.median(run.ms_per_pod for run in runs):.2f}"]
    return f"| {' | '.join(cells)} |"


def _ratio_to_published(name: str, runs: Sequence[Run]) -> float | None:
    fgd = PUBLISHED.get(name, (None,) * 5)[2]
    return statistics.fmean(run.at_100 for run in runs) / fgd if fgd else None


def _mean_of(runs: Sequence[Run], policy: str) -> float | None:
    found = [run.at_100 for run in runs if run.policy == policy]
    return statistics.fmean(found) if found else None


def _or_not(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
