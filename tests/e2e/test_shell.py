"""What every route has in common, over real HTTP: limits, media types, codings, methods, envelopes, tenants."""

import gzip
import http.client
import json
import socket
import uuid
from collections.abc import Iterator

import httpx
import pytest

from tests.stack import Stack

MIB = 1 << 20


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": uuid.uuid4().hex}, timeout=30) as client:
        yield client


def event(**fields: object) -> dict[str, object]:
    return {"kind": "deployment", "title": "Deploy", **fields}


def sized(total: int) -> bytes:
    head = b'{"kind":"deployment","title":"big","text":"'
    return head + b"x" * (total - len(head) - 2) + b'"}'


def test_a_body_of_exactly_one_mebibyte_is_stored(api: httpx.Client) -> None:
    answer = api.post("/v1/events", content=sized(MIB), headers={"Content-Type": "application/json"})
    assert answer.status_code == 201
    read_answer = api.get(f"/v1/events/{answer.json()['id']}")
    assert read_answer.status_code == 200
    assert len(read_answer.json()["text"]) == len(json.loads(sized(MIB))["text"])


@pytest.mark.parametrize("path", ["/api/v1alpha1/event", "/api/v1/events"])
def test_one_byte_more_than_a_mebibyte_is_413_in_the_words_of_the_api(api: httpx.Client, path: str) -> None:
    answer = api.post(path, content=b" " * (MIB + 1), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    body = answer.json()
    assert ("details" in body) if "v1alpha1" in path else (body["error"]["code"] == 413)


def test_a_chunked_body_over_the_limit_is_413_too(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=30)
    connection.request(
        "POST",
        "/api/v1/events",
        body=iter([b" " * 65536] * 17),
        headers={"Content-Type": "application/json"},
        encode_chunked=True,
    )
    assert connection.getresponse().status == 413
    connection.close()


def test_a_chunked_body_within_the_limit_is_read(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=30)
    body = json.dumps(event(title="in chunks")).encode()
    connection.request(
        "POST", "/v1/events", body=iter([body[:9], body[9:]]), headers={"Content-Type": "application/json"}, encode_chunked=True
    )
    answer = connection.getresponse()
    assert (answer.status, json.loads(answer.read())["title"]) == (201, "in chunks")
    connection.close()


def test_a_gzip_body_is_read(api: httpx.Client) -> None:
    body = gzip.compress(json.dumps(event(title="zipped")).encode())
    answer = api.post("/v1/events", content=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert answer.status_code == 201
    assert answer.json()["title"] == "zipped"


def test_a_gzip_bomb_is_413(api: httpx.Client) -> None:
    body = gzip.compress(bytes(200 * MIB))
    answer = api.post("/v1/events", content=body, headers={"Content-Type": "application/json", "Content-Encoding": "gzip"})
    assert answer.status_code == 413


@pytest.mark.parametrize("path", ["/v1/events", "/api/v1alpha1/event", "/api/v1/events", "/e/env/api/v1/events"])
def test_another_content_type_is_415(api: httpx.Client, path: str) -> None:
    for media_type in ("text/plain", "application/x-www-form-urlencoded"):  # curl -d sends the second where nothing is said
        answer = api.post(path, content=b"{}", headers={"Content-Type": media_type})
        assert answer.status_code == 415
        assert "Content-Type: application/json" in answer.text
        assert "application/json" in answer.headers["accept"]


@pytest.mark.parametrize("coding", ["zstd", "br", "deflate"])
def test_a_coding_that_is_not_spoken_is_415_and_says_which_is(api: httpx.Client, coding: str) -> None:
    answer = api.post("/v1/events", content=b"{}", headers={"Content-Type": "application/json", "Content-Encoding": coding})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip")


def told(stack: Stack, head: bytes) -> tuple[int, bytes]:
    """Return the status and the rest of what the server says to these bytes, as no HTTP library would send them."""
    with socket.create_connection(("127.0.0.1", stack.http_port), timeout=30) as client:
        client.sendall(head)
        answer = b"".join(iter(lambda: client.recv(65_536), b""))
    return int(answer.split(b" ", 2)[1]), answer


@pytest.mark.parametrize("name", ["Causeline-Tenant", "Idempotency-Key", "Last-Event-ID", "Authorization", "Accept", "Host"])
@pytest.mark.parametrize("value", ["münchen".encode(), b"m\xfcnchen"])
def test_a_header_that_is_not_ascii_is_400_by_name(stack: Stack, name: str, value: bytes) -> None:
    host = b"" if name == "Host" else b"Host: localhost\r\n"
    for path in (b"GET /v1/stream", b"GET /v1/events", b"GET /api/v1/events", b"GET /api/v1alpha1/events/list"):
        status, answer = told(stack, b"%s HTTP/1.1\r\n%s%s: %s\r\nConnection: close\r\n\r\n" % (path, host, name.encode(), value))
        assert status == 400
        assert name.encode() in answer


@pytest.mark.parametrize(
    "fields",
    [b"", b"Host: localhost\r\nHost: localhost\r\n", b"Host: localhost\r\nCauseline-Tenant: a\r\nCauseline-Tenant: b\r\n"],
    ids=["no host", "two hosts", "two tenants"],
)
def test_what_must_be_there_once_is_there_once(stack: Stack, fields: bytes) -> None:
    assert told(stack, b"GET /v1/events HTTP/1.1\r\n%sConnection: close\r\n\r\n" % fields)[0] == 400
    assert told(stack, b"GET /v1/events HTTP/1.0\r\n\r\n")[0] == 200


def test_a_page_of_another_site_can_neither_write_nor_read(stack: Stack, api: httpx.Client) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": f"evil.example:{stack.http_port}"}):
        answer = api.post("/v1/events", content=json.dumps(event()).encode(), headers=headers)
        assert (answer.status_code, answer.json()["title"]) == (403, "Forbidden")
        assert api.get("/api/v1/events", headers=headers).json()["error"]["code"] == 403
    assert api.get("/v1/events").json()["events"] == []
    assert 'causeline_requests_refused_total{reason="foreign_page",transport="http"}' in httpx.get(f"{stack.url}/metrics").text
    for path in ("/healthz", "/readyz", "/metrics"):
        assert httpx.get(f"{stack.url}{path}", headers={"Host": "causeline-0.causeline.svc"}).status_code == 200


def test_cto_ais_action_sends_to_the_root(api: httpx.Client) -> None:
    body = {"team_id": "t", "event_name": "deployment", "event_action": "succeeded", "repo": "shop", "branch": "main", "commit": "c"}
    answer = api.post("/", json=body | {"environment": "production"})
    assert answer.status_code == 200, answer.text
    assert set(api.post("/", json={"kind": "deployment"}).json()) == {"name", "message", "code", "errors"}


def test_a_missing_content_type_is_json(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=30)
    connection.request("POST", "/v1/events", body=json.dumps(event()).encode())
    assert connection.getresponse().status == 201
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/events", "DELETE, GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/api/v1alpha1/event", "OPTIONS, POST, PUT"),
        ("PUT", "/api/v1/events", "GET, HEAD, OPTIONS, POST"),
        ("PUT", "/", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_wrong_method_is_405_with_allow(api: httpx.Client, method: str, path: str, allow: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


def test_options_tells_the_methods(api: httpx.Client) -> None:
    answer = api.options("/v1/events")
    assert answer.status_code == 204
    assert answer.headers["allow"] == "DELETE, GET, HEAD, OPTIONS, POST"


def test_head_is_get_without_a_body(api: httpx.Client) -> None:
    answer = api.head("/v1/events")
    assert answer.status_code == 200
    assert answer.content == b""


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/v1/nothing", "title"),
        ("/api/v1alpha1/nothing", "details"),
        ("/api/v1/events/abc", "error"),
        ("/e/env/nothing", "error"),
    ],
)
def test_an_unknown_path_is_404_in_an_envelope(api: httpx.Client, path: str, key: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 404
    assert key in answer.json()


def test_an_upgrade_to_h2c_is_answered_in_http_1_1_with_the_body_read(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=30)
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}
    connection.request("POST", "/v1/events", body=json.dumps(event()).encode(), headers=headers)
    answer = connection.getresponse()
    assert (answer.status, answer.version) == (201, 11)
    connection.close()


def test_a_tenant_sees_only_its_own_events(stack: Stack) -> None:
    mine, other = uuid.uuid4().hex, uuid.uuid4().hex
    own_event = httpx.post(f"{stack.url}/v1/events", json=event(), headers={"Causeline-Tenant": mine}).json()
    path = f"{stack.url}/v1/events/{own_event['id']}"
    assert httpx.get(path, headers={"Causeline-Tenant": mine}, timeout=30).status_code == 200
    assert httpx.get(path, headers={"Causeline-Tenant": other}, timeout=30).status_code == 404


def test_a_tenant_name_that_is_none_is_400(api: httpx.Client) -> None:
    assert api.get("/v1/events", headers={"Causeline-Tenant": "a b"}).status_code == 400


def test_operations_routes_answer(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/healthz").json() == {"status": "alive"}
    assert httpx.get(f"{stack.url}/readyz").json() == {
        "status": "ready",
        "parts": {"broker": True, "processors": True, "sink": True, "clickhouse": True, "disk": True},
        "reasons": [],
    }
    metrics = httpx.get(f"{stack.url}/metrics").text
    for name in (
        "causeline_events_accepted_total",
        "causeline_events_rejected_total",
        'causeline_lag_seconds{stage="sink"}',
        "causeline_ready",
    ):
        assert name in metrics
    docs = httpx.get(f"{stack.url}/docs")
    assert "text/html" in docs.headers["content-type"]
    assert "frame-ancestors 'none'" in docs.headers["content-security-policy"]


def test_the_openapi_document_describes_every_api(stack: Stack) -> None:
    document = httpx.get(f"{stack.url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert {"get", "post"} <= set(paths["/v1/events"])
    assert {"get", "post"} <= set(paths["/api/v1/events"])
    assert {"post", "put"} <= set(paths["/api/v1alpha1/event"])
    assert "get" in paths["/v1/problems/{id}/changes"]
