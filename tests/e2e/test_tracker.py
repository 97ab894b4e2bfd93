"""The Tracker document's examples against a whole stack: its curl lines word for word, and what its clients rely on."""

import asyncio
import json
import shlex
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests import patience
from tests.stack import Stack

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tracker"
# A shell drops an escaped end of line, shlex keeps the end of line.
CURLS = [shlex.split(command.replace("\\\n", " ")) for command in (FIXTURES / "curl.txt").read_text().split("\n\n")]
EXAMPLE_ID = "507f1f77bcf86cd799439011"
EVENT = "/api/v1alpha1/event"
EVENTS = "/api/v1alpha1/events"

Json = dict[str, Any]


class Told(NamedTuple):
    status: int
    body: Json


def curl(argv: list[str], stack: Stack) -> Told:
    """Run a line of the document with nothing but host and port replaced."""
    command = [word.replace("http://localhost:8080", stack.url) for word in argv]
    process = subprocess.run([*command, "-sS", "-w", "\n%{http_code}"], check=True, capture_output=True, text=True, timeout=30)
    body, _, status = process.stdout.rpartition("\n")
    return Told(int(status), json.loads(body))


def lines(method: str) -> list[list[str]]:
    return [argv for argv in CURLS if (argv[argv.index("-X") + 1] if "-X" in argv else "GET") == method]


def sent_by(argv: list[str]) -> Json:
    body: Json = json.loads(argv[argv.index("-d") + 1])
    return body


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": uuid.uuid4().hex}, timeout=30) as client:
        yield client


@pytest.fixture
async def clients(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url, headers={"Causeline-Tenant": uuid.uuid4().hex}, timeout=30) as client:
        yield client


