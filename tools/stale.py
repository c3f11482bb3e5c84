"""Say when a lock, an image reference or a document has fallen behind what it describes.

Needs no network: each check compares two files of the repository.
"""

import re
import sys
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.lock import LOCK, ROOT, fingerprint

IMAGE = re.compile(r"^\s*(?:- )?image:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
PATH_IN_DOC = re.compile(r"`((?:operator|tests|tools|docs|deploy|crds|examples)/[\w./-]*|[\w-]+\.(?:toml|txt))`")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
TARGET_IN_DOC = re.compile(r"`make ([a-z0-9-]+)")


def main() -> int:
    """Print every stale reference and return 1 if there is one."""
    problems = [*lock_problems(), *image_problems(), *document_problems()]
    for problem in problems:
        print("stale:", problem)
    return 1 if problems else 0


def project() -> dict[str, object]:
    """Return the [project] table of pyproject.toml."""
    table: dict[str, object] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return table


def lock_problems() -> Iterator[str]:
    """constraints.txt must answer today's dependency tables, and hold a pin for each entry."""
    text = LOCK.read_text()
    if f"# pyproject-sha256: {fingerprint()}" not in text:
        yield "constraints.txt was made from other dependency tables: run `make lock`"
    pins = {canonicalize_name(name): Version(version) for name, version in PIN.findall(text)}
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for line in [*tables["dependencies"], *tables["optional-dependencies"]["dev"]]:
        wanted = Requirement(line)
        pinned = pins.get(canonicalize_name(wanted.name))
        if pinned is None or pinned not in wanted.specifier:
            yield f"constraints.txt pins {wanted.name} to {pinned}, pyproject.toml wants {line}"


def image_problems() -> Iterator[str]:
    """Each image in deploy/ and charts/ has a tag or digest; our own has this version's tag."""
    version = str(project()["version"])
    for folder in ("deploy", "charts"):
        for path in sorted((ROOT / folder).rglob("*.y*ml")):
            for image in IMAGE.findall(path.read_text()):
                name, _, tag = image.rpartition(":")
                where = f"{path.relative_to(ROOT)}: image {image}"
                if "{{" in image or "@sha256:" in image:
                    continue
                if not name or "/" in tag or tag == "latest":
                    yield f"{where} floats: give it a tag or a digest"
                elif name.endswith("stellwerk") and tag != version:
                    yield f"{where} is not this version, {version}"


def document_problems() -> Iterator[str]:
    """Every path, link and make target that a document names exists."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        text, here = page.read_text(), page.relative_to(ROOT)
        for path in sorted(set(PATH_IN_DOC.findall(text))):
            if not (ROOT / path).exists():
                yield f"{here} names `{path}`, which does not exist"
        for link in sorted(set(LINK.findall(text))):
            if not (page.parent / link).exists():
                yield f"{here} links to {link}, which does not exist"
        for target in sorted(set(TARGET_IN_DOC.findall(text)) - targets):
            yield f"{here} names `make {target}`, which the Makefile does not have"


if __name__ == "__main__":
    sys.exit(main())
