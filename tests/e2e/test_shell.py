"""What every route has in common, over real HTTP: limits, media types, codings, methods, envelopes, tenants."""

import gzip
import http.client
import json
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
    stored = api.get(f"/v1/events/{answer.json()['id']}")
    assert stored.status_code == 200
    assert len(stored.json()["text"]) == len(json.loads(sized(MIB))["text"])


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
    assert api.post(path, content=b"{}", headers={"Content-Type": "text/plain"}).status_code == 415


def test_a_missing_content_type_is_json(stack: Stack) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stack.http_port, timeout=30)
    connection.request("POST", "/v1/events", body=json.dumps(event()).encode())
    assert connection.getresponse().status == 201
    connection.close()


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/v1/events", "GET, HEAD, OPTIONS, POST"),
        ("PATCH", "/api/v1alpha1/event", "OPTIONS, POST, PUT"),
        ("PUT", "/api/v1/events", "GET, HEAD, OPTIONS, POST"),
    ],
)
def test_a_wrong_method_is_405_with_allow(api: httpx.Client, method: str, path: str, allow: str) -> None:
    answer = api.request(method, path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == allow


def test_options_tells_the_methods(api: httpx.Client) -> None:
    answer = api.options("/v1/events")
    assert answer.status_code == 204
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"


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
        ("/", "title"),
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
    made = httpx.post(f"{stack.url}/v1/events", json=event(), headers={"Causeline-Tenant": mine}).json()
    path = f"{stack.url}/v1/events/{made['id']}"
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
    assert "text/html" in httpx.get(f"{stack.url}/docs").headers["content-type"]


def test_the_openapi_document_describes_every_api(stack: Stack) -> None:
    document = httpx.get(f"{stack.url}/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    assert {"get", "post"} <= set(paths["/v1/events"])
    assert {"get", "post"} <= set(paths["/api/v1/events"])
    assert {"post", "put"} <= set(paths["/api/v1alpha1/event"])
    assert "get" in paths["/v1/problems/{id}/changes"]
