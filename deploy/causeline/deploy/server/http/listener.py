"""The HTTP server's socket: how many connections, and when the kernel gives up on one.

Granian times what it reads (a header, a pause between requests) but not what it writes, and neither it nor we can see that a peer is gone
without a word. Both are the kernel's to know: its options are set on the listening socket and are inherited by every connection.
"""

import os
import resource
import socket
from typing import Any, Final, cast

from granian._granian import ListenerSpec
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.server.embed import Server

from causeline.deploy.embedded.free_ports import PortError, is_free
from causeline.deploy.server.http.connections import MAX_CONNECTIONS

_HANDLES: Final = 4 * MAX_CONNECTIONS
"""Connections, those of gRPC, and what the clients of Kafka and ClickHouse and the engine's files need."""
_PROBES: Final = 3


class _Server(Server):
    """Granian's embedded server on a socket that was made here."""

    stall_ms: int = 30_000

    def _init_shared_socket(self) -> None:
        holder = ListenerSpec(self.bind_addr, self.bind_port, self.backlog).build()
        with socket.socket(fileno=os.dup(holder.get_fd())) as listening:
            give_up_on_silent_peers(listening, self.stall_ms)
        self._ssp, self._shd = None, cast("Any", holder)  # its own constructor says None for what is set later


def give_up_on_silent_peers(listening: socket.socket, stall_ms: int) -> None:
    """End connections whose peer takes nothing (its window stays shut) or does not answer for so long."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; elsewhere the system's own, longer times hold
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, stall_ms)
        pause_s = max(1, stall_ms // 1_000 // (_PROBES + 1))
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, pause_s)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, pause_s)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)


def http_server(application: Any, host: str, port: int, *, idle_ms: int, stall_ms: int) -> Server:
    """Return the server; `idle_ms` bounds a header and the pause before it, `stall_ms` a peer that takes nothing or is gone."""
    server = _Server(
        application,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=idle_ms),
        backlog=MAX_CONNECTIONS,  # that wait to be accepted, and that are served at once
        websockets=False,
        log_enabled=False,
    )
    server.stall_ms = stall_ms
    return server


def allow_handles() -> None:
    """Raise the bound of open handles, which is often 1,024, to what the connections need, as far as the system lets us."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    target = _HANDLES if most == resource.RLIM_INFINITY else min(_HANDLES, most)
    if now != resource.RLIM_INFINITY and now < target:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, most))


def not_shared(host: str, port: int) -> None:
    """Raise PortError where another process listens. Granian binds with SO_REUSEPORT, which would share the port without a word."""
    if port and not is_free(host, port):
        raise PortError(f"port {port} on {host} is taken: choose another with --http-port, or share it among servers with --reuse-port")
