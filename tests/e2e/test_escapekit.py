"""EscapeKit's document against a whole stack: its examples word for word, its query paths, and subscriptions."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests import patience
from tests.escapekit_samples import CREATE, EVENT, EVENTS, FOUND, QUERY, SUBSCRIPTIONS, placed
from tests.stack import Stack

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": uuid.uuid4().hex}, timeout=30) as client:
        yield client


def create(api: httpx.Client, body: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = api.post(CREATE, content=content, headers=JSON)
    assert answer.status_code == 201, answer.text
    return answer.json()


def found(api: httpx.Client, path: str = "", **query: Any) -> list[dict[str, Any]]:
    answer = api.get(QUERY + path, params=query)
    assert answer.status_code == 200, answer.text
    events: list[dict[str, Any]] = answer.json()
    return events


def until(ask: Callable[[], list[dict[str, Any]]], number: int) -> list[dict[str, Any]]:
    """Ask until so many events are found. What was acknowledged is in lists within a second, here with room for a loaded machine."""
    return patience.asked(ask, lambda events: len(events) == number)


def test_the_event_of_the_document(api: httpx.Client) -> None:
    assert create(api, EVENT) == json.loads(EVENT)
    assert create(api, EVENT) == json.loads(EVENT)
    assert until(lambda: found(api, "/inventory/test/"), 1) == [json.loads(EVENT)]


def test_the_events_of_the_document_newest_first_and_stored_once(api: httpx.Client) -> None:
    bodies = json.loads(EVENTS)
    assert create(api, EVENTS) == bodies
    assert create(api, EVENTS) == bodies
    assert until(lambda: found(api), 2) == bodies[::-1]
    assert found(api, "/project/") == [bodies[1]]


def test_a_name_with_a_slash_is_one_name(api: httpx.Client) -> None:
    one = create(api, {"type": "ADD_BUILD", "inventory_project": "org/proj"})
    other = create(api, {"type": "ADD_BUILD", "inventory_project": "org", "inventory_application": "proj"})
    assert until(lambda: found(api, "/inventory/org%252Fproj/"), 1) == [one]
    assert until(lambda: found(api, "/inventory/org/proj/"), 1) == [other]


def test_a_path_that_is_no_text_is_refused_by_the_name_of_its_part(api: httpx.Client) -> None:
    answer = api.get(f"{QUERY}/inventory/caf%E9/")
    assert (answer.status_code, "project: is not percent-encoded UTF-8" in answer.text) == (400, True)


def test_every_query_path_with_and_without_a_slash(api: httpx.Client) -> None:
    create(api, placed())
    until(lambda: found(api), len(FOUND[""]))
    for path, names in FOUND.items():
        for slash in ("", "/"):
            assert {event["id"] for event in found(api, path + slash)} == names, path + slash


def test_nanoseconds_come_back_in_the_form_they_were_sent_and_order_events(api: httpx.Client) -> None:
    first = 1_732_171_234_567_000_000
    rests = [0, 1, 123_456, 123_457, 999_999]
    for rest in reversed(rests):
        create(api, {"type": "ADD_BUILD", "id": str(rest), "timestamp": str(first + rest) if rest % 2 else first + rest})
    events = until(lambda: found(api), len(rests))
    assert [event["timestamp"] for event in events] == [str(first + rest) if rest % 2 else first + rest for rest in reversed(rests)]
    answer = api.post(CREATE, json={"type": "ADD_BUILD", "timestamp": 1 << 63})
    assert (answer.status_code, answer.json()["field"]) == (400, "timestamp")


def test_pages_follow_the_link(api: httpx.Client) -> None:
    create(api, [{"type": "T", "id": str(number), "state_project": "a b"} for number in range(25)])
    until(lambda: found(api), 25)
    names: list[str] = []
    url: str | None = f"{QUERY}/project/a%20b/?limit=10"
    while url is not None:
        answer = api.get(url)
        names += [event["id"] for event in answer.json()]
        url = answer.links["next"]["url"] if "next" in answer.links else None
    assert [int(name) for name in names] == list(reversed(range(25)))


def test_an_event_is_found_through_the_native_api_and_not_through_others(api: httpx.Client) -> None:
    event = create(api, {"type": "TRIGGER_BUILD_WEBHOOK", "username": "ada", "data": {"sha": "c0ffee"}, "allowed_roles": ["ops"]})
    until(lambda: found(api), 1)
    (native,) = api.get("/v1/events", params={"kind": "build", "dialect": "escapekit"}).json()["events"]
    assert (native["id"], native["actor"], native["tags"], native["allowed_groups"]) == (event["id"], "ada", {"sha": "c0ffee"}, ["ops"])
    assert api.get("/api/v1alpha1/events/list").json()["events"] == []
    assert api.get(f"/v1/events/{event['id']}").json()["raw"]["type"] == "TRIGGER_BUILD_WEBHOOK"


def test_subscriptions_are_shown_right_after_they_were_put(api: httpx.Client) -> None:
    path = f"{SUBSCRIPTIONS}/shop/"
    assert api.get(path).json() == []
    answer = api.put(path, json=[{"type": "slack", "url": "https://example.test/s", "slack_icon": ":ship:", "slack_username": "kit"}])
    assert answer.status_code == 200
    assert answer.json()[0]["id"]
    assert api.get(path[:-1]).json() == answer.json()
    refused = api.put(path, json=[{"type": "pager", "url": "https://example.test/s"}])
    assert (refused.status_code, set(refused.json())) == (400, {"error", "field"})
    assert api.get(path).json() == answer.json()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", CREATE, 405),
        ("POST", QUERY, 405),
        ("DELETE", f"{SUBSCRIPTIONS}/p", 405),
        ("GET", f"{QUERY}/elsewhere", 404),
        ("GET", f"{QUERY}/inventory/a/b/c/d", 404),
        ("GET", "/internal/", 404),
    ],
)
def test_what_the_document_does_not_know_is_refused_in_its_envelope(api: httpx.Client, method: str, path: str, status: int) -> None:
    answer = api.request(method, path)
    assert (answer.status_code, set(answer.json())) == (status, {"error"})
