import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from causeline.ingest.changes import Change, delete_event
from causeline.ingest.dialects.tracker import writes
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.event import Event
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Invalid, Malformed
from causeline.schemas.wire import codec

FIXTURES = Path(__file__).parents[4] / "fixtures" / "tracker"
REQUESTS = sorted(path for path in FIXTURES.glob("*.json") if path.stem != "update")
NOW = 1_800_000_000_000
LATER = NOW + 60_000


def new_id(ts: int) -> str:
    return ids.uuid7(ts, bytes(range(10)))


def created(body: Any, key: str = "", tenant: str = "t", now: int = NOW) -> Change:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return writes.create(content, tenant=tenant, key=key, now=now, new_id=new_id)


def updated(patch: Any, current: Event, key: str = "") -> Change:
    request = writes.update_of(json.dumps({"id": current.id, **patch}).encode())
    assert request.id == current.id
    return writes.update(request.patch, current, key=key, now=LATER, record_id=new_id(LATER))


INCIDENT = {"title": "DB down", "attributes": {"type": 4, "status": 7, "startDate": "2024-01-15T10:00:00Z"}}


@pytest.mark.parametrize("path", REQUESTS, ids=lambda path: path.stem)
def test_every_request_of_the_document_is_one_create(path: Path) -> None:
    event, record = created(path.read_bytes())
    assert event.raw == path.read_text()
    assert (record.op, record.id, record.record_id, record.ingest_ts) == ("create", event.id, event.id, NOW)
    assert (record.dedup_key, record.fingerprint, record.base_version) == ("", 0, 0)
    assert codec.decode_record(record.event, Event) == event
    assert ids.ts_of(event.id) == event.ts


def test_an_event_without_a_start_happens_when_it_arrives() -> None:
    event, _ = created({"title": "t"})
    assert (event.ts, event.ingest_ts, event.updated_ts, event.version) == (NOW, NOW, NOW, 1)


def test_an_open_incident_signals_its_own_problem() -> None:
    event, record = created(INCIDENT)
    assert (record.correlation_id, record.signal) == (event.id, "open")


@pytest.mark.parametrize(
    ("attributes", "correlated"), [({"type": 1, "status": 7}, False), ({"status": 7}, False), ({"type": 4, "status": 1}, True)]
)
def test_only_incidents_are_correlated_and_only_open_and_closed_ones_signal(attributes: dict[str, int], correlated: bool) -> None:  # noqa: FBT001 - the row's expectation
    event, record = created({"title": "t", "attributes": attributes})
    assert (record.correlation_id, record.signal) == (event.id if correlated else "", "")


