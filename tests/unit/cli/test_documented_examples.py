"""Documents that show commands with their output are run, and must show what is printed today."""

from pathlib import Path

import pytest

from tests.consoles import ROOT, Example, File, Shell, examples

DOCUMENTS = ("docs/plan.md", "docs/plan-in-ci.md", "docs/simulate.md", "docs/explain.md", "docs/moves.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_documented_command_prints_what_its_document_shows(name: str, tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    commands = 0
    for example in examples((ROOT / name).read_text()):
        if isinstance(example, File):
            shell.write(example)
            continue
        commands += 1
        assert shell.run(example.command) == example.output, f"to update: python -m tests.consoles {name}"
    assert commands >= 4


def test_a_command_may_go_on_over_several_lines_and_a_block_may_hold_several() -> None:
    text = "text\n```console\n$ echo a \\\n    b\na b\n$ true\n```\n"
    assert list(examples(text)) == [Example("echo a \\\n    b", "a b\n"), Example("true", "")]


def test_a_block_with_a_file_name_is_a_file() -> None:
    assert list(examples("```yaml file=a.yaml\na: 1\n```\n```yaml\nb: 2\n```\n")) == [File("a.yaml", "a: 1\n")]


def test_an_exit_code_that_is_not_0_is_part_of_the_output(tmp_path: Path) -> None:
    assert Shell(tmp_path).run("echo a; exit 2") == "a\n(exit code 2)\n"
