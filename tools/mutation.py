"""`make mutation`: change the placement code in thousands of small ways and count which of them a test notices.

Works on a copy under build/, so that the tree may change meanwhile. Modules one by one: each prints its score as soon
as it is known. Mutants that no test in the selection reaches count as survivors.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
WORK: Final = ROOT / "build" / "mutation"
PLACEMENT: Final = "src/stellwerk/placement"
TESTS: Final = ("tests/unit/placement", "tests/properties/test_planning.py", "tests/properties/test_packing.py")
"""What a mutant has to get past; the property tests with few examples."""

EXAMPLES: Final = "5"
"""Of each property test, always the same."""

_LINE: Final = re.compile(r"^\s+(?P<name>\S+__mutmut_\d+): (?P<status>.+)$", re.MULTILINE)
_KILLED: Final = frozenset({"killed", "timeout", "segfault", "caught by type check"})

_CONFIG: Final = """
[tool.mutmut]
source_paths = ["src"]
only_mutate = ["{module}"]
also_copy = ["tests", "tools", "docs", "crds", "examples"]
pytest_add_cli_args = ["-p", "no:xdist", "-p", "no:cacheprovider", "-x", "-q"]
pytest_add_cli_args_test_selection = {tests}
mutate_only_covered_lines = false
timeout_multiplier = 10.0
"""


def main(argv: list[str] | None = None) -> int:
    """Run and print the scores; 0 unless a run could not be made."""
    parser = argparse.ArgumentParser(prog="python -m tools.mutation", description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as packing; all of stellwerk.placement if none is named")
    parser.add_argument("--children", type=int, default=1, help="mutants that are tried at the same time")
    parser.add_argument("--json", type=Path, help="where to write the scores and the survivors")
    args = parser.parse_args(argv)
    every = sorted(
        path.stem for path in (ROOT / "operator/stellwerk/placement").glob("*.py") if path.stem != "__init__"
    )
    scores: dict[str, dict[str, object]] = {}
    for module in args.modules or every:
        found = run(module, args.children)
        killed = sum(status in _KILLED for status in found.values())
        survivors = sorted(name for name, status in found.items() if status not in _KILLED)
        scores[module] = {"mutants": len(found), "killed": killed, "survivors": survivors}
        share = f"{killed / len(found):.0%}" if found else "-"
        counts = ", ".join(f"{n} {status}" for status, n in Counter(found.values()).most_common())
        print(f"{module:16} {killed:5} of {len(found):5} killed  {share:>5}  ({counts})", flush=True)
        if args.json:
            args.json.write_text(json.dumps(scores, indent=2) + "\n")
    return 0


def run(module: str, children: int) -> dict[str, str]:
    """Return what became of each mutant of one module, by name."""
    prepare(module)
    command = [sys.executable, "-m", "mutmut"]
    log = WORK / "mutmut.log"
    with log.open("w") as out:
        run_ = [*command, "run", "--max-children", str(children)]
        few = {**os.environ, "STELLWERK_TEST_EXAMPLES": EXAMPLES}
        subprocess.run(run_, cwd=WORK, stdout=out, stderr=out, check=False, env=few)
    told = subprocess.run([*command, "results", "--all", "true"], cwd=WORK, capture_output=True, text=True, check=False)
    found = {match["name"]: match["status"] for match in _LINE.finditer(told.stdout)}
    if not found:
        raise SystemExit(f"no mutants of {module} were tried; see {log}\n{log.read_text()[-2000:]}")
    return found


def prepare(module: str) -> None:
    """Make a fresh copy whose configuration is for this module."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    shutil.copytree(ROOT / "operator/stellwerk", WORK / "src/stellwerk", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("tests", "tools", "docs", "crds", "examples"):
        shutil.copytree(ROOT / name, WORK / name, ignore=shutil.ignore_patterns("__pycache__"))
    settings = (ROOT / "pyproject.toml").read_text().replace('pythonpath = ["."]', 'pythonpath = [".", "src"]')
    tests = json.dumps(list(TESTS))
    config = _CONFIG.format(module=f"{PLACEMENT}/{module}.py", tests=tests)
    (WORK / "pyproject.toml").write_text(settings + config)


if __name__ == "__main__":
    sys.exit(main())
