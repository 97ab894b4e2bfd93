import json
from typing import Any

import msgspec
import pytest

from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Invalid
from tests.unit.ingest.dialects.native.native_api import FULL, MINIMAL, NOW, NOW_TEXT, Native


@pytest.fixture
def native() -> Native:
    return Native()


async def test_one_object_is_answered_with_the_event_and_its_address(native: Native) -> None:
    answer = await native.post_bytes(json.dumps(MINIMAL).encode())
    body = json.loads(answer.body)
    record, event = native.only()
    assert answer.status == 201
    assert answer.headers["Location"] == f"/v1/events/{event.id}"
    assert body["id"] == event.id == record.id == record.record_id
    assert (record.op, record.dedup_key, record.fingerprint, record.signal, record.correlation_id) == ("create", "", 0, "", "")
    assert (event.version, event.tenant, event.dialect) == (1, "default", "native")
    assert "is_deleted" not in body
    assert set(body) == set(Event.__struct_fields__) - {"is_deleted", "previous_service", "commit_times"}


async def test_ts_is_the_arrival_unless_it_is_given(native: Native) -> None:
    body = await native.post(MINIMAL)
    assert body["ts"] == body["ingest_ts"] == body["updated_ts"] == NOW_TEXT
    assert ids.ts_of(body["id"]) == NOW
    assert (body["start"], body["end"], body["deadline"]) == (None, None, None)


async def test_every_column_that_a_client_sets_comes_back(native: Native) -> None:
    body = await native.post(FULL)
    _, event = native.only()
    assert body["ts"] == "2026-11-21T06:00:00.500Z"
    assert ids.ts_of(body["id"]) == event.ts
    assert (event.start, body["end"]) == (1_795_240_000_000, "2026-11-21T06:00:00.000Z")
    for name, value in FULL.items():
        if isinstance(value, str) and name not in ("ts", "end"):
            assert body[name] == value == getattr(event, name)
    assert body["tags"] == {"region": "eu", "build": "4711", "canary": "true", "share": "0.5"} == event.tags
    assert body["entities"] == FULL["entities"]
    assert body["links"] == FULL["links"]
    assert body["allowed_groups"] == ["sre"]


async def test_raw_is_the_clients_own_text(native: Native) -> None:
    text = '{ "title": "é \\u00e9",\n "kind":"x", "unknown": 1.50, "big": 18446744073709551615, "id": "mine" }'
    answer = await native.post_bytes(text.encode())
    _, event = native.only()
    assert event.raw == text
    assert json.loads(answer.body)["raw"] == json.loads(text)
    assert b'"unknown": 1.50' in answer.body
    assert event.id != "mine"


async def test_files_are_no_column_and_stay_in_what_was_sent(native: Native) -> None:
    body = await native.post(MINIMAL | {"files": ["apps/checkout/a.py"]})
    _, event = native.only()
    assert "files" not in body
    assert body["raw"]["files"] == ["apps/checkout/a.py"] == json.loads(event.raw)["files"]


async def test_null_is_the_same_as_absent(native: Native) -> None:
    names = [name for name in (*FULL, "correlation_id", "idempotency_key", "files") if name not in ("kind", "title", "vendor")]
    await native.post(MINIMAL | dict.fromkeys(names))
    _, nulls = native.only()
    other = Native()
    await other.post(MINIMAL)
    assert msgspec.structs.replace(nulls, raw="") == msgspec.structs.replace(other.only()[1], raw="")


async def test_kind_and_status_are_kept_in_lower_case(native: Native) -> None:
    body = await native.post({"kind": " Deployment ", "title": " Kept as it is ", "status": "SUCCESS"})
    assert (body["kind"], body["status"], body["title"]) == ("deployment", "success", " Kept as it is ")


