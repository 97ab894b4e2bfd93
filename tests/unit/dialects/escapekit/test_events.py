import json
import random
import re
from typing import Any

import pytest

from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec
from tests.desk_samples import NOW
from tests.escapekit_memory import MemoryEscapeKit
from tests.escapekit_samples import CREATE, EVENT, EVENTS, FOUND, QUERY, placed

NOW_NS = NOW * 1_000_000


@pytest.fixture
def api() -> MemoryEscapeKit:
    return MemoryEscapeKit()


async def test_the_event_of_the_document_is_answered_and_found_as_it_was_sent(api: MemoryEscapeKit) -> None:
    assert await api.create(EVENT) == json.loads(EVENT)
    assert await api.find() == [json.loads(EVENT)]
    assert await api.find("/inventory/test/") == [json.loads(EVENT)]


async def test_the_events_of_the_document_are_found_newest_first_though_a_nanosecond_lies_between(api: MemoryEscapeKit) -> None:
    bodies = json.loads(EVENTS)
    assert await api.create(EVENTS) == bodies
    assert await api.find() == bodies[::-1]
    assert await api.find("/inventory") == [bodies[0]]
    assert await api.find("/project/state-test") == [bodies[1]]


@pytest.mark.parametrize("path", FOUND)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_every_query_path_finds_what_it_names(api: MemoryEscapeKit, path: str, slash: str) -> None:
    await api.create(placed())
    assert {event["id"] for event in await api.find(path + slash)} == FOUND[path]


@pytest.mark.parametrize(
    "timestamp",
    [0, 1, "0", "007", 1_732_171_234_567_890_123, "1732171234567890123", (1 << 63) - 1, "9223372036854775807", 9007199254740993, 12.0],
)
async def test_a_timestamp_comes_back_to_the_digit_in_the_form_it_was_sent(api: MemoryEscapeKit, timestamp: Any) -> None:
    event = await api.create({"type": "ADD_BUILD", "timestamp": timestamp})
    (row,) = await api.find()
    assert json.dumps(event["timestamp"]) == json.dumps(row["timestamp"]) == json.dumps(timestamp)
    (record,) = api.log.records()
    assert codec.decode_record(record.event, Event).ts == int(timestamp) // 1_000_000


@pytest.mark.parametrize(
    "timestamp",
    [1 << 63, "9223372036854775808", 1 << 70, "9" * 40, -1, "-1", 1.5, 1e18, "1.0", "soon", " 1", "+1", "\u0661", True, [], {}],
)
async def test_a_timestamp_that_is_none_is_refused(api: MemoryEscapeKit, timestamp: Any) -> None:
    reply = await api.ask("POST", CREATE, {"type": "ADD_BUILD", "timestamp": timestamp})
    assert reply.status == 400
    assert set(reply.body) <= {"error", "field"}
    assert reply.body.get("field", "timestamp") == "timestamp"
    assert api.log.records() == []


@pytest.mark.parametrize("said", [{}, {"timestamp": None}, {"timestamp": ""}, {"id": None}, {"id": " "}])
async def test_without_a_timestamp_it_is_now_and_without_an_id_one_is_made(api: MemoryEscapeKit, said: dict[str, Any]) -> None:
    event = await api.create({"type": "ADD_BUILD", **said})
    assert event["timestamp"] == NOW_NS
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", event["id"])
    assert await api.find() == [event]


async def test_events_of_one_millisecond_are_ordered_by_nanosecond_with_and_without_an_id(api: MemoryEscapeKit) -> None:
    order = [*range(0, 1_000_000, 9_973), 1, 2, 3, 999_998, 999_999]
    random.Random(7).shuffle(order)
    for rest in order:
        fields = {"id": f"e{rest}"} if rest % 2 else {}
        await api.create({"type": "ADD_BUILD", "timestamp": str(NOW_NS + rest) if rest % 3 else NOW_NS + rest, **fields})
    offsets = [int(event["timestamp"]) - NOW_NS for event in await api.find(query="limit=1000")]
    assert offsets == sorted(order, reverse=True)


