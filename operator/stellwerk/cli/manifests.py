"""Find and read manifests: files, folders (recursively) and standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from stellwerk.api.field_error import Keys, dotted
from stellwerk.cli import yamltree
from stellwerk.cli.problems import Problem

STDIN: Final = "-"
#: What `kubectl apply -R -f FOLDER` reads.
SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class Document:
    """One object as it was written, and where.

    `prefix` leads to the object inside its document: empty, or `("items", 3)` in a List.
    """

    file: str
    root: yaml.Node
    value: dict[str, Any]
    prefix: Keys = ()

    @property
    def line(self) -> int:
        """Where the object begins, from 1."""
        return yamltree.line_of(self.root, self.prefix)

    def problem(self, keys: Keys, message: str) -> Problem:
        """Return a problem of the field that `keys` lead to, with the line where it is written."""
        there = (*self.prefix, *keys)
        return Problem(self.file, yamltree.line_of(self.root, there), dotted(there), message)

    @property
    def kind(self) -> str:
        """Return group and kind in one text, such as `stellwerk.dev/AIWorkload` or `Pod`."""
        group = str(self.value.get("apiVersion", "")).rpartition("/")[0]
        kind = str(self.value.get("kind", ""))
        return f"{group}/{kind}" if group else kind

    @property
    def name(self) -> str:
        """Return metadata.name, or nothing where it is missing."""
        metadata = self.value.get("metadata")
        return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""

    @property
    def namespace(self) -> str:
        """Return metadata.namespace, or nothing where it is missing."""
        metadata = self.value.get("metadata")
        return str(metadata.get("namespace") or "") if isinstance(metadata, dict) else ""


def read(sources: Sequence[str], problems: list[Problem]) -> list[Document]:
    """Read every document of the named files and folders; `-` is standard input.

    What cannot be read or is not YAML adds to `problems`.

    Files of a folder come in the order of their paths, and a file that is named twice is read
    once, so that the result depends on nothing but the content.
    """
    documents: list[Document] = []
    for file, text in _texts(sources, problems):
        try:
            documents.extend(_documents(file, text))
        except yamltree.TreeError as error:
            problems.append(Problem(file, error.line, "", str(error)))
    return documents


def _texts(sources: Sequence[str], problems: list[Problem]) -> Iterator[tuple[str, str]]:
    seen: set[Path] = set()
    for source in sources:
        if source == STDIN:
            yield "<stdin>", sys.stdin.read()
            continue
        for path in _files(Path(source), problems):
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            try:
                yield str(path), path.read_text(encoding="utf-8-sig")
            except (OSError, UnicodeDecodeError) as error:
                problems.append(Problem(str(path), 0, "", f"cannot be read: {error}"))


def _files(path: Path, problems: list[Problem]) -> list[Path]:
    if not path.exists():
        problems.append(Problem(str(path), 0, "", "no such file or folder"))
        return []
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.suffix in SUFFIXES and p.is_file())
    if not found:
        problems.append(Problem(str(path), 0, "", "no .yaml, .yml or .json file in this folder"))
    return found


def _documents(file: str, text: str) -> Iterator[Document]:
    for root in yamltree.compose(text):
        value = yamltree.to_plain(root)
        if not isinstance(value, dict):
            raise yamltree.TreeError(root.start_mark.line + 1, "an object must be a mapping")
        if value.get("kind") == "List" and isinstance(value.get("items"), list):
            yield from _items(file, root, value["items"])
        else:
            yield Document(file, root, value)


def _items(file: str, root: yaml.Node, items: list[Any]) -> Iterator[Document]:
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise yamltree.TreeError(yamltree.line_of(root, ("items", index)), "an object must be a mapping")
        yield Document(file, root, item, ("items", index))
