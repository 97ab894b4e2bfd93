"""The ApiTraffic document's examples against a whole stack: its curl lines word for word, and what its clients rely on."""

import asyncio
import json
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from tests import patience
from tests.apitraffic_samples import ACCOUNT, ANSWERS, EXAMPLE_SID, HOST, Line, lines
from tests.stack import Stack

Json = dict[str, Any]


class Told(NamedTuple):
    status: int
    body: Json


def curl(line: Line, stack: Stack, sid: str = EXAMPLE_SID) -> Told:
    """Run a line of the document with nothing but the host replaced (and its example event by one that exists)."""
    command = [word.replace(HOST, stack.url).replace(EXAMPLE_SID, sid) for word in line.argv]
    process = subprocess.run([*command, "-sS", "-w", "\n%{http_code}"], check=True, capture_output=True, text=True, timeout=30)
    body, _, status = process.stdout.rpartition("\n")
    return Told(int(status), json.loads(body))


@pytest.fixture
def account() -> str:
    return f"acc_{uuid.uuid4().hex}"


@pytest.fixture
def api(stack: Stack, account: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{stack.url}/v1/accounts/{account}", timeout=30) as client:
        yield client


@pytest.fixture
async def clients(stack: Stack, account: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{stack.url}/v1/accounts/{account}", timeout=30) as client:
        yield client


@pytest.fixture
def native(stack: Stack, account: str) -> Iterator[httpx.Client]:
    """The native reads of the same account."""
    with httpx.Client(base_url=f"{stack.url}/v1", headers={"Causeline-Tenant": account}, timeout=30) as client:
        yield client


def created(api: httpx.Client, **body: Any) -> Json:
    answer = api.post("/events", json={"type": "deployment", "name": "v1", **body})
    assert answer.status_code == 201, answer.text
    event: Json = answer.json()
    return event


def until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Ask until the answer is good; return it. What was acknowledged is in lists within a second, here with room for a loaded machine."""
    return patience.asked(ask, good)


def names(api: httpx.Client, **parameters: Any) -> list[str]:
    answer = api.get("/events", params=parameters)
    assert answer.status_code == 200, answer.text
    return [record["name"] for record in answer.json()["records"]]


@pytest.mark.parametrize("line", lines("POST"), ids=lambda line: line.body["name"])
def test_every_create_of_the_document_is_stored_and_read_at_once(stack: Stack, line: Line) -> None:
    status, event = curl(line, stack)
    assert status == 201
    assert {key: event[key] for key in line.body} == line.body
    assert set(event) == set(ANSWERS[2])
    assert event["accountSid"] == ACCOUNT
    get = next(one for one in lines("GET") if EXAMPLE_SID in one.url)
    assert curl(get, stack, event["sid"]) == Told(200, event)


def test_the_list_the_update_and_the_delete_of_the_document_work(stack: Stack) -> None:
    (put,), (delete,) = lines("PUT"), lines("DELETE")
    get, list_line = (next(one for one in lines("GET") if (EXAMPLE_SID in one.url) == by_sid) for by_sid in (True, False))
    assert [curl(line, stack).status for line in (get, put, delete)] == [404] * 3
    incident = {key: ANSWERS[3][key] for key in ("type", "name", "source", "metadata", "startedAt")}
    with httpx.Client(base_url=f"{stack.url}/v1/accounts/{ACCOUNT}", timeout=30) as api:
        event = created(api, **incident)
    status, changed = curl(put, stack, event["sid"])
    assert status == 200
    assert changed == {**ANSWERS[3], "sid": event["sid"], "createdAt": event["createdAt"]}
    assert curl(get, stack, event["sid"]) == Told(200, changed)
    assert curl(delete, stack, event["sid"]) == Told(200, {"sid": event["sid"], "deleted": True})
    assert [curl(line, stack, event["sid"]).status for line in (get, put, delete)] == [404] * 3
    status, page = curl(list_line, stack)
    assert (status, set(page) - {"nextCursor"}) == (200, {"hasMore", "records"})
    assert {record["type"] for record in page["records"]} <= {"deployment"}
    assert len(page["records"]) <= 10


def test_filters_and_pages_in_the_store(api: httpx.Client) -> None:
    for number in range(7):
        created(
            api,
            name=str(number),
            startedAt=f"2024-01-15T10:0{number}:00Z",
            **({"bucketSids": [f"bkt_{number % 2}"]} if number < 4 else {}),
            **({"environmentSids": ["env_1"]} if number < 2 else {"environmentSids": ["env_2"]} if number < 4 else {}),
        )
    until(lambda: names(api), lambda found: found == list("6543210"))
    assert names(api, bucketSid="bkt_0") == list("65420")
    assert names(api, environmentSid="env_1") == list("65410")
    assert names(api, environmentSid=["env_1", "env_2"], bucketSid="bkt_1") == list("65431")
    assert names(api, environmentSid="env_9'") == list("654")
    assert names(api, startTime="2024-01-15T12:02:00+02:00", endTime="2024-01-15T10:05:00Z") == list("432")
    first = api.get("/events", params={"limit": 5}).json()
    assert first["hasMore"]
    second = api.get("/events", params={"limit": 5, "cursor": first["nextCursor"]}).json()
    assert [record["name"] for record in second["records"]] == ["1", "0"]
    assert "nextCursor" not in second


async def test_two_clients_that_change_different_fields_at_once_both_win(clients: httpx.AsyncClient) -> None:
    event = (await clients.post("/events", json={"type": "incident", "name": "n"})).json()
    patches: list[Json] = [{"description": "d"}, {"metadata": {"cause": "pool"}}, {"source": "manual"}, {"name": "m"}]
    answers = await asyncio.gather(*(clients.put(f"/events/{event['sid']}", json=patch) for patch in patches))
    assert [answer.status_code for answer in answers] == [200] * 4
    current = (await clients.get(f"/events/{event['sid']}")).json()
    assert current == {**event, "description": "d", "metadata": {"cause": "pool"}, "source": "manual", "name": "m"}


def test_an_incident_opens_a_problem_its_end_closes_it_and_null_reopens_it(api: httpx.Client, native: httpx.Client) -> None:
    sid = created(api, type="incident", name="DB down", startedAt="2024-01-15T14:00:00Z")["sid"]
    problems = lambda: native.get("/problems", params={"order": "asc"}).json()["problems"]  # noqa: E731 - asked three times
    (opened,) = until(problems, lambda found: len(found) == 1)
    assert (opened["state"], opened["dialect"], opened["title"], opened["start"]) == (
        "open",
        "apitraffic",
        "DB down",
        "2024-01-15T14:00:00.000Z",
    )
    assert api.put(f"/events/{sid}", json={"endedAt": "2024-01-15T15:00:00Z"}).status_code == 200
    (closed,) = until(problems, lambda found: [one["state"] for one in found] == ["closed"])
    assert (closed["id"], closed["end"]) == (opened["id"], "2024-01-15T15:00:00.000Z")
    assert api.put(f"/events/{sid}", json={"endedAt": None}).json()["endedAt"] is None
    again = next(one for one in until(problems, lambda found: len(found) == 2) if one["id"] != closed["id"])
    assert (again["state"], again["transition"], again["previous_id"]) == ("open", "reopened", closed["id"])


def test_a_dashboard_draws_the_events_of_an_account(api: httpx.Client, native: httpx.Client) -> None:
    created(api, name="before", startedAt="2024-01-15T09:59:59Z")
    body = {"startedAt": "2024-01-15T10:00:00Z", "endedAt": "2024-01-15T10:05:00Z", "metadata": {"branch": "main"}}
    created(api, description="Deployed", environmentSids=["env_1"], **body)
    window: dict[str, str | int] = {"from": 1_705_312_800_000, "to": 1_705_316_400_000, "dialect": "apitraffic"}
    (mark,) = until(lambda: native.get("/annotations", params=window).json(), lambda found: len(found) == 1)
    assert set(mark) == {"time", "timeEnd", "title", "text", "tags", "id"}
    assert (mark["time"], mark["timeEnd"], mark["title"], mark["text"]) == (1_705_312_800_000, 1_705_313_100_000, "v1", "Deployed")
    assert mark["tags"] == ["deployment", "env_1", "branch:main"]
    assert native.get(f"/events/{mark['id']}").json()["dialect"] == "apitraffic"


@pytest.mark.parametrize(
    "path", ["/v1/accounts/nobody/events", f"/v1/accounts/{ACCOUNT}/events/{EXAMPLE_SID}", f"/v1/accounts/{ACCOUNT}/x"]
)
def test_what_does_not_exist_is_404_in_the_envelope(stack: Stack, path: str) -> None:
    answer = httpx.get(stack.url + path, timeout=30)
    assert (answer.status_code, set(answer.json()["error"])) == (404, {"message", "fields"})


def test_refusals_of_the_shell_are_in_the_envelope_too(api: httpx.Client) -> None:
    for answer in (
        api.delete("/events"),
        api.post("/events", content=b"x", headers={"Content-Type": "text/plain"}),
        api.post("/events", content=b" " * ((1 << 20) + 1), headers={"Content-Type": "application/json"}),
        api.post("/events", json={}),
    ):
        assert set(answer.json()["error"]) == {"message", "fields"}, answer.text
        assert answer.status_code in (400, 405, 413, 415)
