"""Ports of this machine that nobody else takes between the moment in which we choose them and their first use.

Whoever chooses one holds a name for it in the kernel (an abstract socket, gone with its process), so that starts at the
same time never choose the same, whatever folder they keep their files in. All are below the ports that Linux hands out
to outgoing connections.
"""

import random
import socket
from collections.abc import Collection

from tests.testbed.progress import TestbedError

RANGE = range(20000, 30000)
_held: set[int] = set()  # file numbers of the names, which stay open


def choose(count: int, taken: Collection[int] = ()) -> list[int]:
    """So many free ports of 127.0.0.1, none of them in `taken`; they are ours until this process ends."""
    found: list[int] = []
    for port in random.sample(RANGE, len(RANGE)):
        if len(found) == count:
            break
        if port not in taken and _bindable(port) and _hold(port):
            found.append(port)
    if len(found) < count:
        raise TestbedError(f"fewer than {count} free ports in {RANGE.start}-{RANGE.stop}")
    return found


def _hold(port: int) -> bool:
    name = socket.socket(socket.AF_UNIX)
    try:
        name.bind(f"\0stellwerk-testbed-port-{port}")
    except OSError:
        name.close()
        return False
    _held.add(name.detach())
    return True


def _bindable(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
