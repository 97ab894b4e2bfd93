import json
from typing import Any

import msgspec
import pytest

from causeline.ingest.adapters.memory.log import MemoryCurrentEvents, MemoryEventLog, MemoryOpenProblems
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.tracker.http import routes
from causeline.ingest.dialects.tracker.openapi import PATHS
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Invalid, Malformed, NotFound, RequestError, Unavailable
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.wire import codec

NOW = 1_800_000_000_000
EVENT = "/api/v1alpha1/event"


class Api:
    """Tracker's writing routes over the twins; what is durable becomes current, as the pipeline would make it."""

    def __init__(self) -> None:
        self.log = MemoryEventLog()
        self.events = MemoryCurrentEvents()
        self.now = NOW
        self._bytes = 0
        service = IngestService(self.log, self.events, MemoryOpenProblems(), self._random)
        self._routes = {(route.method, route.path): route for route in routes(service)}

    def _random(self, count: int) -> bytes:
        self._bytes += 1
        return self._bytes.to_bytes(count)

    async def call(self, method: str, body: Any = None, *, event_id: str = "", key: str = "", tenant: str = "t") -> dict[str, Any]:
        self.now += 1_000
        route = self._routes[method, f"{EVENT}/{{id}}" if event_id else EVENT]
        request = HttpRequest(
            method=method,
            path=EVENT,
            params={"id": event_id} if event_id else {},
            query_string="",
            headers={"idempotency-key": key} if key else {},
            body=body if isinstance(body, bytes) else json.dumps(body).encode(),
            tenant=tenant,
            received_at=self.now,
        )
        reply = await route.handler(request)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
        self.apply()
        answer: dict[str, Any] = json.loads(reply.body)
        return answer

    def apply(self) -> None:
        for record in self.log.records():
            self.events.put(codec.decode_record(record.event, Event))

    def last(self) -> IngestRecord:
        return max(self.log.records(), key=lambda record: record.ingest_ts)


@pytest.fixture
def api() -> Api:
    return Api()


async def test_a_post_is_answered_with_the_event_after_its_record_is_durable(api: Api) -> None:
    event = await api.call("POST", {"title": "t", "attributes": {"type": "drift"}, "extra": 1})
    assert (event["title"], event["attributes"], event["links"], event["extra"]) == ("t", {"type": 3}, {}, 1)
    assert event["event"]["id"] == event["id"]
    record = api.last()
    assert (record.id, record.tenant, record.ingest_ts) == (event["id"], "t", api.now)


async def test_a_put_changes_what_it_names_and_a_second_one_builds_on_it(api: Api) -> None:
    event = await api.call("POST", {"title": "t", "attributes": {"service": "db"}})
    await api.call("PUT", {"id": event["id"], "attributes": {"status": 3}})
    event_after = await api.call("PUT", {"id": event["id"].upper(), "title": "u"})
    assert (event_after["id"], event_after["title"], event_after["attributes"]) == (event["id"], "u", {"service": "db", "status": 3})
    assert event_after["createdAt"] == event["createdAt"]
    assert (api.last().op, api.last().base_version) == ("patch", 2)
    assert api.events.positions.keys() == {event["id"]}


async def test_a_delete_answers_with_the_id_once(api: Api) -> None:
    event = await api.call("POST", {"title": "t"})
    assert await api.call("DELETE", event_id=event["id"], key="k") == {"id": event["id"]}
    assert api.last().op == "delete"
    for _ in range(2):
        with pytest.raises(NotFound):
            await api.call("DELETE", event_id=event["id"], key="k")
    with pytest.raises(NotFound):
        await api.call("PUT", {"id": event["id"], "title": "u"})
    assert len(api.log.records()) == 2


@pytest.mark.parametrize("event_id", ["507f1f77bcf86cd799439011", "018bcfe5-6800-7a8f-8819-74562cfd5fa8", "%00", "'; --", "é" * 300])
async def test_what_does_not_exist_is_404_with_code_5(api: Api, event_id: str) -> None:
    for method, body, reference in (("DELETE", None, event_id), ("PUT", {"id": event_id}, "")):
        with pytest.raises(NotFound) as caught:
            await api.call(method, body, event_id=reference)
        refusal = TRACKER.refuse(caught.value)
        assert (refusal.status, json.loads(refusal.body)["code"], json.loads(refusal.body)["details"]) == (404, 5, [])
    assert api.log.records() == []


async def test_another_tenants_or_dialects_event_does_not_exist(api: Api) -> None:
    event = await api.call("POST", {"title": "t"})
    with pytest.raises(NotFound):
        await api.call("DELETE", event_id=event["id"], tenant="u")
    native = msgspec.structs.replace(codec.decode_record(api.last().event, Event), dialect="native", version=9)
    api.events.put(native)
    with pytest.raises(NotFound):
        await api.call("DELETE", event_id=event["id"])


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"{", Malformed), ({"title": ""}, Invalid), ({"title": "t", "attributes": {"type": 0}}, Invalid)],
)
async def test_a_refused_request_is_400_with_code_3_and_stores_nothing(api: Api, body: Any, kind: type[RequestError]) -> None:
    with pytest.raises(kind) as caught:
        await api.call("POST", body)
    refusal = TRACKER.refuse(caught.value)
    assert (refusal.status, json.loads(refusal.body)["code"]) == (400, 3)
    assert api.log.records() == []


async def test_a_key_that_is_too_long_is_refused_on_every_call(api: Api) -> None:
    event = await api.call("POST", {"title": "t"})
    calls: list[tuple[str, Any, str]] = [("POST", {"title": "t"}, ""), ("PUT", {"id": event["id"]}, ""), ("DELETE", None, event["id"])]
    for method, body, event_id in calls:
        with pytest.raises(Invalid, match="Idempotency-Key"):
            await api.call(method, body, event_id=event_id, key="k" * 256)


async def test_a_repeated_post_with_its_key_answers_with_the_same_id(api: Api) -> None:
    first = await api.call("POST", {"title": "t"}, key="k")
    again = await api.call("POST", {"title": "t"}, key="k")
    assert first["id"] == again["id"]
    assert len({(record.id, record.dedup_key, record.fingerprint) for record in api.log.records()}) == 1


async def test_an_append_that_is_not_acknowledged_is_no_success(api: Api) -> None:
    api.log.away = True
    with pytest.raises(Unavailable):
        await api.call("POST", {"title": "t"})


def test_every_route_is_described() -> None:
    service = IngestService(MemoryEventLog(), MemoryCurrentEvents(), MemoryOpenProblems(), bytes)
    operations = {(route.path, route.method.lower()) for route in routes(service)}
    assert operations == {(path, method) for path, item in PATHS.items() for method in item}
    create = PATHS[EVENT]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert create["required"] == ["title"]
    assert {"startDate", "stakeHolders", "relatedId"} <= set(create["properties"]["attributes"]["properties"])
    update = PATHS[EVENT]["put"]["requestBody"]["content"]["application/json"]["schema"]
    assert update["anyOf"] == [{"required": ["id"]}, {"required": ["slackId"]}]