def post(api: httpx.Client, body: Json, **headers: str) -> Json:
    answer = api.post(EVENT, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    event: Json = answer.json()
    return event


def until(ask: Callable[[], Json], good: Callable[[Json], bool]) -> Json:
    """Ask until the answer is good; return it. What was acknowledged is in lists within a second, here with room for a loaded machine."""
    return patience.asked(ask, good)


def ids_of(page: Json) -> list[str]:
    return [event["id"] for event in page["events"]]


def search(api: httpx.Client, **filters: str) -> Json:
    answer = api.get(f"{EVENTS}/search", params=filters)
    assert answer.status_code == 200, answer.text
    page: Json = answer.json()
    return page


@pytest.mark.parametrize("argv", lines("POST"), ids=lambda argv: sent_by(argv)["title"])
def test_every_post_of_the_document_is_stored_and_read_at_once(stack: Stack, argv: list[str]) -> None:
    status, event = curl(argv, stack)
    assert status == 200
    body = sent_by(argv)
    assert {key: event[key] for key in body} == body
    assert event["event"] == {key: value for key, value in event.items() if key != "event"}
    (example,) = [line for line in lines("GET") if line[-1].endswith(EXAMPLE_ID)]
    assert curl([word.replace(EXAMPLE_ID, event["id"]) for word in example], stack) == Told(200, event)


@pytest.mark.parametrize("argv", lines("GET"), ids=lambda argv: argv[-1].rpartition("/")[2])
def test_every_get_of_the_document_is_answered(stack: Stack, argv: list[str]) -> None:
    status, body = curl(argv, stack)
    if argv[-1].endswith(EXAMPLE_ID):
        assert (status, body["code"], body["details"]) == (404, 5, [])
    else:
        assert status == 200
        assert len(body["events"]) <= body["totalCount"]


def test_the_put_and_the_delete_of_the_document_work_on_an_event_that_exists(stack: Stack) -> None:
    _, event = curl(lines("POST")[0], stack)
    (put,), (delete,) = lines("PUT"), lines("DELETE")
    assert (curl(put, stack).status, curl(delete, stack).status) == (404, 404)
    status, changed = curl([word.replace(EXAMPLE_ID, event["id"]) for word in put], stack)
    assert status == 200
    assert changed["attributes"] == {**event["attributes"], "status": 3, "endDate": "2024-01-15T10:05:00Z"}
    assert changed["links"] == event["links"]
    delete = [word.replace(EXAMPLE_ID, event["id"]) for word in delete]
    assert curl(delete, stack) == Told(200, {"id": event["id"]})
    assert curl(delete, stack).status == 404


@pytest.mark.parametrize("path", sorted(set(FIXTURES.glob("*.json")) - {FIXTURES / "update.json"}), ids=lambda path: path.stem)
def test_every_body_of_the_document_comes_back_through_get(api: httpx.Client, path: Path) -> None:
    body = json.loads(path.read_text())
    event = post(api, body)
    current = api.get(f"{EVENT}/{event['id']}").json()
    assert current == event
    assert {key: current[key] for key in body} == body


def test_a_put_is_read_at_once(api: httpx.Client) -> None:
    event_id = post(api, {"title": "t", "attributes": {"status": 1, "owner": "a"}})["id"]
    for status in (3, 4, 5):
        changed = api.put(EVENT, json={"id": event_id, "attributes": {"status": status}}).json()
        current = api.get(f"{EVENT}/{event_id}").json()
        assert current == changed
        assert current["attributes"] == {"status": status, "owner": "a"}


def test_a_deleted_event_is_gone_at_once_and_from_every_read(api: httpx.Client) -> None:
    event_id = post(api, {"title": "t"})["id"]
    until(lambda: search(api), lambda found: ids_of(found) == [event_id])
    assert api.delete(f"{EVENT}/{event_id}").json() == {"id": event_id}
    assert api.get(f"{EVENT}/{event_id}").status_code == 404
    assert api.delete(f"{EVENT}/{event_id}").status_code == 404
    assert api.put(EVENT, json={"id": event_id, "title": "u"}).status_code == 404
    for name in ("list", "search", "today"):
        assert api.get(f"{EVENTS}/{name}").json() == {"events": [], "totalCount": 0}


async def test_two_clients_that_change_different_fields_at_once_both_win(clients: httpx.AsyncClient) -> None:
    event = (await clients.post(EVENT, json={"title": "t", "attributes": {"service": "db"}})).json()
    patches: list[Json] = [{"attributes": {"owner": "ops"}}, {"links": {"ticket": "T-1"}}, {"attributes": {"status": 3}}, {"title": "u"}]
    answers = await asyncio.gather(*(clients.put(EVENT, json={"id": event["id"], **patch}) for patch in patches))
    assert [answer.status_code for answer in answers] == [200] * 4
    current = (await clients.get(f"{EVENT}/{event['id']}")).json()
    assert (current["title"], current["attributes"], current["links"]) == (
        "u",
        {"service": "db", "owner": "ops", "status": 3},
        {"ticket": "T-1"},
    )


def test_a_repeat_with_its_key_is_one_event_and_a_late_one_overwrites_nothing(api: httpx.Client) -> None:
    first = post(api, {"title": "first"}, **{"Idempotency-Key": "k"})
    assert post(api, {"title": "first"}, **{"Idempotency-Key": "k"})["id"] == first["id"]
    patch = {"id": first["id"], "attributes": {"status": 1}}
    assert api.put(EVENT, json=patch, headers={"Idempotency-Key": "p"}).status_code == 200
    assert api.put(EVENT, json={"id": first["id"], "attributes": {"status": 3}}).status_code == 200
    assert api.put(EVENT, json=patch, headers={"Idempotency-Key": "p"}).status_code == 200
    assert api.get(f"{EVENT}/{first['id']}").json()["attributes"] == {"status": 3}
    assert ids_of(until(lambda: search(api), lambda found: found["totalCount"] == 1)) == [first["id"]]


def test_an_acknowledged_event_is_in_lists_newest_first(api: httpx.Client) -> None:
    ids = [post(api, {"title": f"event {n}"})["id"] for n in range(12)]
    first = until(lambda: api.get(f"{EVENTS}/list").json(), lambda found: found["totalCount"] == 12)
    second = api.get(f"{EVENTS}/list", params={"per_page": 10, "page": 2}).json()
    assert (len(first["events"]), len(second["events"]), second["totalCount"]) == (10, 2, 12)
    assert set(ids_of(first) + ids_of(second)) == set(ids)
    assert api.get(f"{EVENTS}/list", params={"perPage": 10, "page": 3}).json() == {"events": [], "totalCount": 12}
    created = [event["createdAt"] for event in first["events"] + second["events"]]
    assert created == sorted(created, reverse=True)
    assert api.get(f"{EVENTS}/today", params={"per_page": 3}).json()["totalCount"] == 12


def test_a_moved_start_is_found_only_at_its_new_time(api: httpx.Client) -> None:
    event = post(api, {"title": "t", "attributes": {"startDate": "2024-01-15T10:00:00Z", "endDate": "2024-01-15T10:05:00Z"}})
    january = {"start_date": "2024-01-01", "end_date": "2024-01-31"}
    march = {"start_date": "2024-03-31", "end_date": "2024-03-31"}
    until(lambda: search(api, **january), lambda found: ids_of(found) == [event["id"]])
    for start in ("2024-03-31T23:59:59Z", "2024-01-31T23:59:59.999Z", "2024-03-31"):
        assert api.put(EVENT, json={"id": event["id"], "attributes": {"startDate": start}}).status_code == 200
    until(lambda: search(api, **march), lambda found: ids_of(found) == [event["id"]])
    assert search(api, **january)["totalCount"] == 0
    assert search(api)["totalCount"] == 1
    assert api.get(f"{EVENT}/{event['id']}").json()["attributes"]["startDate"] == "2024-03-31T00:00:00.000Z"
    assert api.delete(f"{EVENT}/{event['id']}").status_code == 200
    assert api.get(f"{EVENT}/{event['id']}").status_code == 404
    assert search(api)["totalCount"] == 0


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, "abc"),
        ({"type": "4"}, "b"),
        ({"type": "Incident"}, "b"),
        ({"priority": "1"}, "ab"),
        ({"priority": "p1", "type": "deployment"}, "a"),
        ({"environment": "pre-production"}, "c"),
        ({"environment": "7", "status": "success"}, "a"),
        ({"service": "web"}, "ac"),
        ({"source": "jenkins"}, "c"),
        ({"owner": "ops"}, "b"),
        ({"relatedId": "r-1"}, "c"),
        ({"related_id": "r-1"}, "c"),
        ({"impact": "3"}, "b"),
        ({"start_date": "2024-01-15"}, "bc"),
        ({"end_date": "2024-01-15"}, "ab"),
        ({"startDate": "2024-01-14", "endDate": "2024-01-15"}, "ab"),
        ({"start_date": "2024-01-15T12:00:00Z", "end_date": "2024-01-15T12:00:00Z"}, ""),
        ({"start_date": "2024-02-01", "end_date": "2024-01-01"}, ""),
        ({"service": "none"}, ""),
    ],
    ids=str,
)
def test_a_search_finds(searched: httpx.Client, filters: dict[str, str], titles: str) -> None:
    page = search(searched, **filters)
    assert sorted(event["title"] for event in page["events"]) == list(titles)
    assert page["totalCount"] == len(titles)


