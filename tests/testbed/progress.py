"""Tell a person what a long step does, how far it is and how long it has taken."""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO


class TestbedError(RuntimeError):
    """Something that the reader of the message can do something about, said in words."""

    __test__ = False  # pytest: not a test class


def clock(seconds: float) -> str:
    """`7s`, `3m05s` or `1h02m`: a duration for people."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


@dataclass
class Progress:
    """Prints steps; on a terminal the last line is rewritten, elsewhere a line comes every few seconds."""

    out: TextIO = field(default_factory=lambda: sys.stderr)
    quiet: bool = False
    every: float = 10.0  # seconds between lines where lines cannot be rewritten
    _last: float = field(default=float("-inf"), init=False)
    _open: bool = field(default=False, init=False)

    def say(self, text: str) -> None:
        """Print one line."""
        if self.quiet:
            return
        self._close()
        print(text, file=self.out, flush=True)

    def update(self, text: str) -> None:
        """Show how far the step is; cheap enough to call at every change."""
        if self.quiet:
            return
        now = time.monotonic()
        if self.out.isatty():
            if now - self._last >= 0.2:
                print(f"\r\x1b[K{text}", end="", file=self.out, flush=True)
                self._last, self._open = now, True
        elif now - self._last >= self.every:
            print(text, file=self.out, flush=True)
            self._last = now

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Announce a step, say from time to time that it goes on and, when it went well, how long it took."""
        self.say(f"{text} ...")
        began = time.monotonic()
        over = threading.Event()

        def goes_on() -> None:
            while not over.wait(max(1.0, self.every)):
                self.update(f"{text}: {clock(time.monotonic() - began)} so far")

        teller = threading.Thread(target=goes_on, daemon=True)
        teller.start()
        try:
            yield
        finally:
            over.set()
            teller.join()
        self.say(f"{text}: done in {time.monotonic() - began:.1f}s")

    def _close(self) -> None:
        if self._open:
            print(file=self.out)
            self._open = False
