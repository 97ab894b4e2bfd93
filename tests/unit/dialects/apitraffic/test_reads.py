from typing import Any
from urllib.parse import urlencode

import pytest

from causeline.ingest.dialects.apitraffic.openapi import PATHS as WRITING
from causeline.query_api.dialects.apitraffic.openapi import PATHS as READING
from causeline.query_api.questions.query import EventFilter
from tests.apitraffic_memory import NEW, PATH, MemoryApiTraffic
from tests.apitraffic_samples import ACCOUNT, EXAMPLE_SID, lines


@pytest.fixture
def api() -> MemoryApiTraffic:
    return MemoryApiTraffic()


async def test_the_list_of_the_document_answers_with_its_type_only(api: MemoryApiTraffic) -> None:
    event = await api.create()
    await api.create({"type": "scale", "name": "other"})
    line = next(one for one in lines("GET") if "type=deployment" in one.url)
    await api.reach()
    assert (await api.run(line)).body == {"hasMore": False, "records": [event]}


async def test_pages_neither_repeat_nor_skip_and_the_last_one_says_so(api: MemoryApiTraffic) -> None:
    for number in range(60):
        await api.create({"name": str(number), "startedAt": f"2024-01-15T10:{number // 3:02}:00Z"})
    names, cursor, sizes = [], None, []
    while True:
        page = await api.read_list(**({"cursor": cursor} if cursor else {}))
        sizes.append(len(page["records"]))
        names += [record["name"] for record in page["records"]]
        cursor = page.get("nextCursor")
        assert page["hasMore"] == (cursor is not None)
        if cursor is None:
            break
    assert sizes == [25, 25, 10]
    assert sorted(names, key=int) == [str(number) for number in range(60)]
    assert [int(name) // 3 for name in names] == [number // 3 for number in reversed(range(60))]
    assert len((await api.read_list(limit=100))["records"]) == 60


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({}, "cba"),
        ({"type": "incident"}, "b"),
        ({"type": ["incident", "scale"]}, "cb"),
        ({"startTime": "2024-01-15T11:00:00Z"}, "cb"),
        ({"endTime": "2024-01-15T11:00:00Z"}, "a"),
        ({"startTime": "2024-01-15T11:00:00.001Z"}, "c"),
        ({"startTime": "2024-01-15T13:00:00+02:00", "endTime": "2024-01-15T12:00:00Z"}, "b"),
        ({"startTime": "2024-01-16T00:00:00Z", "endTime": "2024-01-15T00:00:00Z"}, ""),
        ({"bucketSid": "bkt_1"}, "cb"),
        ({"bucketSid": "bkt_2"}, "ca"),
        ({"bucketSid": ["bkt_1", "bkt_2"]}, "cba"),
        ({"bucketSid": "bkt_9"}, "c"),
        ({"environmentSid": "env_1"}, "ba"),
        ({"environmentSid": "env_2"}, "cb"),
        ({"environmentSid": "env_9"}, "b"),
        ({"environmentSid": ["env_1", "env_2"]}, "cba"),
        ({"environmentSid": "env_1", "bucketSid": "bkt_2"}, "a"),
        ({"limit": 1}, "c"),
        ({"limit": "", "type": "", "bucketSid": ""}, "cba"),
        ({"page": 3}, "cba"),
    ],
    ids=str,
)
async def test_a_list_finds(api: MemoryApiTraffic, parameters: dict[str, Any], names: str) -> None:
    await api.create({"name": "a", "bucketSids": ["bkt_2"], "environmentSids": ["env_1"], "startedAt": "2024-01-15T10:00:00Z"})
    await api.create({"name": "b", "type": "incident", "bucketSids": ["bkt_1", "bkt_3"], "startedAt": "2024-01-15T11:00:00Z"})
    await api.create({"name": "c", "type": "scale", "environmentSids": ["env_2", "env_3"], "startedAt": "2024-01-15T12:00:00Z"})
    assert await api.names(**parameters) == list(names)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=1&limit=2", "limit"),
        ("type=banana", "type"),
        ("startTime=soon", "startTime"),
        ("endTime=9999-99-99T00:00:00Z", "endTime"),
        ("cursor=damaged", "cursor"),
    ],
)
async def test_a_parameter_that_breaks_a_rule_is_400_and_named(api: MemoryApiTraffic, query: str, field: str) -> None:
    reply = await api.request("GET", PATH, query=query)
    assert (reply.status, list(reply.body["error"]["fields"])) == (400, [field])


async def test_a_cursor_belongs_to_its_filters(api: MemoryApiTraffic) -> None:
    for _ in range(3):
        await api.create()
    cursor = (await api.read_list(limit=2))["nextCursor"]
    assert len((await api.read_list(limit=1, cursor=cursor))["records"]) == 1
    reply = await api.request("GET", PATH, query=urlencode({"limit": 2, "type": "scale", "cursor": cursor}))
    assert (reply.status, list(reply.body["error"]["fields"])) == (400, ["cursor"])


async def test_a_moved_start_is_found_only_at_its_new_time(api: MemoryApiTraffic) -> None:
    sid = (await api.create({"startedAt": "2024-01-15T10:00:00Z"}))["sid"]
    assert (await api.send("PUT", {"startedAt": "2024-03-01T00:00:00Z"}, sid)).status == 200
    assert await api.names(endTime="2024-02-01T00:00:00Z") == []
    assert await api.names(startTime="2024-02-01T00:00:00Z") == ["v1"]
    assert (await api.read(sid))["startedAt"] == "2024-03-01T00:00:00.000Z"
    reply = await api.send("PUT", {"endedAt": "2024-02-01T00:00:00Z"}, sid)
    assert list(reply.body["error"]["fields"]) == ["endedAt"]


async def test_accounts_do_not_see_each_other(api: MemoryApiTraffic) -> None:
    sid = (await api.create())["sid"]
    for method, body in (("GET", None), ("PUT", {"name": "x"}), ("DELETE", None)):
        assert (await api.send(method, body, sid, account="acc_other")).status == 404
    assert (await api.read_list(account="acc_other"))["records"] == []
    assert await api.store.count(EventFilter(tenant=ACCOUNT)) == 1


@pytest.mark.parametrize("account", ["nobody", "acc_", "acc_" + "a" * 65, "acc_a.b"])
async def test_what_cannot_be_an_account_is_404(api: MemoryApiTraffic, account: str) -> None:
    for method, body, sid in (("GET", None, ""), ("POST", NEW, ""), ("GET", None, EXAMPLE_SID), ("PUT", {}, EXAMPLE_SID)):
        assert (await api.send(method, body, sid, account=account)).status == 404
    assert api.log.records() == []


def test_every_route_is_described(api: MemoryApiTraffic) -> None:
    operations = {(path, method.upper()) for paths in (WRITING, READING) for path, item in paths.items() for method in item}
    assert operations == {(route.path, route.method) for route in api.routes}
    body = WRITING["/v1/accounts/{accountSid}/events"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert sorted(body["required"]) == ["name", "type"]
    fields = ("type", "name", "description", "source", "metadata", "bucketSids", "environmentSids", "startedAt", "endedAt")
    assert set(body["properties"]) == set(fields)
    described_parameters = {p["name"] for p in READING["/v1/accounts/{accountSid}/events"]["get"]["parameters"]}
    assert {"type", "startTime", "endTime", "bucketSid", "environmentSid", "limit", "cursor"} < described_parameters