@pytest.fixture(scope="module")
def searched(stack: Stack) -> Iterator[httpx.Client]:
    """Three events of one tenant."""
    events: list[Json] = [
        {
            "title": "a",
            "attributes": {"type": 1, "priority": 1, "status": 3, "environment": 7, "service": "web", "startDate": "2024-01-14T10:00:00Z"},
        },
        {
            "title": "b",
            "attributes": {"type": "incident", "priority": "P1", "impact": 3, "owner": "ops", "startDate": "2024-01-15T12:00:00Z"},
        },
        {
            "title": "c",
            "attributes": {
                "service": "web",
                "environment": "preproduction",
                "source": "jenkins",
                "related_id": "r-1",
                "start_date": "2024-01-16",
            },
        },
    ]
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": uuid.uuid4().hex}, timeout=30) as client:
        for event in events:
            post(client, event)
        until(lambda: search(client), lambda found: found["totalCount"] == len(events))
        assert [event["title"] for event in search(client)["events"]] == ["c", "b", "a"]
        yield client


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (f"{EVENTS}/list?per_page=0", "per_page"),
        (f"{EVENTS}/list?page=x", "page"),
        (f"{EVENTS}/today?per_page=1001", "per_page"),
        (f"{EVENTS}/search?type=banana", "type"),
        (f"{EVENTS}/search?start_date=soon", "start_date"),
    ],
)
def test_a_query_that_breaks_a_rule_is_400_and_names_the_parameter(api: httpx.Client, path: str, words: str) -> None:
    answer = api.get(path)
    assert answer.status_code == 400
    assert (answer.json()["code"], answer.json()["details"]) == (3, [])
    assert words in answer.json()["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"title":""}',
        b'{"title":"\\ud800"}',
        b'{"title":"\\u0000"}',
        b'{"title":NaN}',
        b'{"title":"t","title":"t"}',
        b'{"a":' * 9_999,
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_body_that_breaks_a_rule_is_400_in_the_envelope(api: httpx.Client, method: str, body: bytes) -> None:
    answer = api.request(method, EVENT, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "details"}
    assert answer.json()["code"] == 3


@pytest.mark.parametrize(
    "event_id", ["507f1f77bcf86cd799439011", "018bcfe5-6800-7a8f-8819-74562cfd5fa8", "%00", "a%20b", "%F0%9F%92%A5", "null", "x" * 2000]
)
def test_an_id_that_does_not_exist_is_404_whatever_it_looks_like(api: httpx.Client, event_id: str) -> None:
    for method in ("GET", "DELETE"):
        answer = api.request(method, f"{EVENT}/{event_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, 5)


def test_an_incident_opens_and_closes_a_problem(api: httpx.Client) -> None:
    event = post(api, {"title": "DB down", "attributes": {"type": 4, "status": 7, "service": "db"}})
    problems = lambda: api.get("/v1/problems").json()  # noqa: E731 - asked twice
    opened = until(problems, lambda found: len(found["problems"]) == 1)["problems"][0]
    assert (opened["state"], opened["event_id"], opened["title"]) == ("open", event["id"], "DB down")
    end = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert api.put(EVENT, json={"id": event["id"], "attributes": {"status": "close", "endDate": end}}).status_code == 200
    closed = until(problems, lambda found: [p["state"] for p in found["problems"]] == ["closed"])["problems"][0]
    assert (closed["id"], closed["version"]) == (opened["id"], 2)
