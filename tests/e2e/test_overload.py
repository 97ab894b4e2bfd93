"""Quotas, slow and vanished clients, and too much at once, over real sockets on a stack whose limits are short."""

import gzip
import re
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from causeline.schemas.proto.tracker.event.v1alpha1 import event_pb2 as pb
from causeline.schemas.proto.tracker.event.v1alpha1.event_pb2_grpc import EventServiceStub
from tests import patience
from tests.bench.overload import overloaded
from tests.stack import Stack, running

MIB = 1 << 20
LIMITS = {"BODY_TIMEOUT": "1s", "IDLE_TIMEOUT": "2s", "STALL_TIMEOUT": "4s", "TENANT_QUOTAS": "small=1,default=1"}
EVENT = {"kind": "deployment", "title": "Deploy"}
HEAD = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nCauseline-Tenant: slow\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def tight(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One stack with short limits."""
    with running(tmp_path_factory.mktemp("overload") / "data", **{f"CAUSELINE_{name}": value for name, value in LIMITS.items()}) as stack:
        yield stack


def counted(stack: Stack, reason: str) -> float:
    """Return how many requests were refused for a reason, over all dialects."""
    text = httpx.get(f"{stack.url}/metrics").text
    return sum(float(value) for value in re.findall(rf'causeline_events_rejected_total{{dialect="\w+",reason="{reason}"}} (\S+)', text))


def eventually(holds: Callable[[], bool], seconds: float = 15.0) -> None:
    patience.asked(holds, seconds=seconds)


def connected(stack: Stack) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", stack.http_port), timeout=15)
    client.settimeout(15)
    return client


def everything(client: socket.socket) -> bytes:
    """Return what the server says until it closes the connection."""
    content = b""
    while part := client.recv(65_536):
        content += part
    return content


def test_a_tenant_over_its_quota_is_429_as_a_whole_and_others_are_not(tight: Stack) -> None:
    small = {"Causeline-Tenant": "small"}
    before = counted(tight, "over_quota")
    assert httpx.post(f"{tight.url}/v1/events", json=[EVENT] * 8, headers=small).json()["accepted"] == 8
    refused = httpx.post(f"{tight.url}/v1/events", json=[EVENT] * 10, headers=small)
    assert (refused.status_code, refused.json()["title"]) == (429, "Too Many Requests")
    assert 1 <= int(refused.headers["Retry-After"]) <= 15
    assert httpx.post(f"{tight.url}/v1/events", json=[EVENT] * 2, headers=small).json()["accepted"] == 2
    assert counted(tight, "over_quota") == before + 1
    assert httpx.post(f"{tight.url}/v1/events", json=[EVENT] * 50, headers={"Causeline-Tenant": "large"}).status_code == 200
    assert httpx.get(f"{tight.url}/v1/events", headers=small).status_code == 200


def send_often(send: Callable[[], object]) -> None:
    """Send more than a quota of ten at once and one more a second allows, however long each takes."""
    for _ in range(100):
        send()


def test_over_grpc_the_quota_is_resource_exhausted_with_the_same_hint(tight: Stack) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{tight.grpc_port}") as channel:
        client = EventServiceStub(channel)  # type: ignore[no-untyped-call]
        event = pb.CreateEventRequest(title="Deploy")
        with pytest.raises(grpc.RpcError) as refused:
            send_often(lambda: client.CreateEvent(event, timeout=10))
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert int(dict(refused.value.trailing_metadata())["retry-after"]) >= 1


def test_too_many_items_are_413_and_one_that_is_too_large_is_refused_alone(tight: Stack) -> None:
    large = {"Causeline-Tenant": "large"}
    assert httpx.post(f"{tight.url}/v1/events", json=[EVENT] * 10_001, headers=large, timeout=30).status_code == 413
    answer = httpx.post(f"{tight.url}/v1/events", json=[EVENT, {**EVENT, "text": "x" * MIB}, EVENT], headers=large, timeout=30).json()
    assert [result["status"] for result in answer["results"]] == ["accepted", "rejected", "accepted"]
    zipped = gzip.compress(b"[" + b" " * (17 * MIB) + b"]")
    headers = {**large, "Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert httpx.post(f"{tight.url}/v1/events", content=zipped, headers=headers, timeout=30).status_code == 413


@pytest.mark.parametrize("data", [b"", b"POST /v1/ev", HEAD])
def test_a_client_that_says_nothing_or_half_a_header_is_cut(tight: Stack, data: bytes) -> None:
    with connected(tight) as client:
        client.sendall(data)
        began = time.monotonic()
        everything(client)
        assert 1 < time.monotonic() - began < 12


@pytest.mark.parametrize("length", [100, 100_000])
def test_a_body_that_drips_is_408_and_the_connection_is_closed(tight: Stack, length: int) -> None:
    before = counted(tight, "body_timeout")
    with connected(tight) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n{" % length)
        answer = everything(client)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"status":408' in answer
    assert counted(tight, "body_timeout") == before + 1


@pytest.mark.parametrize("length", [100, 100_000])
def test_a_client_that_vanishes_in_its_body_is_counted_and_holds_nothing(tight: Stack, length: int) -> None:
    before = counted(tight, "client_gone") + counted(tight, "body_timeout")
    with connected(tight) as client:
        client.sendall(HEAD + b"Content-Length: %d\r\n\r\n{" % length)
    eventually(lambda: counted(tight, "client_gone") + counted(tight, "body_timeout") == before + 1)
    eventually(lambda: "causeline_body_bytes_held 0.0" in httpx.get(f"{tight.url}/metrics").text)


def test_a_client_that_does_not_take_its_answers_is_cut(tight: Stack) -> None:
    tenant = {"Causeline-Tenant": uuid.uuid4().hex}
    event = httpx.post(f"{tight.url}/v1/events", json={**EVENT, "text": "x" * (MIB - 100)}, headers=tenant, timeout=30).json()
    request = f"GET /v1/events/{event['id']} HTTP/1.1\r\nHost: localhost\r\nCauseline-Tenant: {tenant['Causeline-Tenant']}\r\n\r\n".encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.connect(("127.0.0.1", tight.http_port))
        here = client.getsockname()
        client.sendall(request * 30)
        server = tight.child("causeline server")
        eventually(lambda: any(found.raddr == here for found in server.net_connections("tcp")))
        eventually(lambda: not any(found.raddr == here for found in server.net_connections("tcp")), 30)


@pytest.mark.chaos
def test_ten_times_too_much_leaves_memory_flat_and_loses_nothing(tmp_path: Path) -> None:
    with running(tmp_path / "data") as stack:
        run = overloaded(stack, 8, 400, tmp_path / "ledger")
        assert run["acknowledged"] > 0
        assert (run["lost"], run["doubled"]) == (0, 0)
        assert run["answers"].get("503", 0) + run["answers"].get("429", 0) > 0
        assert "without Retry-After" not in run["hints"]
        assert run["p99_ms"] < 4_000  # where others use the cores too; the benchmark aims at a second, without a bound it is 5 s and more
        server = run["rss_mib"]["causeline server"]
        assert server["last"] < server["first"] + 200
        assert counted(stack, "overloaded") + counted(stack, "over_share") > 0
