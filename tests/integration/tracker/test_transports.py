"""One table of Tracker's calls, run over REST (profile `released`) and over gRPC: both say the same."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import grpc
import pytest

from tests.tracker_server import EVENT, EVENTS, Json, MemoryTracker, Rpc, serving, without_defaults

NOT_FOUND, INVALID, UNAVAILABLE = 5, 3, 14


class Refused(Exception):
    """A call that was refused, with its gRPC code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Transport(Protocol):
    """Tracker's calls, JSON in and out, defaults left out."""

    tracker: MemoryTracker

    async def create(self, body: Json, **metadata: str) -> Json: ...
    async def update(self, body: Json, **metadata: str) -> Json: ...
    async def delete(self, named: str, **metadata: str) -> Json: ...
    async def get(self, named: str, **metadata: str) -> Json: ...
    async def many(self, name: str, parameters: Json, **metadata: str) -> Json: ...


class Rest:
    """Over REST."""

    def __init__(self) -> None:
        self.tracker = MemoryTracker("released")

    async def _told(self, method: str, path: str, body: Any = None, query: str = "", **headers: str) -> Json:
        reply = await self.tracker.rest(method, path, body, query, **headers)
        if reply.status != 200:
            raise Refused(reply.body["code"], reply.body["message"])
        told: Json = without_defaults(reply.body)
        return told

    async def create(self, body: Json, **metadata: str) -> Json:
        return await self._told("POST", EVENT, body, **metadata)

    async def update(self, body: Json, **metadata: str) -> Json:
        return await self._told("PUT", EVENT, body, **metadata)

    async def delete(self, named: str, **metadata: str) -> Json:
        return await self._told("DELETE", f"{EVENT}/{named}", **metadata)

    async def get(self, named: str, **metadata: str) -> Json:
        return await self._told("GET", f"{EVENT}/{named}", **metadata)

    async def many(self, name: str, parameters: Json, **metadata: str) -> Json:
        query = "&".join(f"{key}={'true' if value is True else value}" for key, value in parameters.items())
        return await self._told("GET", f"{EVENTS}/{name.lower()}", query=query, **metadata)


