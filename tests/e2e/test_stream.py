"""Following the fleet over real HTTP: what is seen and when, by whom, and how a stream ends and goes on."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from tests import patience
from tests.e2e.stream_client import SECRET, StreamClient, a_tenant, bearer, eventually, following, metric, publish
from tests.stack import Stack, running
from tests.stream_parts import ranking

SLOW = 'causeline_streams_ended_total{reason="slow"}'
REFUSED = 'causeline_streams_ended_total{reason="refused"}'
SETTINGS = {
    "CAUSELINE_AUTH": "required",
    "CAUSELINE_JWT_SECRET": SECRET,
    "CAUSELINE_STREAM_HEARTBEAT": "500ms",
    "CAUSELINE_STALL_TIMEOUT": "3s",
    "CAUSELINE_STREAMS": "6",
}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with authentication, short times and few streams."""
    with running(tmp_path_factory.mktemp("streams") / "data", **SETTINGS) as own_stack:
        yield own_stack


def post(stack: Stack, headers: dict[str, str], **fields: object) -> str:
    body = {"kind": "deployment", "title": "t", **fields}
    answer = httpx.post(f"{stack.url}/v1/events", json=body, headers=headers, timeout=30)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def test_an_event_is_in_the_stream_within_a_second_as_the_reads_show_it(own: Stack) -> None:
    headers = bearer(a_tenant())
    with following(own, headers) as client:
        client.began()
        times = []
        for number in range(5):
            event_id = post(own, headers, title=f"{number}", service="shop")
            times.append(client.until_seen(number + 1))
            assert client.messages[-1].data["id"] == event_id
        assert (
            client.messages[0].data == httpx.get(f"{own.url}/v1/events/{client.messages[0].data['id']}", headers=headers, timeout=30).json()
        )
        assert sorted(times)[2] < 1


def test_a_patch_a_move_in_time_a_delete_and_the_transitions_of_a_problem_are_seen_in_order(own: Stack) -> None:
    headers = bearer(a_tenant())
    with following(own, headers) as client:
        client.began()
        body = {"kind": "incident", "title": "down", "service": "shop", "status": "open"}
        assert httpx.post(f"{own.url}/v1/events", json=body, headers=headers, timeout=30).status_code == 201
        client.until(lambda: {one.kind for one in client.messages} == {"event", "problem"})
        tracker = f"{own.url}/api/v1alpha1/event"
        attributes = {"message": "m", "type": 1, "service": "pay"}
        event_id = httpx.post(tracker, json={"title": "one", "attributes": attributes}, headers=headers, timeout=30).json()["id"]
        for title, start in (("two", "2026-01-01T00:00:00Z"), ("three", "2026-01-02T00:00:00Z")):
            change = {"id": event_id, "title": title, "attributes": {"startDate": start}}
            assert httpx.put(tracker, json=change, headers=headers, timeout=30).status_code == 200
        assert httpx.delete(f"{tracker}/{event_id}", headers=headers, timeout=30).status_code == 200
        client.until(lambda: client.messages[-1].data.get("deleted"))
        mine = [(one.data["title"], one.data["version"], one.data.get("deleted")) for one in client.messages if one.data["id"] == event_id]
    assert mine == [("one", 1, None), ("two", 2, None), ("three", 3, None), ("three", 4, True)]
    problem = next(one.data for one in client.messages if one.kind == "problem")
    assert (problem["transition"], problem["state"], problem["title"]) == ("opened", "open", "down")


def test_filters_tenants_and_groups_hold_in_the_stream(own: Stack) -> None:
    tenant = a_tenant()
    writer, outsider, sre = bearer(tenant), bearer(a_tenant()), bearer(tenant, groups=("sre",))
    with (
        following(own, outsider) as other,
        following(own, bearer(tenant, groups=("dev",))) as dev,
        following(own, sre) as inside,
        following(own, writer, service="shop") as shop,
    ):
        for client in (other, dev, inside, shop):
            client.began()
        post(own, writer, title="secret", allowed_groups=["sre"], service="pay")
        post(own, writer, title="shown", service="shop")
        post(own, outsider, title="theirs")
        assert sorted(inside.titles(2)) == ["secret", "shown"]
        assert dev.titles(1) == shop.titles(1) == ["shown"]
        assert other.titles(1) == ["theirs"]


