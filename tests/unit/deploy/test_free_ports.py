import socket
from collections.abc import Iterator

import pytest

from causeline.deploy.free_ports import PortError, claim, free_port, is_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        yield server.getsockname()[1]


def test_a_taken_port_is_refused_by_number_and_flag(taken: int) -> None:
    with pytest.raises(PortError, match=rf"port {taken} .*--http-port.*--free-ports"):
        claim("127.0.0.1", taken, flag="--http-port", move=False)


def test_a_taken_port_moves_to_the_next_free_one(taken: int) -> None:
    port = claim("127.0.0.1", taken, flag="--http-port", move=True)
    assert taken < port < taken + 200
    assert is_free("127.0.0.1", port)


def test_a_port_that_was_given_away_is_not_given_again() -> None:
    port = free_port()
    assert claim("127.0.0.1", port, flag="--x", move=False) == port
    assert claim("127.0.0.1", port, flag="--x", move=True, avoid=frozenset({port})) > port


def test_port_zero_asks_for_any_free_one() -> None:
    assert is_free("127.0.0.1", claim("127.0.0.1", 0, flag="--x", move=False))


def test_a_free_port_is_outside_the_range_that_clients_connect_from() -> None:
    assert all(20_000 <= free_port() <= 32_000 for _ in range(20))
