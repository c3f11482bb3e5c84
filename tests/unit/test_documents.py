"""What the pages show can be typed in: their manifests are valid, their commands are those that CI runs."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from stellwerk.api.labels import API_VERSION
from stellwerk.api.v1alpha1 import KINDS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def manifests() -> Iterator[tuple[str, dict]]:
    """Every manifest of a page that says what it is."""
    for page in PAGES:
        for block in BLOCK.findall(page.read_text()):
            documents = [d for d in yaml.safe_load_all(block) if isinstance(d, dict)]
            yield from ((page.name, d) for d in documents if "apiVersion" in d and "kind" in d)


SHOWN = list(manifests())
KIND = {kind.info.kind: kind for kind in KINDS}


def test_the_readme_shows_both_ways_in() -> None:
    kinds = [manifest["kind"] for page, manifest in SHOWN if page == "README.md"]
    assert {"AIWorkload", "Job"} <= set(kinds)


@pytest.mark.parametrize(("page", "manifest"), SHOWN, ids=lambda value: value if isinstance(value, str) else "")
def test_every_manifest_on_a_page_is_valid(page: str, manifest: dict) -> None:
    if manifest["apiVersion"] == API_VERSION and manifest["kind"] in KIND:
        KIND[manifest["kind"]].model_validate(manifest)
    elif manifest["kind"] == "Job":
        assert "stellwerk.dev/policy" in manifest["metadata"]["labels"]
    else:
        assert manifest["kind"] in {"Fleet", "Kustomization"}, f"{page} shows a kind that nothing checks"


def test_the_plan_that_the_readme_shows_is_the_plan_of_the_examples() -> None:
    shown = re.search(r"^```text\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert shown is not None
    command = [sys.executable, "-m", "stellwerk.cli.main", "plan", "-f", "examples", "--fleet", "examples/fleet.yaml"]
    plan = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    printed = plan.stdout.splitlines()
    assert [line for line in shown[1].splitlines() if line not in printed] == []


def test_ci_runs_what_the_readme_tells_a_reader_to_run() -> None:
    first_block = re.search(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert first_block is not None
    commands = [line.split("#")[0].strip() for line in first_block[1].splitlines()]
    assert commands == ["make demo", "make test"]
    assert "make test" in (ROOT / ".ci/run").read_text()
