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
    async def name_slack(self, named: str, slack_id: str) -> Json: ...
    async def add_entry(self, named: str, entry: Json | None) -> Json: ...
    async def changelog(self, named: str, parameters: Json) -> Json: ...
    async def stats(self, parameters: Json) -> Json: ...
    async def monthly(self, parameters: Json) -> Json: ...


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
        return await self._told("GET", f"{EVENTS}/{name.lower()}", query=_query(parameters), **metadata)

    async def name_slack(self, named: str, slack_id: str) -> Json:
        return await self._told("POST", f"{EVENT}/{named}/slack", {"slackId": slack_id})

    async def add_entry(self, named: str, entry: Json | None) -> Json:
        return await self._told("POST", f"{EVENT}/{named}/changelog", {} if entry is None else {"entry": entry})

    async def changelog(self, named: str, parameters: Json) -> Json:
        return await self._told("GET", f"{EVENT}/{named}/changelog", query=_query(parameters))

    async def stats(self, parameters: Json) -> Json:
        return await self._told("GET", f"{EVENTS}/stats", query=_query(parameters))

    async def monthly(self, parameters: Json) -> Json:
        return await self._told("GET", f"{EVENTS}/stats/monthly", query=_query(parameters))


def _query(parameters: Json) -> str:
    pairs = [(key, one) for key, value in parameters.items() for one in (value if isinstance(value, list) else [value])]
    return "&".join(f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in pairs)


def _numbers(told: Any) -> Any:
    """Return the JSON of a message with its 64-bit counts as numbers, which protobuf writes as text."""
    if isinstance(told, dict):
        return {key: int(value) if isinstance(value, str) and value.isdigit() else _numbers(value) for key, value in told.items()}
    return [_numbers(one) for one in told] if isinstance(told, list) else told


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

    async def name_slack(self, named: str, slack_id: str) -> Json:
        return await self._told("AddSlackId", {"id": named, "slack_id": slack_id})

    async def add_entry(self, named: str, entry: Json | None) -> Json:
        return await self._told("AddChangelogEntry", {"id": named} | ({} if entry is None else {"entry": entry}))

    async def changelog(self, named: str, parameters: Json) -> Json:
        return await self._told("GetEventChangelog", {"id": named, **parameters})

    async def stats(self, parameters: Json) -> Json:
        return _numbers(await self._told("GetEventStats", parameters))  # type: ignore[no-any-return]

    async def monthly(self, parameters: Json) -> Json:
        return _numbers(await self._told("GetEventStatsByMonth", parameters))  # type: ignore[no-any-return]


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


async def test_an_event_that_is_read_and_sent_back_whole_with_another_title_changed_its_title(api: Transport) -> None:
    made = shown(await api.create(FULL))
    body = {"id": made["metadata"]["id"], "slackId": made["metadata"]["slackId"], **made, "title": "u"}
    taken = ("id", "slackId", "title", "attributes", "links") if isinstance(api, OverGrpc) else tuple(body)
    changed = shown(await api.update({name: body[name] for name in taken}))
    assert [(entry["field"], entry["oldValue"], entry["newValue"]) for entry in changed["changelog"]] == [("title", FULL["title"], "u")]
    assert {key: value for key, value in changed.items() if key not in ("title", "changelog")} == {
        key: value for key, value in made.items() if key not in ("title", "changelog")
    }


async def test_a_slack_id_is_given(api: Transport) -> None:
    event_id = shown(await api.create({"title": "t"}))["metadata"]["id"]
    named = shown(await api.name_slack(event_id, "C9"))
    assert named["metadata"]["slackId"] == "C9"
    assert [(entry["changeType"], entry["field"], entry["newValue"]) for entry in named["changelog"]] == [("linked", "slackId", "C9")]
    assert shown(await api.get("C9")) == named
    assert shown(await api.name_slack("C9", "C10"))["metadata"]["slackId"] == "C10"
    for slack_id in ("", "a\nb"):
        with pytest.raises(Refused, match="slackId") as refused:
            await api.name_slack(event_id, slack_id)
        assert refused.value.code == INVALID


