"""Documents whose shell examples are run: each `console` block holds commands after `$ ` and what they print.

A block that begins like "```yaml file=NAME" is a file for the commands after it.

`python -m tests.consoles docs/plan-in-ci.md` writes the outputs of today into a document.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(console|\w+ file=\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Example:
    """A command of a document and the output that it shows."""

    command: str
    output: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that a document shows."""

    name: str
    text: str


def examples(text: str) -> Iterator[Example | File]:
    """Every file, and every command of the `console` blocks, in order."""
    for head, body in BLOCK.findall(text):
        if head == "console":
            yield from _commands(body)
        else:
            yield File(head.partition("file=")[2], body)


def _commands(block: str) -> Iterator[Example]:
    starts = list(COMMAND.finditer(block))
    assert starts, f"a console block without a command:\n{block}"
    assert starts[0].start() == 0, f"a console block that does not begin with a command:\n{block}"
    ends = [found.start() for found in starts[1:]] + [len(block)]
    for found, end in zip(starts, ends, strict=True):
        yield Example(found[1], block[found.end() : end])


class Shell:
    """Runs commands one after the other in a folder that begins as the examples; files stay, variables do not."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT / "examples", folder / "examples")
        programs = Path(sys.executable).parent
        kept = {key: value for key, value in os.environ.items() if not key.startswith("STELLWERK_")}
        self.environment = {**kept, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}

    def write(self, file: File) -> None:
        """Put a file that the document shows where its commands find it."""
        (self.folder / file.name).write_text(file.text)

    def run(self, command: str) -> str:
        """What the command prints, errors included; after it, as a person would ask, its code where it is not 0."""
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        code = f"(exit code {done.returncode})\n" if done.returncode else ""
        return done.stdout + code


def updated(text: str, shell: Shell) -> str:
    """The document with the outputs of today."""

    def block(found: re.Match[str]) -> str:
        if found[1] != "console":
            shell.write(File(found[1].partition("file=")[2], found[2]))
            return found[0]
        parts = [f"$ {one.command}\n{shell.run(one.command)}" for one in _commands(found[2])]
        return f"```console\n{''.join(parts)}```"

    return BLOCK.sub(block, text)


def main(paths: list[str]) -> None:
    """Rewrite the documents."""
    for path in map(Path, paths):
        with tempfile.TemporaryDirectory() as folder:
            path.write_text(updated(path.read_text(), Shell(Path(folder))))


if __name__ == "__main__":
    main(sys.argv[1:])
