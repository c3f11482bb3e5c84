"""Write every generated file of the repository: one line per generator, each understands --check.

A generator is a module that `python -m` can run: without arguments it writes its files, with
--check it writes nothing and exits 1 when a file on disk differs from what it would write.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GENERATORS = ("stellwerk.api.generate", "tools.reference", "tools.schemas")


def run_all(*arguments: str) -> bool:
    """Run each generator in the repository's root; True when all of them succeeded."""
    codes = [
        subprocess.run([sys.executable, "-m", module, *arguments], cwd=ROOT, check=False).returncode
        for module in GENERATORS
    ]
    return not any(codes)


if __name__ == "__main__":
    sys.exit(0 if run_all() else 1)
