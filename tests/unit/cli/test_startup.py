"""`plan` starts in a blink because it never loads what only a live cluster needs."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CODE = """
import contextlib, io, sys
from stellwerk.cli.main import run
with contextlib.redirect_stdout(io.StringIO()):
    code = run({arguments})
assert code == {code}, code
heavy = {{"kopf", "aiohttp", "asyncio", "kubernetes", "uvloop", "structlog", "prometheus_client", "ssl", "rich"}}
print(sorted(heavy & set(sys.modules)))
"""


def imported(arguments: list[str], code: int) -> str:
    script = CODE.format(arguments=arguments, code=code)
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_plan_imports_nothing_that_talks_to_a_cluster() -> None:
    assert imported(["plan", "-f", "examples"], 2) == "[]"


def test_version_imports_nothing_heavy() -> None:
    assert imported(["version"], 0) == "[]"


def test_both_names_of_the_program_are_installed_and_answer() -> None:
    folder = Path(sys.executable).parent
    outputs = {
        name: subprocess.run([folder / name, "version"], capture_output=True, text=True, check=True).stdout
        for name in ("stellwerk", "kubectl-stellwerk")
    }
    assert outputs["stellwerk"] == outputs["kubectl-stellwerk"]


def test_a_reader_that_closes_the_pipe_early_is_no_error() -> None:
    files = "-f examples/workloads -f examples/policies --fleet examples/fleet.yaml"
    command = f"{Path(sys.executable).with_name('stellwerk')} plan {files} -o json"
    script = f"{command} | head -c 10 >/dev/null; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() in {"0", "2"}  # 2 when everything fitted into the pipe before it was closed
    assert done.stderr == ""
