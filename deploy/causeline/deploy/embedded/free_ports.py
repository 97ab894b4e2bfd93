"""TCP ports of this machine: is one free, which one is.

A port for a broker is never taken from the system's ephemeral range. While a broker is away, a client that keeps reconnecting to a port
of that range can be given the same port as its own source: it then connects to itself, and the broker cannot bind any more.
"""

import random
import socket
import sys
from pathlib import Path
from typing import Final, Self

_LOWEST: Final = 20_000
_HIGHEST: Final = 32_000
_HIGHEST_PORT: Final = 65_535
_TRIES: Final = 20
_EPHEMERAL: Final = Path("/proc/sys/net/ipv4/ip_local_port_range")


class PortError(Exception):
    """A port cannot be used; the message names it and says what to do."""


def is_free(host: str, port: int) -> bool:
    """Tell whether a server could listen there now. Sockets that a dead server left in TIME_WAIT do not count."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Two sockets with SO_REUSEADDR may both bind; only one may listen.
            probe.listen(1)
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Return a free port outside the ephemeral range; random, so that parallel runs do not meet."""
    highest = max(_LOWEST + 1, min(_HIGHEST, _ephemeral_start() - 1))
    candidates = random.SystemRandom().sample(range(_LOWEST, highest), k=min(200, highest - _LOWEST))
    for port in candidates:
        if is_free(host, port):
            return port
    raise PortError(f"no free port between {_LOWEST} and {highest} on {host}")


class Claims:
    """The ports that one process gives away, none of them twice, until `close`.

    Whoever gets one listens there a moment later: in between it is free for anybody who looks. So each is also held by a name that only one
    process can have, and another Causeline that starts at the same moment takes the next one. The name is a socket's in Linux's abstract
    namespace: it goes with its process, however that ends, and is apart wherever ports are (network namespaces). Other systems have
    no such names; there a port that was lost to another process is noticed when its owner starts. Claims of other `names` do not meet.
    """

    def __init__(self, names: str = "causeline port") -> None:
        self._prefix: Final = names
        self._names: dict[int, socket.socket | None] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self, host: str, port: int, *, flag: str, move: bool) -> int:
        """Return the port to use: `port`, a free one when it is 0, or with `move` the next free one.

        Raises PortError that names the port and the flag that changes it.
        """
        if port == 0:
            for _ in range(_TRIES):
                if self._holds(random_port := free_port(host)):
                    return random_port
            raise PortError(f"no free port on {host}: others take them as fast as they are found")
        candidates = range(port, min(port + 200, _HIGHEST_PORT)) if move else (port,)
        for candidate in candidates:
            if is_free(host, candidate) and self._holds(candidate):
                return candidate
        raise PortError(f"port {port} on {host} is taken: choose another with {flag}, or let --free-ports take the next free one")

    def _holds(self, port: int) -> bool:
        if port in self._names:
            return False
        name = None
        if sys.platform == "linux":
            name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                name.bind(f"\0{self._prefix} {port}")
            except OSError:
                name.close()
                return False
        self._names[port] = name
        return True

    def close(self) -> None:
        """Give every name back."""
        for name in self._names.values():
            if name is not None:
                name.close()
        self._names.clear()


def _ephemeral_start() -> int:
    try:
        return int(_EPHEMERAL.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _HIGHEST + 1