async def test_events_of_one_array_without_a_time_keep_their_order(api: MemoryEscapeKit) -> None:
    await api.create([{"type": f"T{number}"} for number in range(50)])
    assert [event["type"] for event in await api.find()] == [f"T{number}" for number in reversed(range(50))]


async def test_unknown_types_and_fields_are_kept_word_for_word(api: MemoryEscapeKit) -> None:
    body = b'{"type": "NEVER_HEARD", "id": "x", "timestamp": "1", "data": {"n": 1.10, "deep": [{"\\u00e4": null}]}, "more": 1e2}'
    reply = await api.create(body)
    assert reply == json.loads(body)
    (record,) = api.log.records()
    event = codec.decode_record(record.event, Event)
    assert (event.raw, event.kind, event.dialect, event.tags) == (body.decode(), "custom", "escapekit", {"n": "1.1"})
    raw = (await api.ask("GET", QUERY)).body
    assert raw == [json.loads(body)]


async def test_a_repeat_of_an_id_is_stored_once_and_other_content_is_set_aside(api: MemoryEscapeKit) -> None:
    first = await api.create(EVENT)
    assert await api.create(EVENT) == first
    for other in ({**first, "username": "other"}, {**first, "timestamp": first["timestamp"] + 5_000_000}):
        refused = await api.ask("POST", CREATE, other)
        assert (refused.status, refused.body["field"]) == (409, "id")
    assert await api.find() == [first]
    assert await api.create(EVENT, tenant="u") == first
    assert await api.find(tenant="u") == [first]


async def test_an_id_without_a_timestamp_is_stored_once_whenever_it_is_repeated(api: MemoryEscapeKit) -> None:
    first = await api.create({"type": "ADD_BUILD", "id": "b"})
    api.now += 60_000
    await api.create({"type": "ADD_BUILD", "id": "b"})
    assert await api.find() == [first]


async def test_the_idempotency_header_stands_for_an_id_that_is_not_sent(api: MemoryEscapeKit) -> None:
    one = await api.create({"type": "ADD_BUILD"}, key="k")
    api.now += 1
    again = await api.create({"type": "ADD_BUILD"}, key="k")
    assert one["id"] == again["id"]
    several = await api.create([{"type": "ADD_BUILD"}] * 2, key="l")
    assert several == await api.create([{"type": "ADD_BUILD"}] * 2, key="l")
    assert {event["id"] for event in await api.find()} == {one["id"], *(event["id"] for event in several)}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "type"),
        ({"type": " "}, "type"),
        ({"type": None}, "type"),
        ({"type": 1}, "type"),
        ({"type": "T", "id": 1}, "id"),
        ({"type": "T", "data": []}, "data"),
        ({"type": "T", "allowed_groups": "my-group"}, "allowed_groups"),
        ({"type": "T", "allowed_roles": [1]}, "allowed_roles[0]"),
        ({"type": "T", "state_project": {}}, "state_project"),
        ([{"type": "T"}, {"type": ""}], "[1].type"),
        ([{"type": "T"}, 7], "[1]"),
        (b"{", None),
        (b"", None),
        (b'"text"', None),
        (b'{"type": "T", "type": "T"}', None),
        (b'{"type": "\\ud800"}', None),
    ],
)
async def test_a_request_that_breaks_a_rule_is_400_and_stores_nothing(api: MemoryEscapeKit, body: Any, field: str | None) -> None:
    reply = await api.ask("POST", CREATE, body)
    assert reply.status == 400
    assert reply.body["error"]
    assert reply.body.get("field") == field
    assert api.log.records() == []


async def test_an_empty_array_is_answered_with_an_empty_array(api: MemoryEscapeKit) -> None:
    assert await api.create([]) == []


async def test_more_than_ten_thousand_events_are_too_many(api: MemoryEscapeKit) -> None:
    reply = await api.ask("POST", CREATE, [{"type": "T"}] * 10_001)
    assert (reply.status, api.log.records()) == (413, [])


