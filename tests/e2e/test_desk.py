"""The DESK Events API v1 against a whole stack: its curl line word for word, the life of a problem, and what clients rely on."""

import asyncio
import json
import re
import shlex
import subprocess
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import httpx
import pytest

from tests import patience
from tests.desk_samples import FIXTURES, TABLE, minimal
from tests.receiver import Receiver
from tests.stack import Stack

# The document's own line: a backslash with blanks behind it is meant to continue the line, though a shell would not.
CURL = shlex.split(re.sub(r"\\\s*\n", " ", (FIXTURES / "curl.txt").read_text()))

Json = dict[str, Any]
_T = TypeVar("_T")


def eventually(ask: Callable[[], _T], good: Callable[[_T], bool], seconds: float = patience.SECONDS) -> _T:
    """Ask until the answer is good; return it, or the last one after the time is over."""
    return patience.asked_by(ask, good, seconds=seconds)


class Desk:
    """A client of one environment of its own."""

    def __init__(self, stack: Stack) -> None:
        self.env = uuid.uuid4().hex
        self.path = f"/e/{self.env}/api/v1/events"
        self.http = httpx.Client(base_url=stack.url, timeout=30)

    def push(self, payload: Json, **headers: str) -> Json:
        answer = self.http.post(self.path, json=payload, headers=headers)
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def page(self, **parameters: Any) -> Json:
        answer = self.http.get(self.path, params={name.rstrip("_"): value for name, value in parameters.items()})
        assert answer.status_code == 200, answer.text
        body: Json = answer.json()
        return body

    def entries(self, **parameters: Any) -> list[Json]:
        rows: list[Json] = self.page(**parameters)["events"]
        return rows

    def problems(self) -> list[Json]:
        answer = self.http.get("/v1/problems", headers={"Causeline-Tenant": self.env})
        assert answer.status_code == 200, answer.text
        rows: list[Json] = answer.json()["problems"]
        return rows


@pytest.fixture
def desk(stack: Stack) -> Iterator[Desk]:
    client = Desk(stack)
    yield client
    client.http.close()


@pytest.fixture
async def clients(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=stack.url, timeout=30) as client:
        yield client


@pytest.fixture(scope="module")
def short_lived(stack: Stack, receiver: Receiver) -> Iterator[tuple[Desk, Json, float]]:
    """A problem with the shortest timeout, pushed before the first test of this module and seen again by the last; `/desk` is told."""
    client = Desk(stack)
    hook = {"name": "desk", "filter": {"stream": "problems"}, "target": {"type": "webhook", "url": receiver.url("/desk")}}
    client.http.post("/v1/subscriptions", json=hook, headers={"Causeline-Tenant": client.env}).raise_for_status()
    result = client.push(minimal("AVAILABILITY_EVENT", start=..., timeoutMinutes=1))
    yield client, result, time.time()
    client.http.close()


def test_the_curl_line_of_the_document_works(stack: Stack, short_lived: tuple[Desk, Json, float]) -> None:
    assert short_lived[1]["storedCorrelationIds"]
    before = time.time_ns() // 1_000_000
    command = [word.replace("https://mySampleEnv.live.dexp.ae", stack.url) for word in CURL]
    process = subprocess.run([*command, "-sS", "-w", "\n%{http_code}"], check=True, capture_output=True, text=True, timeout=30)
    text, _, status = process.stdout.rpartition("\n")
    assert status == "200"
    body = json.loads(text)
    (low,), (stored_id,) = body["storedEventIds"], body["storedIds"]
    front, _, start = stored_id.partition("_")
    assert (front, body["storedCorrelationIds"]) == (str(low), [])
    assert before <= int(start) <= time.time_ns() // 1_000_000
    event = httpx.get(f"{stack.url}/api/v1/events/{stored_id}").json()
    assert (event["eventType"], event["annotationType"], event["eventStatus"]) == ("CUSTOM_ANNOTATION", "defect", "CLOSED")
    assert event["tags"] == [{"context": "CONTEXTLESS", "key": "IG-test"}]
    assert event["entityId"].startswith("CUSTOM_DEVICE-")


