"""Folders with a fleet of their own below a folder that has one: other worlds, planned only where they are named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stellwerk.cli.collect import FLEET
from stellwerk.cli.manifests import STDIN, Document


def parted(sources: Sequence[str], documents: Sequence[Document]) -> tuple[list[Document], list[str]]:
    """Leave out the other worlds.

    Args:
        sources: Files and folders as they were named.
        documents: All that was read from them.

    Returns what is to be planned together, and a note on each folder that is left out.
    """
    homes = {Path(document.file).parent for document in documents if document.kind == FLEET}
    named = {Path(source) for source in sources if source != STDIN}
    above = {folder for folder in homes & named if folder.is_dir()}
    others = {home for home in homes if not _within(home, named - above) and any(_below(home, one) for one in above)}
    others -= above | {one.parent for one in named if one.is_file()}
    kept = [document for document in documents if not _within(Path(document.file), others)]
    return kept, [
        f"{folder}/ has a fleet of its own and is left out: name it by -f to plan it" for folder in sorted(others)
    ]


def _below(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)


def _within(path: Path, folders: set[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)
