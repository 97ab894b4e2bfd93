"""The CTO.ai document's examples against a whole stack, and the problems that its events open and close."""

import json
import shlex
import subprocess
import uuid
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import httpx
import pytest

from tests import patience
from tests.cto_ai_memory import FIXTURES, POSTS
from tests.stack import Stack

EVENTS = "/api/v1/events"
GETS = [shlex.split(line) for line in (FIXTURES / "gets.txt").read_text().splitlines()]

Json = dict[str, Any]
_T = TypeVar("_T")


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": uuid.uuid4().hex}, timeout=30) as client:
        yield client


def until(ask: Callable[[], _T], good: Callable[[_T], bool]) -> _T:
    """Ask until the answer is good; return it."""
    return patience.asked(ask, good)


def post(api: httpx.Client, body: Json, path: str = "/events") -> Json:
    answer = api.post(path, json=body)
    assert answer.status_code == 200, answer.text
    event: Json = answer.json()["data"]
    return event


def read(api: httpx.Client, *pairs: tuple[str, str], team: str) -> list[Json]:
    answer = api.get(EVENTS, params=[("team_id", team), *pairs])
    assert answer.status_code == 200, answer.text
    events: list[Json] = answer.json()
    return events


def test_every_example_of_the_document_is_stored_and_listed(api: httpx.Client) -> None:
    events = [post(api, body) for body in POSTS]
    assert all({name: event[name] for name in body} == body for event, body in zip(events, POSTS, strict=True))
    team = POSTS[0]["team_id"]
    rows = until(lambda: read(api, team=team), lambda found: len(found) == len(events))
    assert {event["id"]: event for event in rows} == {event["id"]: event for event in events}
    times = [event["timestamp"] for event in rows]
    assert times == sorted(times, reverse=True)
    for event in events:
        assert event in read(api, ("event_name", event["event_name"].upper()), team=team)
    native = api.get("/v1/events", params={"dialect": "cto_ai", "kind": "e2e_test"}).json()["events"]
    assert [row["title"] for row in native] == ["e2e_test initiated"]


@pytest.mark.parametrize("argv", GETS, ids=lambda argv: argv[-1].partition("?")[2])
def test_every_curl_line_of_the_document_is_answered(stack: Stack, argv: list[str]) -> None:
    # -g: without it curl reads the brackets of `$sort[timestamp]` as a range of addresses and asks nobody.
    command = [word.replace("https://api.cto.sh", stack.url) for word in argv]
    process = subprocess.run([*command, "-g", "-sS", "-w", "\n%{http_code}"], check=True, capture_output=True, text=True, timeout=30)
    body, _, status = process.stdout.rpartition("\n")
    assert (status, json.loads(body)) == ("200", [])


def test_fields_are_filtered_sorted_and_paged_by_the_store(api: httpx.Client) -> None:
    for number, attempt in enumerate([9, 10, 2.5, "10", None]):
        post(api, {"event_name": "build", "event_action": "In_Progress", "team_id": "t", "n": str(number), "attempt": attempt}, EVENTS)

    def names(*pairs: tuple[str, str]) -> str:
        return "".join(event["n"] for event in read(api, *pairs, team="t"))

    until(names, lambda found: found == "43210")
    assert names(("attempt", "10")) == "31"
    assert names(("attempt[$gt]", "9"), ("event_action", "inprogress")) == "1"
    assert names(("attempt[$in][]", "9"), ("attempt[$in][]", "2.5")) == "20"
    assert names(("$sort[attempt]", "1")) == "20134"
    assert names(("$sort[attempt]", "-1"), ("$sort[timestamp]", "1"), ("$limit", "3"), ("$skip", "1")) == "102"
    (last,) = read(api, ("$limit", "1"), ("$select[]", "n"), team="t")
    assert set(last) == {"id", "timestamp", "n"}
    assert names(("timestamp[$lt]", last["timestamp"]), ("id[$ne]", last["id"])) == "3210"
    assert read(api, team="another") == []
    refused = api.get(EVENTS, params={"team_id": "t", "$limit": "many"})
    assert (refused.status_code, refused.json()["name"], list(refused.json()["errors"])) == (400, "BadRequest", ["$limit"])


def test_events_open_and_close_problems(api: httpx.Client) -> None:
    def send(name: str, action: str) -> Json:
        return post(api, {"event_name": name, "event_action": action, "team_id": "t", "repo": "api"})

    def problems() -> list[tuple[str, str]]:
        rows = api.get("/v1/problems").raise_for_status().json()["problems"]
        return sorted((problem["kind"], problem["state"]) for problem in rows)

    send("change", "failed")
    send("incident", "Initiated")
    until(problems, lambda found: found == [("change", "open"), ("incident", "open")])
    send("Deployment", "succeeded")
    until(problems, lambda found: found == [("change", "closed"), ("incident", "open")])
    send("recovery", "succeeded")
    until(problems, lambda found: found == [("change", "closed"), ("incident", "closed")])
    assert len(until(lambda: read(api, team="t"), lambda found: len(found) == 4)) == 4


def test_one_path_speaks_two_dialects(api: httpx.Client) -> None:
    post(api, {"event_name": "build", "team_id": "t"}, EVENTS)
    other = api.post(
        EVENTS,
        json={"eventType": "CUSTOM_INFO", "source": "s", "description": "d", "attachRules": {"entityIds": ["HOST-1"]}, "event_name": "x"},
    )
    assert "storedEventIds" in other.json()
    assert [event["event_name"] for event in until(lambda: read(api, team="t"), lambda found: len(found) == 1)] == ["build"]
    assert api.get(EVENTS).json()["totalEventCount"] == 1
    wrong = api.post("/events", json={"team_id": "t"})
    assert (wrong.status_code, wrong.json()["code"], list(wrong.json()["errors"])) == (400, 400, ["event_name"])
    assert api.get("/events").status_code == 405