def test_a_host_names_the_environment(stack: Stack) -> None:
    label = f"Env-{uuid.uuid4().hex}"
    headers = {"Host": f"{label}.live.dexp.ae", "Authorization": "Api-token x"}
    answer = httpx.post(f"{stack.url}/api/v1/events/", json=minimal("CUSTOM_INFO"), headers=headers)
    assert answer.status_code == 200
    (stored_id,) = answer.json()["storedIds"]
    assert httpx.get(f"{stack.url}/e/{label.lower()}/api/v1/events/{stored_id}").status_code == 200
    assert httpx.get(f"{stack.url}/api/v1/events/{stored_id}").status_code == 404


@pytest.mark.parametrize("event_type", TABLE["eventType"])
def test_every_event_type_is_stored_and_found_at_once(desk: Desk, event_type: str) -> None:
    desk.push(minimal(event_type, customProperties={"n": 1}))
    (entry,) = desk.entries(eventType=event_type)
    assert (entry["eventType"], entry["customProperties"]) == (event_type, {"n": 1})
    assert desk.http.get(f"{desk.path}/{entry['id']}").json() == entry
    assert desk.http.get(f"{desk.path}/{entry['eventId']}").json() == entry


@pytest.mark.parametrize("event_type", TABLE["eventType"])
def test_an_event_is_found_by_the_native_api_too(desk: Desk, event_type: str) -> None:
    desk.push(minimal(event_type))
    answer = eventually(
        lambda: desk.http.get("/v1/events", headers={"Causeline-Tenant": desk.env}).json()["events"],
        lambda events: len(events) == 1,
    )
    assert [(event["dialect"], event["raw"]["eventType"]) for event in answer] == [("desk", event_type)]


def test_one_event_for_every_entity(desk: Desk) -> None:
    result = desk.push(minimal("CUSTOM_INFO", attachRules={"entityIds": ["A-1", "B-2", "A-1", "C-3"]}))
    assert len(result["storedIds"]) == 3
    assert [entry["id"] for entry in desk.entries(entityId="B-2")] == [result["storedIds"][1]]


def test_an_idempotent_retry_is_one_event(desk: Desk) -> None:
    first = desk.push(minimal("CUSTOM_INFO"), **{"Idempotency-Key": "k"})
    retry = desk.push(minimal("CUSTOM_INFO"), **{"Idempotency-Key": "k"})
    assert first["storedEventIds"] == retry["storedEventIds"]
    assert [entry["id"] for entry in desk.entries()] == first["storedIds"]
    assert desk.http.get(f"{desk.path}/{retry['storedIds'][0]}").json()["id"] == first["storedIds"][0]


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("PUT", "/api/v1/events", 405, {"GET", "POST", "HEAD", "OPTIONS"}),
        ("DELETE", "/e/x/api/v1/events", 405, {"GET", "POST", "HEAD", "OPTIONS"}),
        ("POST", "/api/v1/events/5_5", 405, {"GET", "HEAD", "OPTIONS"}),
        ("GET", "/e/x/api/v1/nothing", 404, None),
        ("GET", "/api/v1/events/abc", 404, None),
        ("GET", "/e/bad env/api/v1/events", 404, None),
        ("GET", "/api/v1/events?relativeTime=year", 400, None),
    ],
)
def test_every_refusal_comes_in_the_envelope(stack: Stack, method: str, path: str, status: int, allow: set[str] | None) -> None:
    answer = httpx.request(method, stack.url + path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, status)
    if allow is not None:
        assert set(answer.headers["Allow"].split(", ")) == allow


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("Application/JSON; Charset=UTF-8", 200), (None, 200)],
)
def test_the_content_type_is_json_or_missing(desk: Desk, content_type: str | None, status: int) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answer = desk.http.post(desk.path, content=json.dumps(minimal("CUSTOM_INFO")).encode(), headers=headers)
    assert answer.status_code == status, answer.text


def test_a_client_that_offers_http2_is_answered_in_http1_with_its_body_read(desk: Desk) -> None:
    headers = {"Connection": "Upgrade, HTTP2-Settings", "Upgrade": "h2c", "HTTP2-Settings": "AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"}
    answer = desk.http.post(desk.path, json=minimal("CUSTOM_INFO"), headers=headers)
    assert (answer.status_code, answer.http_version) == (200, "HTTP/1.1")