def test_a_problem_of_a_restricted_event_shows_none_of_its_words_as_in_the_reads(own: Stack) -> None:
    tenant = a_tenant()
    with following(own, bearer(tenant, groups=("dev",))) as outside, following(own, bearer(tenant, groups=("sre",))) as inside:
        outside.began()
        inside.began()
        post(own, bearer(tenant), kind="incident", title="secret", service="vault", status="open", priority="P1", allowed_groups=["sre"])
        inside.until_seen(2)
        outside.until_seen(1)
        assert sorted(one.kind for one in inside.messages) == ["event", "problem"]
        ((_, kind, message),) = outside.messages
    assert (kind, message["transition"], message["priority"]) == ("problem", "opened", "P1")
    assert (message["title"], message["service"]) == ("", "")
    problem = httpx.get(f"{own.url}/v1/problems/{message['id']}", headers=bearer(tenant), timeout=30).json()
    assert message == {name: value for name, value in problem.items() if name not in ("next_id", "transitions")}


def test_rankings_are_seen_by_who_asks_for_them_and_its_place_goes_on_behind_them(own: Stack) -> None:
    tenant = a_tenant()
    headers = bearer(tenant)
    first = ranking(1, tenant=tenant, service="shop", title="one", verdict="none")
    news = ranking(1, tenant=tenant, service="shop", title="two", revision=2)
    with (
        following(own, headers) as unasked,
        following(own, headers, stream="causes", verdict="likely", service="shop") as likely,
        following(own, bearer(a_tenant()), stream="causes") as other,
    ):
        for client in (unasked, likely, other):
            client.began()
        begun = likely.last_id
        publish(own, first, news, ranking(2, tenant=tenant, service="pay"))
        likely.until_seen(1)
        post(own, headers, title="behind them")
        assert unasked.titles(1) == ["behind them"]
        assert other.messages == []
        ((_, kind, data),) = likely.messages
        assert (kind, data["problem"]["title"], data["revision"], data["verdict"]) == ("causes", "two", 2, "likely")
    with following(own, {**headers, "Last-Event-ID": begun}, stream=["causes", "events"]) as back:
        back.until_seen(4)
        revisions = [(one.data["problem"]["id"], one.data["revision"]) for one in back.messages if one.kind == "causes"]
        assert sorted(revisions) == [(first.id, 1), (first.id, 2), (ranking(2).id, 1)]


def test_what_may_not_be_asked_is_refused_before_a_stream_begins(own: Stack) -> None:
    headers = bearer(a_tenant())
    url = f"{own.url}/v1/stream"
    refused = httpx.get(url, params={"colour": "red"}, headers=headers, timeout=30)
    assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
    assert refused.json()["errors"] == [{"field": "colour", "message": "is not a parameter of this call"}]
    answer = httpx.get(url, headers={**headers, "Last-Event-ID": "nonsense"}, timeout=30)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "Last-Event-ID")
    assert httpx.get(url, timeout=30).status_code == 401
    assert httpx.get(url, headers=bearer(a_tenant(), scopes="ingest"), timeout=30).status_code == 403
    assert httpx.get(url, headers={**headers, "Causeline-Tenant": "other"}, timeout=30).status_code == 403


def test_a_head_is_answered_at_once(own: Stack) -> None:
    answer = httpx.head(f"{own.url}/v1/stream", headers=bearer(a_tenant()), timeout=5)
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, "text/event-stream", b"")
    assert metric(own, "causeline_streams") == 0


def test_a_quiet_stream_has_heartbeats_and_outlives_every_time_out_of_the_server(own: Stack) -> None:
    headers = bearer(a_tenant())
    with following(own, headers) as client:
        client.until(lambda: client.heartbeats >= 10)  # 5 s, and the stall time-out is 3 s
        post(own, headers, title="after")
        assert client.titles(1) == ["after"]


def test_a_client_that_leaves_is_noticed_without_a_message_to_it(own: Stack) -> None:
    eventually(lambda: metric(own, "causeline_streams") == 0)
    with following(own, bearer(a_tenant())) as client:
        client.began()
        assert metric(own, "causeline_streams") == 1
    eventually(lambda: metric(own, "causeline_streams") == 0, 5)


def test_more_streams_than_allowed_are_429_for_a_tenant_and_503_for_all_with_retry_after(own: Stack) -> None:
    headers, others = bearer(a_tenant()), bearer(a_tenant())
    eventually(lambda: metric(own, "causeline_streams") == 0)
    share = 'causeline_streams_refused_total{reason="over_share"}'
    before = metric(own, share)
    clients = [StreamClient(own.url, headers, {}).began() for _ in range(4)]
    for caller, status in ((headers, 429), (others, 503)):
        refused = httpx.get(f"{own.url}/v1/stream", headers=caller, timeout=30)
        assert (refused.status_code, "retry-after" in refused.headers) == (status, True)
        assert refused.headers["content-type"] == "application/problem+json"
        clients += [StreamClient(own.url, others, {}).began() for _ in range(6 - len(clients))]
    assert metric(own, share) == before + 1
    for client in clients:
        client.leave()
    eventually(lambda: metric(own, "causeline_streams") == 0)