async def test_an_entry_is_added_to_the_changelog(api: Transport) -> None:
    event_id = shown(await api.create({"title": "t"}))["metadata"]["id"]
    await api.update({"id": event_id, "title": "u"})
    entry = {"user": "ops", "changeType": "approved", "field": "f", "oldValue": "a", "newValue": "b", "comment": "é"}
    added = shown(await api.add_entry(event_id, {**entry, "timestamp": "2024-01-15T10:00:00Z"}))
    assert added["changelog"][1:] == [{**entry, "timestamp": "2024-01-15T10:00:00Z"}]
    await api.add_entry(event_id, {"comment": "seen"})
    await api.add_entry(event_id, {"change_type": 8})
    told = await api.changelog(event_id, {})
    assert [one["changeType"] for one in told["changelog"]] == ["updated", "approved", "commented", "locked"]
    assert (told["changelog"][2]["comment"], told["totalCount"]) == ("seen", 4)
    assert told["changelog"][2]["timestamp"].startswith("2024-01-15T12:00:0")
    page = await api.changelog(event_id, {"per_page": 1, "page": 2})
    assert (page["changelog"], page["totalCount"]) == ([told["changelog"][1]], 4)
    assert await api.changelog(event_id, {"per_page": 1, "page": 9}) == {"totalCount": 4}
    assert (await api.get(event_id))["event"]["title"] == "u"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (None, "entry"),
        ({"change_type": 99}, "entry.changeType"),
        ({"comment": "x" * 601}, "entry.comment"),
        ({"user": "x" * 101}, "entry.user"),
        ({"field": "x" * 101}, "entry.field"),
        ({"oldValue": "x" * 201}, "entry.oldValue"),
        ({"newValue": "x" * 201}, "entry.newValue"),
        ({"timestamp": "2300-01-01T00:00:00Z"}, "entry.timestamp"),
    ],
    ids=str,
)
async def test_an_entry_that_breaks_a_rule_is_refused(api: Transport, entry: Json | None, words: str) -> None:
    event_id = shown(await api.create({"title": "t"}))["metadata"]["id"]
    with pytest.raises(Refused, match=words) as refused:
        await api.add_entry(event_id, entry)
    assert refused.value.code == INVALID
    assert await api.changelog(event_id, {}) == {}


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({}, 3),
        ({"types": [4]}, 1),
        ({"types": [1, 4]}, 2),
        ({"priorities": [1]}, 2),
        ({"statuses": [9]}, 1),
        ({"environments": [6, 7]}, 2),
        ({"impact": True}, 1),
        ({"impact": False}, 2),
        ({"service": "web"}, 2),
        ({"source": "jenkins"}, 1),
        ({"start_date": "2024-01-15", "end_date": "2024-01-15"}, 1),
    ],
    ids=str,
)
async def test_counts_are_those_of_the_search(api: Transport, filters: Json, total: int) -> None:
    for event in SEARCHED:
        await api.create(event)
    told = await api.stats(filters)
    assert told.get("totalCount", 0) == total
    assert sum(told.get("byType", {}).values()) <= total
    assert {key: told[key] for key in ("startDate", "endDate") if key in told} == {
        key: filters[name] for key, name in (("startDate", "start_date"), ("endDate", "end_date")) if name in filters
    }
    months = await api.monthly(filters)
    assert months["stats"] == [{"year": 2024, "month": 1, "count": total}]
    assert months["totalCount"] == months["months"][0]["totalCount"] == total


async def test_counts_by_month_and_service(api: Transport) -> None:
    for start, service in (("2023-12-31", "web"), ("2024-01-01", "web"), ("2024-01-31", "api"), ("2024-01-31", None)):
        await api.create({"title": "t", "attributes": {"type": 1, "service": service, "startDate": f"{start}T10:00:00Z"}})
    told = await api.monthly({"group_by_service": True})
    assert told["stats"] == [
        {"year": 2023, "month": 12, "count": 1, "service": "web"},
        {"year": 2024, "month": 1, "count": 1},
        {"year": 2024, "month": 1, "count": 1, "service": "api"},
        {"year": 2024, "month": 1, "count": 1, "service": "web"},
    ]
    assert [(one["month"], one["totalCount"], one["byType"]) for one in told["months"]] == [
        ("2023-12", 1, {"deployment": 1}),
        ("2024-01", 3, {"deployment": 3}),
    ]


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