BROKEN: list[tuple[dict[str, Any], list[str]]] = [
    ({}, ["kind", "title"]),
    ({"kind": "x"}, ["title"]),
    ({"kind": "", "title": " \t"}, ["kind", "title"]),
    ({"kind": None, "title": 7}, ["kind", "title"]),
    (MINIMAL | {"service": 7}, ["service"]),
    (MINIMAL | {"status": ["x"], "text": True}, ["status", "text"]),
    (MINIMAL | {"ts": "yesterday"}, ["ts"]),
    (MINIMAL | {"ts": "2026-11-21T06:30:00"}, ["ts"]),
    (MINIMAL | {"ts": True}, ["ts"]),
    (MINIMAL | {"ts": 1.5}, ["ts"]),
    (MINIMAL | {"ts": -1}, ["ts"]),
    (MINIMAL | {"ts": 10**15}, ["ts"]),
    (MINIMAL | {"end": "2262-01-01T00:00:00Z", "start": {}}, ["start", "end"]),
    (MINIMAL | {"start": 2_000, "end": 1_999}, ["end"]),
    (MINIMAL | {"tags": []}, ["tags"]),
    (MINIMAL | {"tags": {"a": {}, "b": 1, "c": [1]}}, ["tags.a", "tags.c"]),
    (MINIMAL | {"entities": "HOST-1"}, ["entities"]),
    (MINIMAL | {"entities": ["a", 1, None]}, ["entities[1]", "entities[2]"]),
    (MINIMAL | {"links": {"ci": 1}}, ["links.ci"]),
    (MINIMAL | {"files": "apps/checkout/a.py"}, ["files"]),
    (MINIMAL | {"files": ["a", {}]}, ["files[1]"]),
    (MINIMAL | {"allowed_groups": {}}, ["allowed_groups"]),
    (MINIMAL | {"idempotency_key": ""}, ["idempotency_key"]),
    (MINIMAL | {"idempotency_key": "k" * 256}, ["idempotency_key"]),
    (MINIMAL | {"correlation_id": 7}, ["correlation_id"]),
]


@pytest.mark.parametrize(("item", "fields"), BROKEN, ids=lambda v: json.dumps(v)[:60])
async def test_a_broken_rule_names_its_field_and_stores_nothing(native: Native, item: dict[str, Any], fields: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        await native.post(item)
    assert sorted(error.field for error in refused.value.fields) == sorted(fields)
    assert all(error.message for error in refused.value.fields)
    answer = await native.post([item])
    assert answer["rejected"] == 1
    assert sorted(error["field"] for error in answer["results"][0]["errors"]) == sorted(fields)
    assert native.stored() == []


async def test_an_end_equal_to_its_start_and_both_ends_of_time_are_accepted(native: Native) -> None:
    await native.post(MINIMAL | {"start": 5, "end": 5, "ts": 0})
    await native.post(MINIMAL | {"ts": "2261-12-31T23:59:59.999Z"})
    assert len(native.stored()) == 2


async def test_only_the_first_errors_of_an_item_are_told(native: Native) -> None:
    with pytest.raises(Invalid) as refused:
        await native.post(MINIMAL | {"entities": [1] * 5_000})
    assert len(refused.value.fields) == 20


@pytest.mark.parametrize(("status", "signal"), [("open", "open"), ("Closed", "close"), ("investigating", ""), ("", "")])
async def test_an_incident_is_a_signal_of_its_own_problem(native: Native, status: str, signal: str) -> None:
    await native.post({"kind": "incident", "title": "checkout is slow", "status": status})
    record, event = native.only()
    assert (record.signal, record.correlation_id, record.key) == (signal, event.id, event.id.encode())


async def test_incidents_with_one_correlation_id_meet_within_their_tenant(native: Native) -> None:
    incident = {"kind": "incident", "title": "t", "correlation_id": "INC-7"}
    await native.post(incident | {"status": "open"})
    await native.post(incident | {"status": "closed"})
    await native.post(incident | {"status": "open"}, tenant="other")
    by_tenant: dict[str, set[str]] = {}
    for record, _ in native.stored():
        by_tenant.setdefault(record.tenant, set()).add(record.correlation_id)
    assert len(by_tenant["default"]) == 1
    assert not by_tenant["default"] & by_tenant["other"]


async def test_only_an_incident_has_a_correlation(native: Native) -> None:
    await native.post(MINIMAL | {"status": "open", "correlation_id": "INC-7"})
    record, event = native.only()
    assert (record.signal, record.correlation_id, record.key) == ("", "", event.id.encode())
