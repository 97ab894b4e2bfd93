"""Connections that hold a place and ask for nothing: which of them are given up, so that there is always room for who asks.

Granian serves a fixed number of connections and has one time for a header and for the pause before it. That time must be long, or clients
that keep connections would lose them between two requests; so a few thousand half headers shut everybody out for as long. What it does not
tell, the kernel does: how much came in on a connection and how much of the answers its peer has. From looks a second apart follows which
connections are in the middle of a header, and which rest. A request that is under way is never cut.

`choose_cuts` is pure. Looks are counted, not seconds: where this process stood still, nobody else was slow.
"""

import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Literal, NamedTuple

from causeline.deploy.server.http.peer import connection_to, handles, plain_address, socket_address
from causeline.schemas import telemetry

MAX_CONNECTIONS: Final = 2_048
"""Connections served at once; more wait in the kernel to be accepted."""
_CROWDED: Final = MAX_CONNECTIONS * 3 // 4
"""From here on resting connections are given up, down to half: new ones find room before there is none."""
_RELIEVED: Final = MAX_CONNECTIONS // 2
LOOK_S: Final = 1.0
_INFO: Final = struct.Struct("=24xI92xQQ8xI")
"""`tcpi_unacked`, `tcpi_bytes_acked`, `tcpi_bytes_received` and `tcpi_notsent_bytes` in Linux's `struct tcp_info`."""

PeerAddress = tuple[str, int]
CutReason = Literal["header_timeout", "too_many_connections", "connection_displaced"]


class ConnectionSample(NamedTuple):
    """One connection in one look: its peer, bytes that came in, bytes of answers that the peer has.

    `busy`: a request or its answer is under way. Who takes no answer is the kernel's to cut (see `listener.py`).
    """

    peer: PeerAddress
    bytes_received: int
    bytes_answered: int
    busy: bool


class IdleConnection(NamedTuple):
    """A connection without a request under way: since how many looks, and in the middle of a header (or before its first) since how many.

    `rest` is what had come in when the last answer was taken: what is beyond it belongs to the next header.
    """

    looks: int
    half: int
    rest: int
    bytes_answered: int


class Cut(NamedTuple):
    """A connection that is given up."""

    peer: PeerAddress
    reason: CutReason


def after_look(before: IdleConnection | None, sample: ConnectionSample) -> IdleConnection:
    """Return what is known of a connection after one more look."""
    if (
        sample.busy
        or (before is None and sample.bytes_answered > 1)
        or (before is not None and sample.bytes_answered != before.bytes_answered)
    ):
        return IdleConnection(0, 0, sample.bytes_received, sample.bytes_answered)
    if before is None:
        return IdleConnection(1, 1, 0, sample.bytes_answered)
    half = sample.bytes_received > before.rest or before.rest == 0
    return IdleConnection(before.looks + 1, before.half + 1 if half else 0, before.rest, sample.bytes_answered)


def choose_cuts(connections: dict[PeerAddress, IdleConnection], *, header_looks: int, per_address: int) -> list[Cut]:
    """Return which of the connections are given up. `per_address` 0 is no bound."""
    late = [Cut(peer, "header_timeout") for peer, waiting in connections.items() if waiting.half > header_looks]
    cut_peers = {cut.peer for cut in late}
    others = {peer: waiting for peer, waiting in connections.items() if peer not in cut_peers}
    of_address = Counter(host for host, _ in others)
    # Who holds most gives way first, and of its connections the one that rested longest.
    resting = sorted(
        (peer for peer, waiting in others.items() if waiting.looks), key=lambda peer: (-of_address[peer[0]], -others[peer].looks)
    )
    cuts = late
    spare = len(others) - _RELIEVED if len(others) > _CROWDED else 0
    for peer in resting:
        if per_address and of_address[peer[0]] > per_address:
            cuts.append(Cut(peer, "too_many_connections"))
        elif spare > 0:
            cuts.append(Cut(peer, "connection_displaced"))
        else:
            continue
        of_address[peer[0]] -= 1
        spare -= 1
    return cuts


class ConnectionWatch:
    """Follows the connections of a port. `under_way` tells the peers of requests, as granian writes them."""

    def __init__(self, port: int, under_way: Callable[[], Iterable[str]], *, header_ms: int, per_address: int) -> None:
        self._port = port
        self._under_way = under_way
        self._header_looks = max(1, round(header_ms / 1_000 / LOOK_S))
        self._per_address = per_address
        self._connections: dict[PeerAddress, IdleConnection] = {}

    def look(self) -> list[Cut]:
        """Look once, and give up what is to be given up; nothing where this process has no handle left to look with."""
        busy = {socket_address(peer) for peer in self._under_way()}
        try:
            samples = _list_connections(self._port, busy)
        except OSError:
            return []
        self._connections = {one.peer: after_look(self._connections.get(one.peer), one) for one in samples}
        cuts = choose_cuts(self._connections, header_looks=self._header_looks, per_address=self._per_address)
        for cut in cuts:
            telemetry.REQUESTS_REFUSED.labels("http", cut.reason).inc()
        with suppress(OSError):  # the last handle may have gone since: the next look decides alike
            _cut({cut.peer for cut in cuts}, self._port)
        return cuts


def _list_connections(port: int, busy: set[PeerAddress]) -> list[ConnectionSample]:
    """Return the connections that clients made to a port of this process, none where the kernel does not tell (anything but Linux)."""
    samples = []
    for handle in handles():
        connection = connection_to(handle, port)
        if connection is None:
            continue
        with connection:
            try:
                peer = plain_address(connection.getpeername())
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
                bytes_unacknowledged, bytes_answered, bytes_received, bytes_unsent = _INFO.unpack(info)
            except (OSError, struct.error):
                continue
            samples.append(ConnectionSample(peer, bytes_received, bytes_answered, peer in busy or bytes_unacknowledged + bytes_unsent > 0))
    return samples


def _cut(peers: set[PeerAddress], port: int) -> None:
    for handle in handles() if peers else ():
        connection = connection_to(handle, port)
        if connection is None:
            continue
        with connection:
            try:
                if plain_address(connection.getpeername()) in peers:
                    connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is gone already
