"""Which connections are given up, by what is seen of them a look at a time; and with sockets, with somebody who is served meanwhile."""

import asyncio
import resource
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest

from causeline.deploy.server.http.connections import (
    MAX_CONNECTIONS,
    ConnectionSample,
    ConnectionWatch,
    Cut,
    IdleConnection,
    PeerAddress,
    after_look,
    choose_cuts,
)
from causeline.deploy.server.http.listener import http_server
from causeline.deploy.server.http.peer import peer_of
from tests import patience
from tests.ports import free_port

A: PeerAddress = ("10.0.0.1", 1)


def seen(bytes_in: int, bytes_out: int = 0, *, busy: bool = False) -> ConnectionSample:
    return ConnectionSample(A, bytes_in, bytes_out, busy)


def after(*looks: ConnectionSample) -> IdleConnection:
    connections = None
    for look in looks:
        connections = after_look(connections, look)
    assert connections is not None
    return connections


@pytest.mark.parametrize(
    ("looks", "half"),
    [
        ([seen(0)] * 4, 4),  # says nothing
        ([seen(5), seen(6), seen(7)], 3),  # says a byte at a time
        ([seen(5), seen(80, busy=True)], 0),  # the header is complete
        ([seen(80, 200)] * 4, 0),  # was answered before the first look, and rests
        ([seen(80), seen(80, 200), seen(80, 200)], 0),  # was answered between two looks
        ([seen(80, 200), seen(90, 200), seen(91, 200)], 2),  # begins another request and stays in its header
        ([seen(80, 200), seen(90, 200), seen(160, 400)], 0),
        ([seen(80, busy=True), seen(5_000, busy=True), seen(9_000, 200), seen(9_000, 200)], 0),  # a body
        ([seen(n * 80, n * 200) for n in range(1, 9)], 0),  # one request after another
    ],
)
def test_what_is_in_the_middle_of_a_header_is_told_from_what_rests(looks: list[ConnectionSample], half: int) -> None:
    assert after(*looks).half == half


def waiting(count: int, host: str = "10.0.0.1", looks: int = 1, half: int = 0) -> dict[PeerAddress, IdleConnection]:
    return {(host, port): IdleConnection(looks, half, 80, 200) for port in range(count)}


def test_a_header_has_its_time_and_no_more() -> None:
    connections = {
        A: IdleConnection(5, 5, 0, 0),
        ("10.0.0.2", 1): IdleConnection(6, 6, 0, 0),
        ("10.0.0.3", 1): IdleConnection(60, 0, 80, 200),
    }
    assert choose_cuts(connections, header_looks=5, per_address=0) == [Cut(("10.0.0.2", 1), "header_timeout")]


def test_one_address_has_its_bound_and_loses_what_rests_longest() -> None:
    connections = waiting(10) | {("10.0.0.1", 99): IdleConnection(7, 0, 80, 200)} | waiting(3, "10.0.0.2")
    cuts = choose_cuts(connections, header_looks=5, per_address=10)
    assert cuts == [Cut(("10.0.0.1", 99), "too_many_connections")]
    assert choose_cuts(connections, header_looks=5, per_address=0) == []


def test_before_there_is_no_room_who_holds_most_gives_way_down_to_half() -> None:
    many, few = waiting(MAX_CONNECTIONS - 100), waiting(100, "10.0.0.2", looks=50)
    assert choose_cuts(waiting(MAX_CONNECTIONS // 2), header_looks=5, per_address=0) == []
    cuts = choose_cuts(many | few, header_looks=5, per_address=0)
    assert len(cuts) == MAX_CONNECTIONS // 2
    assert {cut.peer[0] for cut in cuts} == {"10.0.0.1"}


def test_a_request_under_way_is_never_cut() -> None:
    busy = {("10.0.0.1", port): IdleConnection(0, 0, 80, 0) for port in range(MAX_CONNECTIONS)}
    assert choose_cuts(busy, header_looks=5, per_address=1) == []


class Named:
    """An application that answers at once."""

    async def __rsgi__(self, _scope: Any, protocol: Any) -> None:
        protocol.response_str(200, [], "alive")


@asynccontextmanager
async def served() -> AsyncIterator[int]:
    port = free_port()
    server = http_server(Named(), "127.0.0.1", port, idle_ms=60_000, stall_ms=60_000)
    serving = asyncio.create_task(server.serve())
    try:
        yield port
    finally:
        server.stop()
        await asyncio.wait({serving}, timeout=10)


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    return answer


async def answered(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                assert b"alive" in await ask(port)
            except OSError:
                await patience.lasting(0.01, "it does not listen yet")
            else:
                return


@contextmanager
def half_open(port: int, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10)) for _ in range(count)]
        for client in clients:
            client.sendall(b"GET / HTTP/1.1\r\nHo")
        yield clients


async def test_half_open_connections_by_the_thousand_leave_room_for_who_asks() -> None:
    async with served() as port:
        await answered(port)
        connections = ConnectionWatch(port, list, header_ms=60_000, per_address=0)
        with half_open(port, MAX_CONNECTIONS + 50):
            asking = asyncio.create_task(ask(port))
            async with asyncio.timeout(30):
                while not asking.done():
                    await asyncio.to_thread(connections.look)
                    await asyncio.wait({asking}, timeout=0.05)
            assert b"alive" in asking.result()


async def test_a_half_header_is_cut_and_a_resting_connection_is_not() -> None:
    async with served() as port:
        await answered(port)
        connections = ConnectionWatch(port, list, header_ms=2_000, per_address=0)
        resting = socket.create_connection(("127.0.0.1", port), timeout=10)
        with resting, half_open(port, 1) as (half,):
            resting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            await asyncio.to_thread(resting.recv, 10_000)
            cuts = [cut for _ in range(6) for cut in connections.look()]
            assert cuts == [Cut(half.getsockname(), "header_timeout")]
            assert await asyncio.to_thread(half.recv, 10) == b""
            resting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"alive" in await asyncio.to_thread(resting.recv, 10_000)


def test_a_process_that_has_no_handle_left_looks_later() -> None:
    connections = ConnectionWatch(free_port("127.0.0.1"), list, header_ms=5_000, per_address=0)
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))
    try:
        idle, peer = connections.look(), peer_of("127.0.0.1:1", "127.0.0.1:2")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))
    assert (idle, peer.count_acknowledged()) == ([], None)