async def test_fifty_equal_pushes_at_once_are_one_problem(desk: Desk, clients: httpx.AsyncClient) -> None:
    payload = minimal("ERROR_EVENT")
    answers = await asyncio.gather(*(clients.post(desk.path, json=payload) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    (correlation_id,) = {tuple(answer.json()["storedCorrelationIds"]) for answer in answers}
    (entry,) = await asyncio.to_thread(desk.entries)
    assert (entry["eventStatus"], [entry["correlationId"]]) == ("OPEN", list(correlation_id))


def test_a_problem_opens_and_refreshes(desk: Desk) -> None:
    payload = minimal("PERFORMANCE_EVENT")
    first, again = desk.push(payload), desk.push(payload)
    assert first["storedCorrelationIds"] == again["storedCorrelationIds"]
    (entry,) = desk.entries()
    assert (entry["eventStatus"], entry["endTime"], entry["severityLevel"]) == ("OPEN", -1, "PERFORMANCE")
    (problem,) = eventually(desk.problems, lambda found: len(found) == 1)
    assert (problem["state"], [problem["correlation_id"]]) == ("open", first["storedCorrelationIds"])


def test_pages_neither_repeat_nor_skip_while_another_client_pushes(desk: Desk) -> None:
    pushed_ids = {desk.push(minimal("CUSTOM_INFO", start=None))["storedIds"][0] for _ in range(301)}
    stopping = threading.Event()

    def push_on() -> None:
        with httpx.Client(base_url=str(desk.http.base_url), timeout=30) as other:
            while not stopping.is_set():
                other.post(desk.path, json=minimal("CUSTOM_ANNOTATION")).raise_for_status()

    writer = threading.Thread(target=push_on)
    pages = [desk.page(eventType="CUSTOM_INFO")]
    writer.start()
    try:
        while pages[-1]["nextCursor"]:
            pages.append(desk.page(cursor=pages[-1]["nextCursor"]))
    finally:
        stopping.set()
        writer.join()
    listed_ids = [entry["id"] for page in pages for entry in page["events"]]
    assert [len(page["events"]) for page in pages] == [150, 150, 1]
    assert len(listed_ids) == len(set(listed_ids))
    assert set(listed_ids) == pushed_ids
    assert {page["totalEventCount"] for page in pages} == {301}


async def test_a_poller_misses_nothing_of_what_many_clients_push(desk: Desk, clients: httpx.AsyncClient) -> None:
    acknowledged: set[str] = set()
    listed_ids: set[str] = set()

    async def write(number: int) -> None:
        for step in range(30):
            answer = await clients.post(desk.path, json=minimal("CUSTOM_INFO", start=None, description=f"{number}.{step}"))
            acknowledged.update(answer.json()["storedIds"])

    async def poll(since: int) -> int:
        cursor: str | None = None
        while True:
            page = (await clients.get(desk.path, params={"cursor": cursor} if cursor else {"from": since})).json()
            listed_ids.update(entry["id"] for entry in page["events"])
            cursor = page["nextCursor"]
            if cursor is None:
                return int(page["to"])

    since = time.time_ns() // 1_000_000 - 60_000
    writing = asyncio.gather(*(write(number) for number in range(10)))
    while not writing.done():
        since = await poll(since)
    await writing
    await poll(since)
    assert len(acknowledged) == 300
    assert listed_ids == acknowledged


@pytest.mark.timeout(180)
def test_a_problem_that_nobody_refreshes_times_out_and_is_told_to_have(short_lived: tuple[Desk, Json, float], receiver: Receiver) -> None:
    client, result, pushed_at = short_lived
    (entry,) = eventually(client.entries, lambda found: found[0]["eventStatus"] == "CLOSED", pushed_at + 61 - time.time())
    assert entry["eventStatus"] == "CLOSED"
    assert entry["endTime"] - entry["startTime"] == 60_000
    (problem,) = eventually(client.problems, lambda found: found[0]["transition"] == "timed_out", 15)
    assert (problem["state"], problem["transition"]) == ("closed", "timed_out")
    assert [problem["correlation_id"]] == result["storedCorrelationIds"]
    opened, ended = (json.loads(each.body) for each in receiver.until("/desk", 2))
    assert [(one["type"], one["data"]["id"]) for one in (opened, ended)] == [
        ("problem.opened", problem["id"]),
        ("problem.timed_out", problem["id"]),
    ]
    assert (opened["data"]["end"], ended["data"]["end"], ended["data"]["state"]) == (None, problem["end"], "closed")
