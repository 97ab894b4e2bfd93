from datetime import UTC, datetime
from typing import Any

import pytest

from tests.apitraffic_memory import NEW, PATH, MemoryApiTraffic
from tests.apitraffic_samples import ANSWERS, EXAMPLE_SID, MINUTE, Line, lines
from tests.memory_server import Reply


@pytest.fixture
def api() -> MemoryApiTraffic:
    return MemoryApiTraffic()


@pytest.mark.parametrize("line", lines("POST"), ids=lambda line: line.body["name"])
async def test_every_create_of_the_document_is_stored_and_read_at_once(api: MemoryApiTraffic, line: Line) -> None:
    creation = await api.run(line)
    assert creation.status == 201
    assert {key: creation.body[key] for key in line.body} == line.body
    assert creation.headers["Location"] == f"{PATH}/{creation.body['sid']}"
    get = next(one for one in lines("GET") if EXAMPLE_SID in one.url)
    assert await api.run(get, creation.body["sid"]) == Reply(200, {"Content-Type": "application/json; charset=utf-8"}, creation.body)


async def test_an_answer_has_the_documents_fields_in_the_documents_order(api: MemoryApiTraffic) -> None:
    created = ANSWERS[2]
    body = {key: created[key] for key in ("type", "name", "description", "source", "metadata", "startedAt")}
    event = await api.create(body)
    assert list(event) == list(created)
    assert event == {**created, "sid": event["sid"]}
    assert len(event["sid"]) == 31


async def test_the_update_and_the_delete_of_the_document_answer_as_it_prints(api: MemoryApiTraffic) -> None:
    (put,), (delete,), updated = lines("PUT"), lines("DELETE"), ANSWERS[3]
    assert [(await api.run(line)).status for line in (put, delete)] == [404, 404]
    api.now = int(datetime(2024, 1, 15, 14, 5, tzinfo=UTC).timestamp() * 1000)
    fields_sent = {key: updated[key] for key in ("type", "name", "source", "metadata", "startedAt")}
    sid = (await api.create({**fields_sent, "description": "slow"}))["sid"]
    assert (await api.run(put, sid)).body == {**updated, "sid": sid}
    assert await api.read(sid) == {**updated, "sid": sid}
    assert (await api.run(delete, sid)).body == {**ANSWERS[4], "sid": sid}
    for method, body in (("GET", None), ("PUT", {}), ("DELETE", None)):
        reply = await api.send(method, body, sid)
        assert (reply.status, set(reply.body["error"])) == (404, {"message", "fields"})
    assert await api.read_list() == {"hasMore": False, "records": []}


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"type": None}, ["type"]),
        ({"type": "Deployment"}, ["type"]),
        ({"name": ""}, ["name"]),
        ({"name": "  "}, ["name"]),
        ({"name": 3}, ["name"]),
        ({"type": 1, "name": None}, ["name", "type"]),
        ({"description": 1}, ["description"]),
        ({"source": []}, ["source"]),
        ({"metadata": "x"}, ["metadata"]),
        ({"metadata": []}, ["metadata"]),
        ({"bucketSids": []}, ["bucketSids"]),
        ({"environmentSids": []}, ["environmentSids"]),
        ({"bucketSids": "bkt_1"}, ["bucketSids"]),
        ({"bucketSids": ["bkt_1", 2]}, ["bucketSids[1]"]),
        ({"environmentSids": [""]}, ["environmentSids[0]"]),
        ({"startedAt": "yesterday"}, ["startedAt"]),
        ({"startedAt": 1_700_000_000}, ["startedAt"]),
        ({"endedAt": "2024-01-15T14:30:00"}, ["endedAt"]),
        ({"startedAt": "2024-01-15T14:30:00Z", "endedAt": "2024-01-15T14:29:59.999Z"}, ["endedAt"]),
        ({"endedAt": "2024-01-15T14:30:04.999Z"}, ["endedAt"]),
    ],
    ids=str,
)
async def test_a_field_that_breaks_a_rule_is_400_and_named_on_create_and_update(
    api: MemoryApiTraffic, change: dict[str, Any], fields: list[str]
) -> None:
    sid = (await api.create())["sid"]
    before = len(api.log.records())
    for reply in (await api.send("POST", {**NEW, **change}), await api.send("PUT", change, sid)):
        assert (reply.status, sorted(reply.body["error"]["fields"])) == (400, fields)
        assert reply.body["error"]["message"]
    assert len(api.log.records()) == before


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'"x"', b'{"type":NaN}', b'{"name":"\\ud800"}', b'{"name":"\\u0000"}', b'{"a":' * 9_999]
)
async def test_a_body_that_is_no_object_is_400_in_the_envelope(api: MemoryApiTraffic, body: bytes) -> None:
    sid = (await api.create())["sid"]
    for method, reference in (("POST", ""), ("PUT", sid)):
        reply = await api.send(method, body, reference)
        assert (reply.status, reply.body["error"]["fields"]) == (400, {})


