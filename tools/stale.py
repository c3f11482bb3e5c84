"""Say when a lock, an image reference or a document has fallen behind what it describes.

Needs no network: each check compares two files of the repository.
"""

import re
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.lock import LOCK, ROOT, RUNTIME_LOCK, fingerprint

IMAGE = re.compile(r"^(?:\s*(?:- )?image:|FROM)\s+[\"']?([^\s\"'#]+)", re.MULTILINE)
IMAGE_FILES = ("*.yaml", "*.yml", "Dockerfile")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
PATH_IN_DOC = re.compile(r"`((?:operator|tests|tools|docs|deploy|crds|examples)/[\w./-]*|[\w-]+\.(?:toml|txt))`")
CODE = re.compile(r"`[^`]*`")
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
TARGET_IN_DOC = re.compile(r"`make ([a-z0-9-]+)")
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^##? .+$", re.MULTILINE)
PLACEHOLDER = re.compile(r"@@\w*@@|\bTODO\b|\bFIXME\b|\bTBD\b")


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
    """Both locks answer today's dependency tables, agree with each other, and pin what those ask for."""
    tables = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {
        LOCK: tables["dependencies"] + tables["optional-dependencies"]["dev"],
        RUNTIME_LOCK: tables["dependencies"],
    }
    pins = {name: dict(PIN.findall((ROOT / name).read_text())) for name in wanted}
    for name, lines in wanted.items():
        if f"# pyproject-sha256: {fingerprint()}" not in (ROOT / name).read_text():
            yield f"{name} was made from other dependency tables: run `make lock`"
        versions = {canonicalize_name(package): Version(version) for package, version in pins[name].items()}
        for line in lines:
            pinned = versions.get(canonicalize_name(Requirement(line).name))
            if pinned is None or pinned not in Requirement(line).specifier:
                yield f"{name} pins {pinned}, pyproject.toml wants {line}"
    for package, version in pins[RUNTIME_LOCK].items() - pins[LOCK].items():
        yield f"{RUNTIME_LOCK} has {package} {version}, {LOCK} has not: run `make lock`"


def image_problems() -> Iterator[str]:
    """Each image in deploy/ and charts/ has a tag or digest; our own has this version's tag."""
    version = str(project()["version"])
    for folder in ("deploy", "charts"):
        for path in sorted(path for pattern in IMAGE_FILES for path in (ROOT / folder).rglob(pattern)):
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
    """Every path, link and make target that a document names exists, and no draft was left in it."""
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, re.MULTILINE))
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]):
        text, here = page.read_text(), page.relative_to(ROOT)
        for path in sorted(set(PATH_IN_DOC.findall(text))):
            if not (ROOT / path).exists():
                yield f"{here} names `{path}`, which does not exist"
        for link in sorted(set(LINK.findall(CODE.sub("", text)))):
            if not (page.parent / link).exists():
                yield f"{here} links to {link}, which does not exist"
        for target in sorted(set(TARGET_IN_DOC.findall(text)) - targets):
            yield f"{here} names `make {target}`, which the Makefile does not have"
        yield from (f"{here}: {problem}" for problem in draft_problems(text))


def draft_problems(text: str) -> Iterator[str]:
    """Placeholders, and titles of chapters that come twice: what merging and generating leave behind."""
    prose = FENCED.sub("", text)
    yield from (f"{found} is a placeholder" for found in sorted(set(PLACEHOLDER.findall(prose))))
    titles = Counter(HEADING.findall(prose))
    yield from (f"the heading `{title}` comes {often} times" for title, often in titles.items() if often > 1)


if __name__ == "__main__":
    sys.exit(main())
