"""Free ports for what tests start: runs of pytest on one machine, and workers of one run, never choose the same one.

A port is chosen first and listened on a moment later. Whoever chose it holds a name meanwhile that only one process can have (on systems
without such names, chance keeps them apart). The broker and `causeline up --free-ports` choose theirs from 20,000 on, so tests stay below.
"""

import random
import socket
import sys
from typing import Final

from causeline.deploy.embedded.free_ports import PortError, is_free

_PORTS: Final = range(10_000, 20_000)
_held: Final[dict[int, socket.socket | None]] = {}


def free_port(host: str = "127.0.0.1") -> int:
    """Return a free port that nobody else gets until this process ends."""
    for port in random.SystemRandom().sample(_PORTS, k=500):
        if port not in _held and is_free(host, port) and _holds(port):
            return port
    raise PortError(f"no free port between {_PORTS.start} and {_PORTS.stop} on {host}")


def _holds(port: int) -> bool:
    name = None
    if sys.platform == "linux":
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0causeline test port {port}")
        except OSError:
            name.close()
            return False
    _held[port] = name
    return True
