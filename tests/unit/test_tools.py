"""The checks behind `make check` find what they are there to find."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import install, lock, stale, verify

PYPROJECT = """
[project]
version = "1.2.0"
requires-python = ">=3.11"
dependencies = ["alpha>=2"]
[project.optional-dependencies]
dev = ["Beta_x==1.*"]
"""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository in which nothing is stale."""
    monkeypatch.setattr(stale, "ROOT", tmp_path)
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    for folder in ("docs", "deploy"):
        (tmp_path / folder).mkdir()
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "Makefile").write_text("test: ## run\n\ttrue\n")
    (tmp_path / "README.md").write_text(
        "`make test`, [more](docs/more.md), `docs/more.md`, [site](https://example.com)"
    )
    (tmp_path / "docs/more.md").write_text("[back](../README.md#top)")
    (tmp_path / "deploy/a.yaml").write_text("- image: ghcr.io/x/stellwerk:1.2.0\n  image: y@sha256:0f\n")
    pin(tmp_path, "alpha==2.5 \\\nbeta-x==1.9 ; python_version > '3' \\\n")
    return tmp_path


def pin(tree: Path, pins: str, *, runtime: str = "alpha==2.5 \\\n") -> None:
    for name, text in ((lock.LOCK, pins), (lock.RUNTIME_LOCK, runtime)):
        (tree / name).write_text(f"# pyproject-sha256: {lock.fingerprint()}\n{text}")


def problems() -> list[str]:
    return [*stale.lock_problems(), *stale.image_problems(), *stale.document_problems()]


def test_a_tree_in_which_all_fits_has_no_problem(tree: Path) -> None:
    assert problems() == []


def test_locks_that_answer_other_dependencies_are_stale(tree: Path) -> None:
    (tree / "pyproject.toml").write_text(PYPROJECT.replace("alpha>=2", "alpha>=2.1"))
    assert ["run `make lock`" in problem for problem in problems()] == [True, True]


@pytest.mark.parametrize("pins", ["alpha==2.5\n", "alpha==2.5\nbeta-x==2.0\n"])
def test_a_pin_that_does_not_fit_or_is_missing_is_stale(tree: Path, pins: str) -> None:
    pin(tree, pins)
    assert ["pyproject.toml wants Beta_x==1.*" in problem for problem in problems()] == [True]


def test_two_locks_that_disagree_are_stale(tree: Path) -> None:
    pin(tree, "alpha==2.5\nbeta-x==1.9\n", runtime="alpha==2.6\n")
    assert ["has alpha 2.6" in problem for problem in problems()] == [True]


@pytest.mark.parametrize("image", ["ghcr.io/x/y", "ghcr.io/x/y:latest", "host:5000/y", "y"])
def test_an_image_without_a_fixed_tag_floats(tree: Path, image: str) -> None:
    (tree / "deploy/a.yaml").write_text(f"image: {image}\n")
    assert [image in problem and "floats" in problem for problem in problems()] == [True]


def test_a_base_image_without_a_tag_floats(tree: Path) -> None:
    (tree / "deploy/Dockerfile").write_text("FROM python:3.11-slim AS build\nFROM python\n")
    assert ["image python floats" in problem for problem in problems()] == [True]


def test_our_image_with_the_tag_of_another_version_is_stale(tree: Path) -> None:
    (tree / "deploy/a.yaml").write_text('image: "ghcr.io/x/stellwerk:1.1.9"\n')
    assert [problem.endswith("is not this version, 1.2.0") for problem in problems()] == [True]


def test_documents_that_name_what_does_not_exist_are_stale(tree: Path) -> None:
    (tree / "docs/more.md").write_text("[gone](gone.md) `tests/gone.py` `make gone`")
    assert [problem.partition(" ")[0] for problem in problems()] == ["docs/more.md"] * 3


def test_a_document_with_a_placeholder_or_a_doubled_heading_is_stale(tree: Path) -> None:
    (tree / "docs/more.md").write_text("# A\n\n@@CONCEPTS@@\n\n## B\n\n## B\n\n```sh\n# A\n```\n")
    assert problems() == [
        "docs/more.md: @@CONCEPTS@@ is a placeholder",
        "docs/more.md: the heading `## B` comes 2 times",
    ]


def test_an_interpreter_is_taken_only_when_it_starts_and_is_new_enough(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    assert install.starts(install.find_python())
    assert not install.starts(str(old))
    assert not install.starts(str(tmp_path / "none"))
    assert not install.starts(install.find_python(), needed="a_module_that_is_not_there")


def test_no_new_enough_python_is_said_in_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LookupError, match=r"Python 3\.11 or newer is needed"):
        install.find_python()


def test_a_long_step_of_the_installation_says_how_far_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    until = tmp_path / "go on"
    waits = f"import pathlib\nwhile not pathlib.Path({str(until)!r}).exists(): pass"

    def far() -> str:
        until.touch()
        return "3 of 90"

    install.run([sys.executable, "-c", waits], far, every=0.2)
    assert "install: still at it: 3 of 90, " in capsys.readouterr().out
    with pytest.raises(subprocess.CalledProcessError):
        install.run([sys.executable, "-c", "raise SystemExit(3)"])


def test_everything_that_is_pinned_is_found_when_it_is_installed() -> None:
    wanted = install.pinned()
    assert {"pytest", "prometheus_client"} < wanted
    assert install.far({"pytest", "prometheus_client", "a_package_of_nobody"}) == "2 of 3 installed"


def test_a_generator_that_finds_a_difference_fails_the_verification(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "run_all", lambda *_: False)
    monkeypatch.setattr(verify, "untracked", list)
    assert verify.main() == 1
    assert "make generate" in capsys.readouterr().out


def test_a_generated_file_that_is_not_committed_fails_the_verification(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(verify, "run_all", lambda *_: True)
    monkeypatch.setattr(verify, "untracked", lambda: ["crds/new.yaml"])
    assert verify.main() == 1
    assert "crds/new.yaml" in capsys.readouterr().out
