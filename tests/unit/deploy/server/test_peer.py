"""The connection behind a request, found by its addresses: what its peer has taken, and how it is cut."""

import fcntl
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from causeline.deploy.server.http.peer import Peer, peer_of

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel tells what a peer has taken")


@contextmanager
def connected(host: str = "127.0.0.1") -> Iterator[tuple[socket.socket, socket.socket, Peer]]:
    """A client, the server's side of its connection, and that as a Peer."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with (
        socket.create_server((host, 0), family=family) as listening,
        socket.create_connection(listening.getsockname()[:2]) as client,
        listening.accept()[0] as server_socket,
    ):
        name = f"[{host}]" if ":" in host else host
        with closing(peer_of(f"{name}:{client.getsockname()[1]}", f"{name}:{server_socket.getsockname()[1]}")) as peer:
            yield client, server_socket, peer


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_it_counts_what_the_peer_has_taken(host: str) -> None:
    with connected(host) as (client, server_socket, peer):
        before = peer.count_acknowledged()
        assert before is not None
        server_socket.sendall(b"x" * 10_000)
        assert len(client.recv(10_000, socket.MSG_WAITALL)) == 10_000
        while peer.count_acknowledged() != before + 10_000:
            pass  # the acknowledgement is on its way


def test_it_does_not_count_what_waits_for_a_peer_that_takes_nothing() -> None:
    with connected() as (_, server_socket, peer):
        before = peer.count_acknowledged()
        assert before is not None
        server_socket.setblocking(False)
        count = 0
        while True:
            try:
                count += server_socket.send(b"x" * 65_536)
            except BlockingIOError:
                break
        assert (peer.count_acknowledged() or 0) - before < count


def test_a_cut_ends_the_connection_for_both() -> None:
    with connected() as (client, server_socket, peer):
        peer.cut()
        assert client.recv(10) == b""
        with pytest.raises(BrokenPipeError):
            server_socket.send(b"x")
        peer.cut()


def test_giving_the_handle_back_leaves_the_connection_as_it_is() -> None:
    with connected() as (client, server_socket, peer):
        peer.close()
        server_socket.sendall(b"still here")
        assert client.recv(10) == b"still here"


def test_looking_for_a_connection_keeps_the_locks_that_the_process_holds_on_files(tmp_path: Path) -> None:
    with (tmp_path / "locked").open("w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        with connected():
            pass
        child = os.fork()
        if child == 0:
            with (tmp_path / "locked").open("w") as again:
                try:
                    fcntl.lockf(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    os._exit(7)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize("client", ["127.0.0.1:1", "", "unix:/run/x"])
def test_where_there_is_none_nothing_is_known_and_nothing_is_cut(client: str) -> None:
    peer = peer_of(client, "127.0.0.1:2")
    assert peer.count_acknowledged() is None
    peer.cut()
    peer.close()
