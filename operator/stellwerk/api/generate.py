"""Writes everything that is made from the models: `python -m stellwerk.api.generate [--check]`.

Run it in the root of the repository. With `--check` nothing is written; the exit code is 1 if a file
differs from what would be written, or if a generated file is left over.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from stellwerk.api.crd import custom_resource_definition
from stellwerk.api.labels import GROUP
from stellwerk.api.reference import api_reference, reason_reference
from stellwerk.api.v1alpha1 import KINDS
from stellwerk.api.v1alpha1.kind import Kind

YAML_HEADER: Final = "# Generated from operator/stellwerk/api by `make generate`; do not edit.\n"


class Artifact(NamedTuple):
    """A generated file."""

    path: str
    """Relative to the root of the repository."""
    render: Callable[[], str]
    """Returns the whole text, the same one each time."""


class _Dumper(yaml.SafeDumper):
    """Writes every value out, where PyYAML would use anchors."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def to_yaml(manifest: dict[str, Any]) -> str:
    """Return `manifest` as YAML under the header of generated files, keys in the given order."""
    body = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, width=100, allow_unicode=True)
    return YAML_HEADER + body


def _crd(kind: type[Kind]) -> Artifact:
    path = f"crds/{GROUP}_{kind.info.plural}.yaml"
    return Artifact(path, lambda: to_yaml(custom_resource_definition(kind)))


def _kustomization() -> str:
    """Return the Kustomization of crds/, for `kubectl apply -k deploy/`."""
    resources = [f"{GROUP}_{kind.info.plural}.yaml" for kind in KINDS]
    return to_yaml({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": resources})


ARTIFACTS: Final[tuple[Artifact, ...]] = (
    *(_crd(kind) for kind in KINDS),
    Artifact("crds/Kustomization", _kustomization),  # this name, because `kubectl apply -f crds/` leaves it out
    Artifact("docs/reference/api.md", api_reference),
    Artifact("docs/reference/reasons.md", reason_reference),
)
"""All generated files; add one here and `--check` watches over it."""

OWNED: Final = ("crds/*",)
"""Files of these patterns are all generated: what is not in `ARTIFACTS` is left over."""


def stale(root: Path, artifacts: Iterable[Artifact] = ARTIFACTS) -> list[str]:
    """Return the paths below `root` that differ from what would be written, or are left over."""
    wanted = {artifact.path: artifact.render() for artifact in artifacts}
    differing = [path for path, text in wanted.items() if _read(root / path) != text]
    return sorted(differing + _left_over(root, wanted))


def write(root: Path, artifacts: Iterable[Artifact] = ARTIFACTS) -> list[str]:
    """Write all artifacts below `root` and remove what is left over; return what was touched."""
    artifacts = tuple(artifacts)
    touched = stale(root, artifacts)
    rendered = {artifact.path: artifact.render for artifact in artifacts}
    for path in touched:
        if path in rendered:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(rendered[path](), encoding="utf-8")
        else:
            (root / path).unlink()
    return touched


def _left_over(root: Path, wanted: Iterable[str]) -> list[str]:
    found = {str(path.relative_to(root)) for pattern in OWNED for path in root.glob(pattern)}
    return list(found - set(wanted))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m stellwerk.api.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare; exit 1 on a difference")
    parser.add_argument("--root", type=Path, default=Path(), help="root of the repository")
    options = parser.parse_args(arguments)
    if not (options.root / "pyproject.toml").is_file():
        parser.error(f"{options.root.resolve()} is not the root of the repository")
    if not options.check:
        sys.stdout.writelines(f"wrote {path}\n" for path in write(options.root))
        return 0
    differing = stale(options.root)
    sys.stdout.writelines(f"stale: {path} (run `make generate`)\n" for path in differing)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