def test_a_key_gives_a_repeat_the_same_id_and_the_same_fingerprint_whatever_its_spelling() -> None:
    first = created(b'{"title":"t","attributes":{"type":1,"startDate":"2024-01-15"}}', key="k")
    again = created(b'{ "attributes": {"start_date": "2024-01-15", "type": 1}, "title": "t" }', key="k", now=LATER)
    other = created({"title": "other"}, key="k")
    assert first.record.id == first.record.dedup_key == again.record.id == other.record.id == ids.uuid5("t", "tracker", "k")
    assert first.record.fingerprint == again.record.fingerprint != 0
    assert first.record.fingerprint != other.record.fingerprint
    assert created({"title": "t"}, key="k", tenant="u").record.id != first.record.id


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({}, "title", "Field required"),
        ({"title": None}, "title", "string"),
        ({"title": 3}, "title", "string"),
        ({"title": " \t"}, "title", "must not be blank"),
        ({"title": "t", "attributes": []}, "attributes", "dictionary"),
        ({"title": "t", "links": "x"}, "links", "dictionary"),
        ({"title": "t", "attributes": {"type": 99}}, "attributes.type", "99 is not a known type"),
        ({"title": "t", "attributes": {"type": True}}, "attributes.type", "True is not a known type"),
        ({"title": "t", "attributes": {"status": 2}}, "attributes.status", "2 is not a known status"),
        ({"title": "t", "attributes": {"environment": "moon"}}, "attributes.environment", "'moon' is not a known environment"),
        ({"title": "t", "attributes": {"priority": "P6"}}, "attributes.priority", "'P6' is not a known priority"),
        ({"title": "t", "attributes": {"impact": 4}}, "attributes.impact", "4 is not a known impact"),
        ({"title": "t", "attributes": {"impact": "much"}}, "attributes.impact", "'much' is not a known impact"),
        ({"title": "t", "attributes": {"service": 3}}, "attributes.service", "string"),
        ({"title": "t", "attributes": {"message": {}}}, "attributes.message", "string"),
        ({"title": "t", "attributes": {"stakeHolders": "ops"}}, "attributes.stakeHolders", "list"),
        ({"title": "t", "attributes": {"stake_holders": ["a", 1]}}, "attributes.stakeHolders[1]", "string"),
        ({"title": "t", "attributes": {"notification": "true"}}, "attributes.notification", "boolean"),
        ({"title": "t", "attributes": {"notifications": [None]}}, "attributes.notifications[0]", "string"),
        ({"title": "t", "attributes": {"startDate": "soon"}}, "attributes.startDate", "not an ISO 8601"),
        ({"title": "t", "attributes": {"startDate": 1705312800}}, "attributes.startDate", "must be an ISO 8601"),
        ({"title": "t", "attributes": {"start_date": "1969-12-31"}}, "attributes.startDate", "must lie between"),
        ({"title": "t", "attributes": {"endDate": "2262-01-01"}}, "attributes.endDate", "must lie between"),
        (
            {"title": "t", "attributes": {"startDate": "2024-01-15", "endDate": "2024-01-14"}},
            "attributes.endDate",
            "must not be before startDate",
        ),
        ({"title": "t", "links": {"ticket": 5}}, "links.ticket", "string"),
    ],
)
def test_a_broken_rule_names_its_field(body: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        created(body)
    assert [one.field for one in caught.value.fields] == [field]
    assert words in caught.value.fields[0].message
    assert caught.value.message.startswith(f"{field}: ")


def test_every_broken_rule_is_told_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        created({"attributes": {"type": 9, "status": "x", "service": 1}, "links": {"ticket": []}})
    assert [one.field for one in caught.value.fields] == [
        "title",
        "attributes.type",
        "attributes.service",
        "attributes.status",
        "links.ticket",
    ]


def test_both_spellings_of_one_field_are_refused_by_name() -> None:
    with pytest.raises(Invalid, match=r"attributes\.startDate"):
        created({"title": "t", "attributes": {"startDate": "2024-01-15", "start_date": "2024-01-15"}})


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"title":"\\ud800"}', b'{"title":"t","title":"u"}', b"\xff", b'{"title":NaN}'])
def test_what_is_no_json_object_is_malformed_for_both_calls(body: bytes) -> None:
    with pytest.raises(Malformed):
        created(body)
    with pytest.raises(Malformed):
        writes.update_of(body)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "id"),
        ({"id": ""}, "id"),
        ({"id": 5}, "id"),
        ({"id": "x", "title": ""}, "title"),
        ({"id": "x", "title": None}, "title"),
        ({"id": "x", "attributes": {"status": "lost"}}, "attributes.status"),
    ],
)
def test_a_put_names_an_event_and_breaks_no_rule(body: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        writes.update_of(json.dumps(body).encode())
    assert [one.field for one in caught.value.fields] == [field]


def test_a_put_of_the_document_is_read() -> None:
    request = writes.update_of((FIXTURES / "update.json").read_bytes())
    assert request.id == "507f1f77bcf86cd799439011"
    assert request.patch == {
        "title": "Deploy user-service v2.1.0 to production",
        "attributes": {"status": 3, "endDate": "2024-01-15T10:05:00Z"},
    }


def test_a_patch_carries_what_the_processors_need_to_apply_it_again() -> None:
    current = msgspec.structs.replace(created(INCIDENT).event, version=4)
    event, record = updated({"attributes": {"status": "close", "start_date": "2024-02-01"}}, current)
    assert (event.version, event.status, event.updated_ts, event.ingest_ts) == (5, "close", LATER, NOW)
    assert (record.op, record.id, record.record_id) == ("patch", current.id, new_id(LATER))
    assert (record.base_version, record.base_ts, record.base_service) == (4, current.ts, "")
    assert current.ts != event.ts == event.start
    assert (record.correlation_id, record.signal) == (current.id, "close")
    assert codec.decode_record(record.event, Event) == event
    assert msgspec.structs.replace(DIALECTS.merge(current, record.patch), updated_ts=LATER) == event


def test_a_patch_that_changes_the_service_says_which_one_it_saw() -> None:
    current = created({"title": "t", "attributes": {"service": "checkout"}}).event
    assert updated({"attributes": {"service": "basket"}}, current).record.base_service == "checkout"
    assert updated({"attributes": {"service": "checkout"}}, current).record.base_service == ""
    assert updated({"title": "u"}, current).record.base_service == ""


def test_an_incident_that_a_patch_turns_into_something_else_keeps_its_correlation() -> None:
    current = created(INCIDENT).event
    _, record = updated({"attributes": {"type": 2}}, current)
    assert (record.correlation_id, record.signal) == (current.id, "")


def test_a_patch_of_no_incident_is_not_correlated() -> None:
    _, record = updated({"title": "u"}, created({"title": "t"}).event)
    assert (record.correlation_id, record.signal, record.dedup_key, record.fingerprint) == ("", "", "", 0)


def test_a_delete_is_the_next_version_with_its_columns() -> None:
    current = created(INCIDENT).event
    event, record = delete_event(current, key="", now=LATER, record_id=new_id(LATER))
    assert event == msgspec.structs.replace(current, version=2, is_deleted=True, updated_ts=LATER)
    assert (record.op, record.base_version, record.base_ts) == ("delete", 1, current.ts)
    assert (record.correlation_id, record.signal, record.patch) == (current.id, "", "")


def test_one_key_is_another_one_for_each_call_and_event() -> None:
    one, other = created({"title": "t"}).event, created(INCIDENT).event
    keys = {
        created({"title": "t"}, key="k").record.dedup_key,
        updated({"title": "u"}, one, key="k").record.dedup_key,
        updated({"title": "u"}, other, key="k").record.dedup_key,
        delete_event(one, key="k", now=LATER, record_id="r").record.dedup_key,
    }
    assert len(keys) == 4
    assert updated({"title": "u"}, one, key="k").record == updated({"title": "u"}, one, key="k").record