def test_a_stream_ends_with_its_token(own: Stack) -> None:
    before = metric(own, REFUSED)
    with following(own, bearer(a_tenant(), lives_s=3)) as client:
        assert (client.until_ended(), client.status) == ("clean", 200)
    assert metric(own, REFUSED) == before + 1


def deaf(stack: Stack, headers: dict[str, str], query: str = "") -> socket.socket:
    """Open a stream and read none of it; the little buffer makes the kernel take little in its place."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", stack.http_port))
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    client.sendall(f"GET /v1/stream{query} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode())
    return client


def is_cut(client: socket.socket) -> bool:
    """Say whether a stream ends without its last chunk, after what the kernel holds of it."""
    client.settimeout(10)
    tail = b""
    try:
        while piece := client.recv(65_536):
            tail = (tail + piece)[-5:]
    except ConnectionError:
        return True
    return tail != b"0\r\n\r\n"


def test_a_client_that_takes_nothing_is_cut_and_counted_and_the_others_go_on(own: Stack) -> None:
    headers = bearer(a_tenant())
    before = metric(own, SLOW)
    with following(own, headers) as quick, closing(deaf(own, headers)) as live:
        quick.began()
        eventually(lambda: metric(own, "causeline_streams") == 2)
        text = "x" * 100_000
        for number in range(200):
            post(own, headers, title=f"{number}", text=text)
        assert sorted(quick.titles(200, 60), key=int) == [f"{number}" for number in range(200)]
        eventually(lambda: metric(own, SLOW) == before + 1)
        with closing(deaf(own, headers, "?from=0")) as behind:
            eventually(lambda: metric(own, SLOW) == before + 2, 60)
            assert all(is_cut(client) for client in (live, behind))
        eventually(lambda: metric(own, "causeline_streams") == 1)


def test_many_small_messages_over_a_long_stream_do_not_use_up_its_window(own: Stack) -> None:
    headers = bearer(a_tenant())
    with following(own, headers) as client:
        client.began()
        media = {"Content-Type": "application/x-ndjson"}
        lines = "\n".join('{"kind":"build","title":"b"}' for _ in range(5_000))
        for number in range(1, 5):
            answer = httpx.post(f"{own.url}/v1/events", content=lines, headers=headers | media, timeout=60)
            assert answer.json()["accepted"] == 5_000
            client.until_seen(number * 5_000, 60)
    with following(own, headers, from_="0") as again:
        again.until_seen(20_000, 120)
        assert len(again.messages) == len(client.messages) == 20_000
    assert {one.data["id"] for one in again.messages} == {one.data["id"] for one in client.messages}


def resumed(stack: Stack, headers: dict[str, str], place: str) -> StreamClient:
    """Connect behind a place until a server takes it, as clients do; without one from the beginning."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        resume = {"Last-Event-ID": place} if place else {}
        client = StreamClient(stack.url, {**headers, **resume}, {} if place else {"from": "0"})
        if client.until_begun() == 200:
            return client
        patience.pause(0.1, "between two tries")
    raise AssertionError("no server took the place")


def test_nothing_is_lost_or_repeated_when_the_server_dies_under_load(own: Stack) -> None:
    headers = bearer(a_tenant())
    acknowledged: list[str] = []
    stop = threading.Event()

    def load() -> None:
        number = 0
        with httpx.Client(timeout=10) as http:
            while not stop.is_set():
                body = {"kind": "build", "title": f"{number}", "idempotency_key": f"{number}"}
                try:
                    answer = http.post(f"{own.url}/v1/events", json=body, headers=headers)
                except httpx.HTTPError:
                    patience.pause(0.05, "between two tries")
                    continue
                if answer.status_code == 201:
                    acknowledged.append(answer.json()["id"])
                    number += 1

    loading = threading.Thread(target=load, daemon=True)
    loading.start()
    ids: list[str] = []
    place = ""
    try:
        for turn in range(3):
            client = resumed(own, headers, place)
            client.until_seen(150, 60)
            if turn == 2:
                stop.set()
                loading.join()
                client.until_seen(len(acknowledged) - len(ids), 60)
                client.leave()
            else:
                own.child("causeline server").kill()
                client.until_ended()
            ids += [one.data["id"] for one in client.messages]
            place = client.last_id
    finally:
        stop.set()
    assert len(acknowledged) > 300
    assert len(ids) == len(set(ids)), "none twice"
    assert set(ids) == set(acknowledged)


def test_a_server_that_is_asked_to_stop_ends_its_streams_cleanly_and_in_time(own: Stack) -> None:
    own.wait_ready()
    headers = bearer(a_tenant())
    with following(own, headers) as client:
        client.began()
        server = own.child("causeline server")
        began = time.monotonic()
        server.terminate()
        assert client.until_ended(10) == "clean"
        server.wait(20)
        assert time.monotonic() - began < 15
    own.wait_ready()