@pytest.mark.parametrize("body", [{}, {"type": "deployment"}, {"name": "n"}])
async def test_type_and_name_are_required(api: MemoryApiTraffic, body: dict[str, Any]) -> None:
    reply = await api.send("POST", body)
    assert (reply.status, set(reply.body["error"]["fields"])) == (400, {"type", "name"} - body.keys())


async def test_only_what_is_sent_changes_and_unknown_fields_stay(api: MemoryApiTraffic) -> None:
    event = await api.create({"metadata": {"a": 1, "b": {"c": None}}, "wave": 1, "source": "ci", "bucketSids": ["bkt_1"]})
    api.now += MINUTE
    changed = (await api.send("PUT", {"description": "d", "wave": 2}, event["sid"])).body
    assert changed == {**event, "description": "d", "wave": 2}
    assert (await api.send("PUT", {}, event["sid"])).body == changed
    event_without = (await api.send("PUT", {"metadata": None, "source": None, "bucketSids": None}, event["sid"])).body
    assert event_without == {**changed, "metadata": None, "source": None, "bucketSids": ["*"]}
    assert await api.read(event["sid"]) == event_without


async def test_two_clients_that_change_different_fields_at_once_both_win(api: MemoryApiTraffic) -> None:
    sid = (await api.create())["sid"]
    await api.reach()
    api.applying = False
    for patch in ({"description": "d"}, {"metadata": {"a": 1}}, {"source": "ci"}, {"name": "v2"}):
        assert (await api.send("PUT", patch, sid)).status == 200
    api.applying = True
    event = await api.read(sid)
    assert (event["description"], event["metadata"], event["source"], event["name"]) == ("d", {"a": 1}, "ci", "v2")
    assert api.set_aside == 0


async def test_a_repeat_with_its_key_is_one_event_and_a_late_one_overwrites_nothing(api: MemoryApiTraffic) -> None:
    first = await api.create(Idempotency_Key="k")
    api.now += MINUTE
    assert (await api.create(Idempotency_Key="k"))["sid"] == first["sid"]
    assert len((await api.read_list())["records"]) == 1
    patch = {"description": "first"}
    assert (await api.send("PUT", patch, first["sid"], Idempotency_Key="p")).status == 200
    assert (await api.send("PUT", {"description": "second"}, first["sid"])).status == 200
    assert (await api.send("PUT", patch, first["sid"], Idempotency_Key="p")).status == 200
    assert (await api.read(first["sid"]))["description"] == "second"
    assert (await api.send("DELETE", sid=first["sid"], Idempotency_Key="d")).status == 200
    assert (await api.send("DELETE", sid=first["sid"], Idempotency_Key="d")).status == 404
    reply = await api.send("POST", NEW, Idempotency_Key="k" * 256)
    assert reply.status == 400
