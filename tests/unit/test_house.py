"""The rules of the house that no linter knows: sizes, purity, generated files, no machine paths."""

import ast
import importlib
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.order import HEAVY

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "operator" / "stellwerk"
PURE = {"api", "model", "placement", "economics", "scaling", "lifecycle", "sim"}
IMPURE = {"kopf", "kubernetes", "structlog", "asyncio", "os", "time", "random"}
LONGEST_FILE = 300
LONGEST_FUNCTION = 60
GENERATED = ("constraints.txt", "deploy/requirements.txt", "crds/*", "docs/reference/*")
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|root|home/\w+|tmp/work)/")
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def committed() -> tuple[Path, ...]:
    """Every file that git knows or would offer to add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return tuple(path for name in listing.stdout.split("\0")[:-1] if (path := ROOT / name).is_file())


def ours(*folders: str) -> Iterator[tuple[str, str]]:
    """Path and text of each Python file below these folders."""
    for path in committed():
        name = path.relative_to(ROOT).as_posix()
        if name.endswith(".py") and name.startswith(folders):
            yield name, path.read_text()


def settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def contracts(package: str = "stellwerk") -> dict[str, dict]:
    found = settings()["tool"]["importlinter"]["contracts"]
    return {c["type"]: c for c in found if c.get("containers", [package]) == [package]}


def packages() -> set[str]:
    """First-level packages and modules of stellwerk that exist today."""
    found = {p.parent.name for p in PACKAGE.glob("*/*.py")}
    return found | {p.stem for p in PACKAGE.glob("*.py")} - {"__init__"}


def test_the_operator_folder_does_not_shadow_the_standard_library() -> None:
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert "/operator/" not in importlib.import_module("operator").__file__


def test_no_file_is_too_long_to_feel_at_home_in() -> None:
    files = ours("operator/", "tools/", "tests/")
    lengths = {name: text.count("\n") for name, text in files}
    assert {n: size for n, size in lengths.items() if size > LONGEST_FILE} == {}


def test_no_function_is_too_long_to_be_read_aloud() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for name, text in ours("operator/", "tools/", "tests/")
        for node in ast.walk(ast.parse(text))
        if isinstance(node, FUNCTIONS) and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    }
    assert long == {}


def test_every_module_says_what_it_is_for() -> None:
    files = ours("operator/", "tools/", "tests/")
    silent = [name for name, text in files if text.strip() and not ast.get_docstring(ast.parse(text))]
    assert silent == []


def test_no_thread_is_the_first_to_decode_into_a_struct() -> None:
    """Two threads that use a msgspec.Struct for the first time at once crash the process (msgspec 0.22).

    A Decoder that is made on import, or before threads start, knows its types. The command line has no threads.
    """
    late = [
        f"{name}:{call.lineno}"
        for name, text in ours("operator/stellwerk/")
        if not name.startswith("operator/stellwerk/cli/")
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call)
        and (
            ast.unparse(call.func) == "msgspec.convert"
            or (
                ast.unparse(call.func) == "msgspec.json.decode"
                and any(one.arg == "type" and "Any" not in ast.unparse(one.value) for one in call.keywords)
            )
        )
    ]
    assert late == []


def test_no_test_sleeps_for_a_fixed_time() -> None:
    sleepers = [
        f"{name}:{call.lineno}"
        for name, text in ours("tests/")
        for test in ast.walk(ast.parse(text))
        if isinstance(test, FUNCTIONS) and test.name.startswith("test_")
        for call in ast.walk(test)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) in {"time.sleep", "asyncio.sleep"}
        and ast.unparse(call.args[0]) != "0"
    ]
    assert sleepers == []


def test_the_pure_core_contract_names_every_pure_package_and_forbids_what_is_impure() -> None:
    contract = contracts()["forbidden"]
    assert set(contract["source_modules"]) == {f"stellwerk.{p}" for p in PURE & packages()}
    assert set(contract["forbidden_modules"]) >= IMPURE


def test_the_layers_contract_has_a_place_for_every_package() -> None:
    contract = contracts()["layers"]
    named = set(re.findall(r"\w+", " ".join(contract["layers"])))
    assert contract["exhaustive"]
    assert packages() - named == set()


def test_kopf_has_one_home() -> None:
    contract = contracts()["protected"]
    assert contract["protected_modules"] == ["kopf"]
    assert contract["allowed_importers"] == ["stellwerk.handlers"]


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in committed():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        lines = enumerate(text.splitlines(), 1)
        found += [f"{path.relative_to(ROOT)}:{i}" for i, line in lines if MACHINE_PATH.search(line)]
    assert [place for place in found if "test_house.py" not in place] == []


@pytest.mark.parametrize("name", ["constraints.txt", "deploy/requirements.txt"])
def test_no_lock_file_names_an_index(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "--hash=sha256:" in text
    assert "://" not in text
    assert "index-url" not in text
    assert "find-links" not in text


@pytest.mark.parametrize("pattern", GENERATED)
def test_every_generated_file_says_so_at_its_top(pattern: str) -> None:
    files = [path for path in ROOT.glob(pattern) if path.is_file()]
    assert files, f"nothing matches {pattern}"
    assert [p.name for p in files if not re.match(r"\W*(comment\W+)?Generated (by|from) ", p.read_text())] == []


def test_every_rule_that_ruff_ignores_has_a_reason_on_its_line() -> None:
    text = (ROOT / "pyproject.toml").read_text()
    codes = re.findall(r'^ {4}"[A-Z]+\d+",(.*)$', text, re.MULTILINE)
    assert len(codes) > 10
    assert [rest for rest in codes if not re.search(r"#\s*\S+ \S+", rest)] == []


def test_the_makefile_is_short_and_tells_about_each_target() -> None:
    lines = (ROOT / "Makefile").read_text().splitlines()
    phony = next(line for line in lines if line.startswith(".PHONY:")).split()[1:]
    told = {line.split(":")[0] for line in lines if " ## " in line}
    assert len(lines) < 80
    assert set(phony) == told


def test_the_console_scripts_start_something_that_exists() -> None:
    for target in settings()["project"]["scripts"].values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function))


def test_the_changelog_has_a_place_for_what_is_not_released_yet() -> None:
    assert "\n## [Unreleased]\n" in (ROOT / "CHANGELOG.md").read_text()


def test_the_files_that_are_tested_first_are_there() -> None:
    assert [name for name in HEAVY if not (ROOT / name).is_file()] == []
