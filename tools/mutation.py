"""`make mutation`: change the placement code in thousands of small ways and count which of them a test notices.

Works on a copy under build/, so that the tree may change meanwhile. Modules one by one: each prints its score as soon
as it is known. Mutants that no test in the selection reaches count as survivors. `--sample` tries as many as it says,
drawn from all of them alike, and tells what that says of the whole.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
WORK: Final = ROOT / "build" / "mutation"
PLACEMENT: Final = "src/stellwerk/placement"
TESTS: Final = (
    "tests/unit/placement",
    *(
        f"tests/properties/test_{name}.py"
        for name in (
            *("asks", "gangs", "growth", "invariants", "metamorphic", "moves", "neighbours", "optimum"),
            *("packing", "planning", "roomvalue", "together", "victims", "whatif"),
        )
    ),
)
"""What a mutant has to get past; the property tests with few examples. Not the tests that start processes."""

EXAMPLES: Final = "5"
"""Of each property test, always the same."""

_LINE: Final = re.compile(r"^\s+(?P<name>\S+__mutmut_\d+): (?P<status>.+)$", re.MULTILINE)
_KILLED: Final = frozenset({"killed", "timeout", "segfault", "caught by type check"})
_NOBODY: Final = "no_such_change"
_Z: Final = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""

# All changes are tried in children of one process, whose caches would answer with what the unchanged code once found.
_FORGET: Final = """

import functools
import sys

import pytest

@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    for name, module in list(sys.modules.items()):
        if name.startswith("stellwerk."):
            for thing in list(vars(module).values()):
                if isinstance(thing, functools._lru_cache_wrapper):
                    thing.cache_clear()
"""

# On a busy machine a test of a second may stand still for one: what is cut off too early would count as noticed.
_CONFIG: Final = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = {modules}
also_copy = ["tests", "tools", "docs", "crds", "examples"]
pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider", "-x", "-q"]
pytest_add_cli_args_test_selection = {tests}
mutate_only_covered_lines = false
timeout_multiplier = 5.0
timeout_constant = 30.0
"""


def main(argv: list[str] | None = None) -> int:
    """Run and print the scores; 0 unless a run could not be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument(
        "modules", nargs="*", help="such as packing.bins or packing; all of stellwerk.placement if none is named"
    )
    parser.add_argument("--sample", type=int, metavar="N", help="try N changes, drawn from all of these modules alike")
    parser.add_argument("--seed", type=int, default=1, help="of the draw; a larger sample holds a smaller one")
    parser.add_argument("--children", type=int, default=1, help="mutants that are tried at the same time")
    parser.add_argument("--json", type=Path, help="where to write the scores and the survivors")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of the copy that is changed; emptied first")
    args = parser.parse_args(argv)
    if args.sample is not None and args.sample < 1:
        parser.error("a sample has at least one change")
    scores: dict[str, dict[str, object]] = {}
    for group in [args.modules or ["*"]] if args.sample else [[module] for module in args.modules or _every()]:
        found = run(Copy(args.work, group), args.children, (args.sample, args.seed) if args.sample else None)
        for module, of_it in by_module(found).items():
            scores[module] = score(module, of_it)
        if args.sample:
            killed = int(score("sample", found)["killed"])
            low, high = wilson(killed, len(found))
            print(f"95 % interval of the share among all changes: {low:.1%} to {high:.1%}", flush=True)
        if args.json:
            args.json.write_text(json.dumps(scores, indent=2) + "\n")
    return 0


def _every() -> list[str]:
    root = ROOT / "operator/stellwerk/placement"
    found = (".".join(path.relative_to(root).with_suffix("").parts) for path in root.rglob("*.py"))
    return sorted(name for name in found if not name.endswith("__init__"))


def by_module(found: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Split what became of mutants by the module they are in, in the order of names."""
    split: dict[str, dict[str, str]] = {}
    for name, status in sorted(found.items()):
        module = name.partition(".placement.")[2].rpartition(".")[0]
        split.setdefault(module, {})[name] = status
    return split


