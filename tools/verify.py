"""Fail when a generated file differs from its source, or was generated but never committed."""

import subprocess
import sys

from tools.generate import ROOT, run_all

GENERATED = ("crds", "docs/reference", "constraints.txt", "deploy/requirements.txt")


def untracked() -> list[str]:
    """Return generated files that git does not know; none outside a git checkout."""
    command = ["git", "ls-files", "--others", "--exclude-standard", "--", *GENERATED]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return listing.stdout.split("\n")[:-1]


def main() -> int:
    """Compare, list what is wrong, and return 1 if anything is."""
    fresh = run_all("--check")
    if not fresh:
        print("verify: generated files differ from their source: run `make generate`")
    missing = untracked()
    for path in missing:
        print(f"verify: {path} was generated but is not committed")
    return 0 if fresh and not missing else 1


if __name__ == "__main__":
    sys.exit(main())
