"""Free ports for what tests start: workers of pytest that run at the same time never choose the same one.

A port is chosen first and listened on a moment later. The broker and `causeline up --free-ports` choose theirs from 20,000 on, so tests
stay below that, and each worker in a part of its own.
"""

import os
import random
from typing import Final

from causeline.deploy.embedded.free_ports import PortError, is_free

_LOWEST: Final = 10_000
_HIGHEST: Final = 20_000
_PARTS: Final = 8


def free_port(host: str = "127.0.0.1") -> int:
    """Return a free port that nobody else of this run gets: no other worker, and no later caller in this process."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    size = (_HIGHEST - _LOWEST) // _PARTS
    first = _LOWEST + worker % _PARTS * size
    candidates = [port for port in range(first, first + size) if port not in _taken]
    random.SystemRandom().shuffle(candidates)
    for port in candidates:
        if is_free(host, port):
            _taken.add(port)
            return port
    raise PortError(f"no free port between {first} and {first + size} on {host}")


_taken: Final[set[int]] = set()
