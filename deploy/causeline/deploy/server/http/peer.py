"""The connection behind a request: how much of what was sent its peer has taken, and how to cut it.

Granian takes whatever a stream sends into a queue without a bound and does not say what became of it. The kernel knows: it counts the
bytes that the peer acknowledged. The socket is one of this process's own, found by its two addresses. Where the kernel does not tell
(anything but Linux), a stream is not slowed down by its client, and who takes nothing is found by the system's own time-outs only.
"""

import os
import socket
import stat
import struct
from pathlib import Path
from typing import Final

_OPEN: Final = Path("/proc/self/fd")
_ACKED: Final = struct.Struct("=Q")
_ACKED_AT: Final = 120
"""`tcpi_bytes_acked` in Linux's `struct tcp_info`: after 8 bytes, 24 numbers of 4 bytes and two of 8 (include/uapi/linux/tcp.h)."""


class Peer:
    """One connection; `close` gives the handle back and leaves the connection as it is."""

    def __init__(self, connection: socket.socket | None) -> None:
        self._connection = connection

    def count_acknowledged(self) -> int | None:
        """Return how many bytes the peer has acknowledged since the connection began, None where nobody knows."""
        if self._connection is None:
            return None
        try:
            info = self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED_AT + _ACKED.size)
            return int(_ACKED.unpack_from(info, _ACKED_AT)[0])
        except (OSError, struct.error):
            return None

    def cut(self) -> None:
        """End the connection now, with what waits to be sent."""
        if self._connection is not None:
            try:
                self._connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is gone already

    def close(self) -> None:
        """Give the handle back."""
        if self._connection is not None:
            self._connection.close()


def peer_of(client: str, server: str) -> Peer:
    """Return the connection between two addresses as granian writes them (`127.0.0.1:8080`, `[::1]:8080`)."""
    addresses = (socket_address(client), socket_address(server))
    if not hasattr(socket, "TCP_INFO"):
        return Peer(None)
    try:
        connections = (_connection(handle, addresses) for handle in handles())
        return Peer(next((connection for connection in connections if connection is not None), None))
    except OSError:
        return Peer(None)


def handles() -> list[int]:
    """Return the open handles of this process, none where nobody tells. Raises OSError where it has none left to look with."""
    return [int(entry) for entry in os.listdir(_OPEN)] if _OPEN.is_dir() else []  # noqa: PTH208 - names are all that is needed


def connection_to(handle: int, port: int) -> socket.socket | None:
    """Return a second handle of a connection of this process whose own end is at a port, None where it is anything else."""
    connection = _socket(handle)
    if connection is None:
        return None
    try:
        if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getsockname()[1] == port:
            connection.getpeername()
            return connection
    except OSError:
        pass  # it listens, or its peer is gone
    connection.close()
    return None


def _connection(handle: int, addresses: tuple[tuple[str, int], tuple[str, int]]) -> socket.socket | None:
    connection = connection_to(handle, addresses[1][1])
    if connection is None:
        return None
    try:
        if (plain_address(connection.getpeername()), plain_address(connection.getsockname())) == addresses:
            return connection
    except OSError:
        pass
    connection.close()
    return None


def _socket(handle: int) -> socket.socket | None:
    """Return a second handle of a socket. Only sockets have one: closing that of a file would give up the process's locks on it."""
    try:
        return socket.socket(fileno=os.dup(handle)) if stat.S_ISSOCK(os.fstat(handle).st_mode) else None
    except OSError:
        return None


def socket_address(text: str) -> tuple[str, int]:
    """Return an address as granian writes it."""
    host, _, port = text.rpartition(":")
    return host.strip("[]").removeprefix("::ffff:"), int(port) if port.isdigit() else 0


def plain_address(address: tuple[str, int]) -> tuple[str, int]:
    """Return an address as the socket module tells it."""
    return address[0].removeprefix("::ffff:"), address[1]
