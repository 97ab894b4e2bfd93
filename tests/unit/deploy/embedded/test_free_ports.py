import socket
import sys
from collections.abc import Iterator

import pytest

from causeline.deploy.embedded.free_ports import Claims, PortError, free_port, is_free
from causeline.deploy.metrics_port import serve_metrics


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        yield server.getsockname()[1]


@pytest.fixture
def claims() -> Iterator[Claims]:
    with Claims() as port_claims:
        yield port_claims


def test_a_taken_port_is_refused_by_number_and_flag(taken: int, claims: Claims) -> None:
    with pytest.raises(PortError, match=rf"port {taken} .*--http-port.*--free-ports"):
        claims.take("127.0.0.1", taken, flag="--http-port", move=False)


def test_a_taken_port_moves_to_the_next_free_one(taken: int, claims: Claims) -> None:
    port = claims.take("127.0.0.1", taken, flag="--http-port", move=True)
    assert taken < port < taken + 200
    assert is_free("127.0.0.1", port)


def test_a_port_that_was_given_away_is_not_given_again(claims: Claims) -> None:
    port = free_port()
    assert claims.take("127.0.0.1", port, flag="--x", move=False) == port
    assert claims.take("127.0.0.1", port, flag="--x", move=True) > port


def test_port_zero_asks_for_any_free_one(claims: Claims) -> None:
    assert is_free("127.0.0.1", claims.take("127.0.0.1", 0, flag="--x", move=False))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no names that end with their process")
def test_two_that_start_together_get_ports_of_their_own_before_anybody_listens(claims: Claims) -> None:
    port = free_port()
    assert claims.take("127.0.0.1", port, flag="--x", move=True) == port
    with Claims() as other:
        assert other.take("127.0.0.1", port, flag="--x", move=True) != port
        with pytest.raises(PortError, match="is taken"):
            other.take("127.0.0.1", port, flag="--x", move=False)
    claims.close()
    with Claims() as later:
        assert later.take("127.0.0.1", port, flag="--x", move=False) == port


def test_a_metrics_port_that_another_process_has_is_named_with_its_flag(taken: int) -> None:
    with pytest.raises(PortError, match=rf"port {taken} .*--processors-metrics-port"):
        serve_metrics("127.0.0.1", taken, flag="--processors-metrics-port")


def test_a_free_port_is_outside_the_range_that_clients_connect_from() -> None:
    assert all(20_000 <= free_port() <= 32_000 for _ in range(20))
