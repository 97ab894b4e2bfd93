import json
from typing import Any

import pytest

from causeline.ingest.dialects.cto_ai import writes
from causeline.schemas.dialects.cto_ai import mapping as cto_ai
from causeline.schemas.values.ids import uuid7
from causeline.schemas.values.times import rfc3339
from tests.cto_ai_memory import PATH, POSTS, SHARED, TEAM, MemoryCtoAi
from tests.desk_samples import NOW

SMALL = {"team_id": "t", "event_name": "change"}


@pytest.mark.parametrize("body", POSTS, ids=lambda body: body["event_name"])
@pytest.mark.parametrize("path", [PATH, SHARED])
async def test_every_example_is_stored_and_read_again(body: dict[str, Any], path: str) -> None:
    api = MemoryCtoAi()
    reply = await api.post(body, path)
    assert reply.status == 200
    event = reply.body["data"]
    assert reply.body == {**event, "message": "event written", "data": event}
    assert event == {"id": event["id"], "timestamp": rfc3339(api.now), **body}
    assert await api.find(team=body["team_id"]) == [event]
    assert await api.find(team="another") == []


def test_the_examples_are_those_of_the_document() -> None:
    assert len(POSTS) == 22
    assert {body["team_id"] for body in POSTS} == {TEAM}


async def test_the_columns_are_filled_from_the_fields() -> None:
    body = {
        "team_id": "team",
        "event_name": "E2E_Test",
        "event_action": "InProgress",
        "commit": "c1",
        "branch": "main",
        "repo": "api",
        "environment": "production",
        "image": "api:7",
        "attempt": 3,
        "is_hotfix": True,
        "nothing": None,
        "meta": {"user": "ann", "size": 1},
        "labels": ["a"],
    }
    event = writes.create(json.dumps(body).encode(), tenant="t", key="", now=NOW, new_id=lambda ts: uuid7(ts, bytes(10))).event
    assert (event.kind, event.status, event.title, event.source, event.dialect) == (
        "e2e_test",
        "inprogress",
        "E2E_Test InProgress",
        "cto_ai",
        "cto_ai",
    )
    assert (event.service, event.repo, event.commit, event.branch, event.team) == ("api", "api", "c1", "main", "team")
    assert (event.environment, event.actor, event.ts, event.start, event.end) == ("production", "ann", NOW, None, None)
    assert event.tags == {"image": "api:7", "attempt": "3", "is_hotfix": "true"}
    assert json.loads(event.raw) == body
    assert cto_ai.view(event) == {"id": event.id, "timestamp": rfc3339(NOW), **body}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"team_id": None}, {"team_id"}),
        ({"team_id": " "}, {"team_id"}),
        ({"team_id": 7}, {"team_id"}),
        ({"event_name": ""}, {"event_name"}),
        ({"event_name": ["change"], "team_id": ""}, {"team_id", "event_name"}),
        ({"event_action": 7}, {"event_action"}),
        ({"timestamp": "yesterday"}, {"timestamp"}),
        ({"timestamp": True}, {"timestamp"}),
        ({"timestamp": 1.5}, {"timestamp"}),
        ({"timestamp": -1}, {"timestamp"}),
        ({"timestamp": "2300-01-01"}, {"timestamp"}),
    ],
)
async def test_a_broken_rule_is_refused_by_the_name_of_its_field(change: dict[str, Any], named: set[str]) -> None:
    reply = await MemoryCtoAi().post({**SMALL, **change})
    assert (reply.status, reply.body["name"], reply.body["code"]) == (400, "BadRequest", 400)
    assert set(reply.body["errors"]) == named
    assert all(field in reply.body["message"] for field in named)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"event_name":" "test",\n"team_id": "t"}', b'{"a": NaN}', b"\xff", b'{"a": 1, "a": 2}']
)
async def test_what_is_not_a_json_object_is_refused(body: bytes) -> None:
    reply = await MemoryCtoAi().post(body)
    assert (reply.status, reply.body["name"], reply.body["errors"]) == (400, "BadRequest", {})


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2024-01-15T10:00:00+02:00", "2024-01-15T08:00:00.000Z"),
        (1_705_320_000_123, "2024-01-15T12:00:00.123Z"),
        (None, None),
        ("", None),
    ],
)
async def test_an_event_has_the_time_it_names_or_that_of_its_arrival(sent: Any, expected: str | None) -> None:
    api = MemoryCtoAi()
    event = await api.send("change", timestamp=sent, id="its own")
    assert event["timestamp"] == (expected or rfc3339(api.now))
    assert event["id"] != "its own"


async def test_a_repeat_with_its_key_gets_the_same_id_and_is_stored_once() -> None:
    api = MemoryCtoAi()
    first = await api.post({**SMALL, "team_id": TEAM}, Idempotency_Key="k")
    again = await api.post({"event_name": "change", "team_id": TEAM}, Idempotency_Key="k")
    assert first.body["id"] == again.body["id"]
    assert [event["id"] for event in await api.find()] == [first.body["id"]]
    assert api.set_aside == 0


@pytest.mark.parametrize(
    ("body", "is_meant"),
    [
        (b'{"event_name": "a", "team_id": "t"}', True),
        (b'{"event\\u005fname": "a"}', True),
        (b'\xef\xbb\xbf{"event_name": null}', True),
        (b'{"event_name": "a", "eventType": "CUSTOM_INFO"}', False),
        (b'{"eventType": "CUSTOM_INFO", "description": "event_name"}', False),
        (b'{"customProperties": {"event_name": "a"}}', False),
        (b'{"event_name": ', True),
        (b'["event_name"]', False),
        (b"", False),
    ],
)
def test_on_a_shared_path_the_body_decides(body: bytes, *, is_meant: bool) -> None:
    assert writes.is_own_body(body) is is_meant


async def test_the_shared_path_speaks_both_dialects() -> None:
    api = MemoryCtoAi()
    mine = await api.post({"event_name": "", "team_id": "t"}, SHARED)
    assert mine.body["name"] == "BadRequest"
    other = await api.post({"eventType": "CUSTOM_INFO"}, SHARED)
    assert set(other.body) == {"error"}