def score(title: str, found: Mapping[str, str]) -> dict[str, Any]:
    """Print and return how many of these mutants were noticed, and which were not."""
    survivors = sorted(name for name, status in found.items() if status not in _KILLED)
    killed = len(found) - len(survivors)
    share = f"{killed / len(found):.0%}" if found else "-"
    counts = ", ".join(f"{n} {status}" for status, n in Counter(found.values()).most_common())
    print(f"{title:16} {killed:5} of {len(found):5} killed  {share:>5}  ({counts})", flush=True)
    return {"mutants": len(found), "killed": killed, "survivors": survivors}


def draw(names: Iterable[str], size: int, seed: int) -> list[str]:
    """Return this many of the names, each as likely as another; the same for a seed whatever the order of names."""
    order = sorted(names)
    random.Random(seed).shuffle(order)  # noqa: S311 - nobody gains by guessing it
    return order[:size]


def wilson(noticed: int, tried: int) -> tuple[float, float]:
    """Return the ends of the 95 % score interval of Wilson of a share, each 0 to 1; `tried` is at least 1."""
    share, square = noticed / tried, _Z * _Z
    middle = share + square / (2 * tried)
    half = _Z * math.sqrt(share * (1 - share) / tried + square / (4 * tried * tried))
    return (middle - half) / (1 + square / tried), (middle + half) / (1 + square / tried)


class Copy:
    """A copy of the tree in a folder of its own, in which mutmut changes the code of these modules."""

    def __init__(self, folder: Path, modules: Sequence[str]) -> None:
        """Empty the folder and fill it."""
        self.folder = folder.resolve()
        self.log = self.folder / "mutmut.log"
        shutil.rmtree(self.folder, ignore_errors=True)
        copy = functools.partial(shutil.copytree, ignore=shutil.ignore_patterns("__pycache__"))
        copy(ROOT / "operator/stellwerk", self.folder / "src/stellwerk")
        for name in ("tests", "tools", "docs", "crds", "examples"):
            copy(ROOT / name, self.folder / name)
        settings = (ROOT / "pyproject.toml").read_text().replace('pythonpath = ["."]', 'pythonpath = [".", "src"]')
        conftest = self.folder / "tests/conftest.py"
        conftest.write_text(conftest.read_text() + _FORGET)
        ends = (".py", "/*.py")
        which = json.dumps([f"{PLACEMENT}/{module.replace('.', '/')}{end}" for module in modules for end in ends])
        config = _CONFIG.format(modules=which, tests=json.dumps(list(TESTS)))
        (self.folder / "pyproject.toml").write_text(settings + config)

    def try_out(self, *words: str) -> None:
        """Let mutmut run with these words."""
        few = {**os.environ, "STELLWERK_TEST_EXAMPLES": EXAMPLES}
        command = [sys.executable, "-m", "mutmut", "run", *words]
        with self.log.open("a") as out:
            subprocess.run(command, cwd=self.folder, stdout=out, stderr=out, check=False, env=few)

    def results(self) -> dict[str, str]:
        """Return what became of each mutant so far, by name."""
        command = [sys.executable, "-m", "mutmut", "results", "--all", "true"]
        told = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        found = {match["name"]: match["status"] for match in _LINE.finditer(told.stdout)}
        if not found:
            raise SystemExit(f"no mutants were made; see {self.log}\n{self.log.read_text()[-2000:]}")
        return found


def run(copy: Copy, children: int, sample: tuple[int, int] | None = None) -> dict[str, str]:
    """Return what became of each mutant of a copy, by name; of those drawn if `sample` gives a size and a seed.

    Raises SystemExit if a mutant that should have been tried was not.
    """
    if sample is None:
        copy.try_out("--max-children", str(children))
        return copy.results()
    # To name nobody makes all changes, learns which tests reach them, and tries none.
    copy.try_out("--max-children", str(children), _NOBODY)
    every = copy.results()
    drawn = draw(every, *sample)
    print(f"{len(drawn)} of {len(every)} changes are tried", flush=True)
    copy.try_out("--max-children", str(children), *drawn)
    found = copy.results()
    untried = [name for name in drawn if found[name] == "not checked"]
    if untried:
        raise SystemExit(f"{len(untried)} changes were not tried, such as {untried[0]}; see {copy.log}")
    return {name: found[name] for name in drawn}


if __name__ == "__main__":
    sys.exit(main())