async def test_a_long_list_of_wrong_groups_is_answered_with_one_sentence(api: MemoryEscapeKit) -> None:
    reply = await api.ask("POST", CREATE, {"type": "T", "allowed_groups": [0] * 100_000})
    assert (reply.status, reply.body["field"]) == (400, "allowed_groups[0]")
    assert len(reply.body["error"]) < 200


async def test_only_who_shares_a_group_sees_an_event_that_names_some(api: MemoryEscapeKit) -> None:
    limits: dict[str, dict[str, Any]] = {
        "all": {},
        "empty": {"allowed_groups": [], "allowed_roles": None},
        "groups": {"allowed_groups": ["dev", "ops"]},
        "roles": {"allowed_roles": ["ops"]},
        "merged": {"allowed_groups": [], "allowed_roles": ["qa"]},
        "blank": {"allowed_groups": [""]},
    }
    bodies = [{"type": "T", "id": name, "state_project": "p", **limit} for name, limit in limits.items()]
    assert await api.create(bodies) == [{**one, "timestamp": NOW_NS} for one in bodies]
    open_to_all = {"all", "empty"}
    for groups, more in (
        (None, set(limits)),
        ((), set()),
        (("dev",), {"groups"}),
        (("ops",), {"groups", "roles"}),
        (("qa", "x"), {"merged"}),
    ):
        for path in ("", "/project", "/project/p"):
            ids = {event["id"] for event in await api.find(path, groups=groups)}
            assert ids == open_to_all | more, (groups, path)


async def test_pages_follow_the_link_without_repeats_or_gaps(api: MemoryEscapeKit) -> None:
    await api.create([{"type": "T", "id": str(n), "timestamp": NOW_NS + n // 3, "state_project": "a b"} for n in range(25)])
    await api.create({"type": "T", "id": "another"})
    path, query, ids = "/api/v1/events/query/project/a%20b/", "limit=10", list[str]()
    sizes = []
    while True:
        reply = await api.ask("GET", path, query=query)
        assert reply.status == 200
        ids += [event["id"] for event in reply.body]
        sizes.append(len(reply.body))
        api.now += 1
        await api.create({"type": "T", "state_project": "a b"})  # newer than the first page: not on a later one
        if "Link" not in reply.headers:
            break
        link = re.fullmatch(r'<(.*)\?(.*)>; rel="next"', reply.headers["Link"])
        assert link is not None
        assert link[1] == path
        query = link[2]
    assert sizes == [10, 10, 5]
    assert sorted(map(int, ids)) == list(range(25))
    assert [int(n) // 3 for n in ids] == sorted((int(n) // 3 for n in ids), reverse=True)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "cursor=AAAA", "limit=1&limit=2"])
async def test_a_limit_or_cursor_that_is_none_is_400(api: MemoryEscapeKit, query: str) -> None:
    reply = await api.ask("GET", QUERY, query=query)
    assert (reply.status, reply.body["field"]) == (400, query.partition("=")[0])


async def test_a_cursor_belongs_to_its_path(api: MemoryEscapeKit) -> None:
    await api.create([{"type": "T", "state_project": "p"}] * 2)
    link = (await api.ask("GET", QUERY + "/project", query="limit=1")).headers["Link"]
    query = link.partition("?")[2].partition(">")[0]
    assert (await api.ask("GET", QUERY + "/project", query=query)).status == 200
    assert (await api.ask("GET", QUERY + "/project/p", query=query)).status == 400


async def test_a_page_has_a_hundred_events_by_default_and_other_parameters_are_ignored(api: MemoryEscapeKit) -> None:
    await api.create([{"type": "T"}] * 101)
    assert len(await api.find(query="colour=red&order=sideways&limit=")) == 100


async def test_other_tenants_and_dialects_are_not_shown(api: MemoryEscapeKit) -> None:
    await api.create({"type": "T"})
    (record,) = api.log.records()
    event = codec.decode_record(record.event, Event)
    api.store.put_event(Event(tenant="t", id="x", dialect="native", kind="k", ts=1, ingest_ts=1, updated_ts=1, raw=event.raw))
    assert await api.find(tenant="u") == []
    assert len(await api.find()) == 1