class OverGrpc:
    """Over gRPC."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self.tracker = rpc.tracker

    async def _told(self, method: str, body: Json, **metadata: str) -> Json:
        try:
            return without_defaults(await self._rpc.call(method, body, **metadata))  # type: ignore[no-any-return]
        except grpc.RpcError as error:
            raise Refused(error.code().value[0], error.details()) from error

    async def create(self, body: Json, **metadata: str) -> Json:
        return await self._told("CreateEvent", body, **metadata)

    async def update(self, body: Json, **metadata: str) -> Json:
        return await self._told("UpdateEvent", body, **metadata)

    async def delete(self, named: str, **metadata: str) -> Json:
        key = "id" if len(named) == 36 else "slack_id"
        return await self._told("DeleteEvents", {key: named}, **metadata)

    async def get(self, named: str, **metadata: str) -> Json:
        return await self._told("GetEvent", {"id": named}, **metadata)

    async def many(self, name: str, parameters: Json, **metadata: str) -> Json:
        return await self._told(f"{name}Events", parameters, **metadata)


@pytest.fixture(params=["rest", "grpc"])
async def api(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    if request.param == "rest":
        yield Rest()
        return
    async with serving(MemoryTracker()) as rpc:
        yield OverGrpc(rpc)


FULL: Json = {
    "title": "Deploy user-service v2.1.0",
    "slackId": "C1.p2",
    "attributes": {
        "message": "Deployed via GitHub Actions",
        "source": "github_actions",
        "type": "deployment",
        "priority": "P2",
        "relatedId": "parent",
        "service": "user-service",
        "status": "in_progress",
        "environment": "UAT",
        "impact": True,
        "startDate": "2024-01-15T10:00:00Z",
        "endDate": "2024-01-15T10:05:00Z",
        "owner": "platform-team",
        "stakeHolders": ["backend-team", "ops-team"],
        "notification": True,
        "notifications": ["slack", "email"],
    },
    "links": {"pullRequestLink": "https://x/1", "ticket": "PROJ-456"},
}


def shown(told: Json) -> Json:
    event: Json = told["event"]
    return event


async def test_an_event_comes_back_as_it_was_sent(api: Transport) -> None:
    made = shown(await api.create(FULL))
    assert {key: made[key] for key in ("title", "attributes", "links")} == {key: FULL[key] for key in ("title", "attributes", "links")}
    assert made["metadata"] == {**made["metadata"], "createdAt": "2024-01-15T12:00:01.000Z"[:19] + made["metadata"]["createdAt"][19:]}
    assert (made["metadata"]["duration"], made["metadata"]["slackId"]) == ("300s", "C1.p2")
    assert shown(await api.get(made["metadata"]["id"])) == made


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"type": 5}, "rpa_usage"),
        ({"type": "2"}, "operation"),
        ({"priority": 1}, "P1"),
        ({"status": 2}, "failure"),
        ({"status": 4}, "warning"),
        ({"status": 9}, "open"),
        ({"status": "14"}, "waiting_approval"),
        ({"environment": 3}, "TNR"),
        ({"environment": "7"}, "production"),
        ({"impact": True}, True),
    ],
)
async def test_numbers_are_those_of_the_released_proto(api: Transport, sent: Json, name: object) -> None:
    made = shown(await api.create({"title": "t", "attributes": sent}))
    assert made["attributes"] == dict.fromkeys(sent, name)


async def test_both_spellings_of_a_field_are_read(api: Transport) -> None:
    body = {"title": "t", "slack_id": "S", "attributes": {"related_id": "r", "stake_holders": ["a"]}, "links": {"pull_request_link": "p"}}
    made = shown(await api.create(body))
    assert made["attributes"] == {"relatedId": "r", "stakeHolders": ["a"]}
    assert (made["links"], made["metadata"]["slackId"]) == ({"pullRequestLink": "p"}, "S")


async def test_an_update_changes_what_it_names_and_is_told_in_the_changelog(api: Transport) -> None:
    made = shown(await api.create(FULL))
    event_id = made["metadata"]["id"]
    changed = shown(await api.update({"id": event_id, "attributes": {"status": "success"}, "links": {"ticket": "T-2"}}))
    assert changed["attributes"] == {**FULL["attributes"], "status": "success"}
    assert changed["links"] == {**FULL["links"], "ticket": "T-2"}
    told = [(entry["changeType"], entry["field"], entry["oldValue"], entry["newValue"]) for entry in changed["changelog"]]
    assert told == [("status_changed", "status", "in_progress", "success"), ("linked", "ticket", "PROJ-456", "T-2")]
    assert shown(await api.get(event_id)) == changed


async def test_a_slack_id_is_a_second_name(api: Transport) -> None:
    made = shown(await api.create(FULL))
    assert shown(await api.get("C1.p2")) == made
    changed = shown(await api.update({"slackId": "C1.p2", "title": "u"}))
    assert (changed["title"], changed["metadata"]["id"]) == ("u", made["metadata"]["id"])
    again = shown(await api.update({"id": made["metadata"]["id"], "slackId": "C2"}))
    assert again["metadata"]["slackId"] == "C2"
    with pytest.raises(Refused):
        await api.get("C1.p2")
    assert await api.delete("C2") == {"id": made["metadata"]["id"], "slackId": "C2"}
    for named in ("C2", made["metadata"]["id"]):
        with pytest.raises(Refused) as refused:
            await api.get(named)
        assert refused.value.code == NOT_FOUND


SEARCHED: list[Json] = [
    {
        "title": "a",
        "attributes": {"type": 1, "priority": 1, "status": 3, "environment": 7, "service": "web", "startDate": "2024-01-14T10:00:00Z"},
    },
    {"title": "b", "attributes": {"type": 4, "priority": 1, "impact": True, "status": 9, "startDate": "2024-01-15T11:00:00Z"}},
    {
        "title": "c",
        "slackId": "S",
        "attributes": {"service": "web", "source": "jenkins", "environment": 6, "startDate": "2024-01-16T00:00:00Z"},
    },
]


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, "cba"),
        ({"type": 4}, "b"),
        ({"priority": 1}, "ba"),
        ({"status": 9}, "b"),
        ({"status": 4}, ""),
        ({"environment": 6}, "c"),
        ({"impact": True}, "b"),
        ({"service": "web"}, "ca"),
        ({"source": "jenkins"}, "c"),
        ({"slack_id": "S"}, "c"),
        ({"start_date": "2024-01-15"}, "cb"),
        ({"end_date": "2024-01-15"}, "ba"),
        ({"start_date": "2024-01-15", "end_date": "2024-01-15"}, "b"),
        ({"service": "web", "type": 4}, ""),
    ],
    ids=str,
)
async def test_a_search_finds(api: Transport, filters: Json, titles: str) -> None:
    for event in SEARCHED:
        await api.create(event)
    found = await api.many("Search", filters)
    assert [event["title"] for event in found.get("events", [])] == list(titles)
    assert found.get("totalCount", 0) == len(titles)


async def test_lists_are_paged_newest_first(api: Transport) -> None:
    for number in range(12):
        await api.create({"title": str(number)})
    first, second = [await api.many("List", {"page": page}) for page in (1, 2)]
    assert [event["title"] for event in first["events"] + second["events"]] == [str(number) for number in reversed(range(12))]
    assert (first["totalCount"], second["totalCount"]) == (12, 12)
    assert await api.many("List", {"per_page": 5, "page": 4}) == {"totalCount": 12}
    today = await api.many("Today", {"per_page": 3})
    assert ([event["title"] for event in today["events"]], today["totalCount"]) == (["11", "10", "9"], 12)


@pytest.mark.parametrize(
    ("call", "body", "code", "words"),
    [
        ("create", {}, INVALID, "title"),
        ("create", {"title": " "}, INVALID, "title"),
        ("create", {"title": "a\x00b"}, INVALID, "NUL"),
        ("create", {"title": "t", "attributes": {"type": 99}}, INVALID, "attributes.type"),
        ("create", {"title": "t", "attributes": {"status": 15}}, INVALID, "attributes.status"),
        ("create", {"title": "t", "slackId": "a\nb"}, INVALID, "slackId"),
        (
            "create",
            {"title": "t", "attributes": {"startDate": "2024-01-02T00:00:00Z", "endDate": "2024-01-01T00:00:00Z"}},
            INVALID,
            "endDate",
        ),
        ("create", {"title": "t", "attributes": {"startDate": "2300-01-01T00:00:00Z"}}, INVALID, "startDate"),
        ("update", {"title": "t"}, INVALID, "id"),
        ("update", {"id": "507f1f77bcf86cd799439011", "title": "t"}, NOT_FOUND, "507f1f77bcf86cd799439011"),
        ("update", {"slackId": "S", "title": "t"}, NOT_FOUND, "S"),
    ],
    ids=str,
)
async def test_what_breaks_a_rule_is_refused_and_stores_nothing(api: Transport, call: str, body: Json, code: int, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        await getattr(api, call)(body)
    assert refused.value.code == code
    assert api.tracker.log.records() == []


@pytest.mark.parametrize("named", ["507f1f77bcf86cd799439011", "018bcfe5-6800-7a8f-8819-74562cfd5fa8", "a'--", "x" * 300])
async def test_what_does_not_exist_is_not_found(api: Transport, named: str) -> None:
    for call in (api.get, api.delete):
        with pytest.raises(Refused) as refused:
            await call(named)
        assert refused.value.code == NOT_FOUND


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("List", {"page": 0}, "page"),
        ("List", {"per_page": 1001}, "per_page"),
        ("Today", {"per_page": 0}, "per_page"),
        ("Today", {"page": -1}, "page"),
        ("Search", {"type": 99}, "type"),
        ("Search", {"start_date": "soon"}, "start_date"),
    ],
    ids=str,
)
async def test_a_query_that_breaks_a_rule_is_refused(api: Transport, name: str, parameters: Json, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        await api.many(name, parameters)
    assert refused.value.code == INVALID


async def test_the_tenant_and_the_key_travel_beside_the_message(api: Transport) -> None:
    first = shown(await api.create({"title": "t"}, causeline_tenant="u", idempotency_key="k"))
    again = shown(await api.create({"title": "t"}, causeline_tenant="u", idempotency_key="k"))
    assert first["metadata"]["id"] == again["metadata"]["id"]
    assert (await api.many("List", {}, causeline_tenant="u"))["totalCount"] == 1
    assert await api.many("List", {}) == {}
    with pytest.raises(Refused) as refused:
        await api.get(first["metadata"]["id"])
    assert refused.value.code == NOT_FOUND
    with pytest.raises(Refused, match="Causeline-Tenant") as refused:
        await api.create({"title": "t"}, causeline_tenant="a b")
    assert refused.value.code == INVALID


async def test_a_log_that_is_away_is_unavailable(api: Transport) -> None:
    api.tracker.log.away = True
    with pytest.raises(Refused) as refused:
        await api.create({"title": "t"})
    assert refused.value.code == UNAVAILABLE
