"""What the person in front of the demo sees: headings, commands with their output, what takes long."""

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.testbed.progress import Progress

ROOT = Path(__file__).resolve().parents[2]


class Screen:
    """Prints to standard output, in the order in which things happen; progress goes the same way."""

    def __init__(self) -> None:
        self.progress = Progress(out=sys.stdout, every=5.0)
        self.complete = False  # everything was shown

    def heading(self, text: str) -> None:
        """Begin a chapter."""
        mark = "\x1b[1m" if sys.stdout.isatty() else ""
        end = "\x1b[0m" if mark else ""
        self.say(f"\n{mark}== {text}{end}\n")

    def say(self, text: str = "") -> None:
        """Print lines."""
        print(text, flush=True)

    def command(self, shown: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None) -> int:
        """Print a command as a person would type it, run it, print what it says; its exit code."""
        self.say(f"$ {shown}")
        sys.stdout.flush()
        done = subprocess.run([str(part) for part in argv], cwd=ROOT, env=env, check=False)
        return done.returncode
