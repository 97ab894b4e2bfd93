import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.ingest.dialects.desk import writes as desk
from causeline.ingest.dialects.desk.body import DeskRules
from causeline.schemas.values import ids
from tests.desk_samples import (
    COLUMNS,
    DOCUMENT_BODY,
    HOST,
    INFO_TYPES,
    MINUTE,
    NOW,
    PROBLEM_TYPES,
    correlation_of,
    event_of,
    minimal,
    new_ids,
    pushed,
)


def test_the_body_of_the_document_gets_one_integer_one_encoded_id_and_no_correlation_id() -> None:
    result = pushed(DOCUMENT_BODY).result
    assert result == {
        "storedEventIds": result["storedEventIds"],
        "storedIds": [f"{result['storedEventIds'][0]}_{NOW}"],
        "storedCorrelationIds": [],
    }
    assert -(2**63) <= result["storedEventIds"][0] < 2**63


def test_the_same_information_twice_is_two_events() -> None:
    new_id = new_ids()
    push = desk.read_push(json.dumps(DOCUMENT_BODY).encode(), "default", NOW, DeskRules())
    first, second = desk.store(push, new_id, ""), desk.store(push, new_id, "")
    assert first.result["storedIds"] != second.result["storedIds"]
    assert not first.records[0].dedup_key


@pytest.mark.parametrize("event_type", COLUMNS.values())
def test_the_record_is_what_the_processors_decide_by(event_type: str) -> None:
    outcome = pushed(minimal(event_type, start=NOW - 5), tenant="env1")
    (record,) = outcome.records
    event = event_of(record)
    assert (record.tenant, event.tenant, event.dialect) == ("env1", "env1", "desk")
    assert record.id == record.record_id == event.id
    assert ids.ts_of(record.id) == NOW - 5
    assert (record.dedup_key, record.fingerprint, record.signal) == ("", 0, "")
    if event_type in PROBLEM_TYPES:
        assert (record.op, event.status, event.kind) == ("push", "open", "incident")
        assert [record.correlation_id] == outcome.result["storedCorrelationIds"]
        assert json.loads(event.raw)["correlationId"] == record.correlation_id
        assert record.key == record.correlation_id.encode()
        assert len(record.correlation_id) == 16
        assert int(record.correlation_id, 16) >= 0
    else:
        assert (record.op, event.status, record.correlation_id) == ("create", "", "")
        assert record.key == record.id.encode()


SAME: list[dict[str, Any]] = [
    {"timeoutMinutes": 120},
    {"timeoutMinutes": 0},
    {"start": NOW - MINUTE},
    {"end": 5},
    {"unknown": {"x": 1}},
    {"deploymentName": "not of this type"},
    {"customProperties": None},
    {"customProperties": {}},
    {"customProperties": {"x": None}},
    {"timeseriesIds": []},
    {"allowDavisMerge": None},
    {"attachRules": {"entityIds": HOST["entityIds"][0], "tagRule": None}},
]
OTHER: list[dict[str, Any]] = [
    {"eventType": "PERFORMANCE_EVENT"},
    {"title": "another title"},
    {"title": "a title "},
    {"description": "another"},
    {"source": "another"},
    {"customProperties": {"x": 1}},
    {"timeseriesIds": ["x"]},
    {"allowDavisMerge": False},
    {"attachRules": {"entityIds": ["HOST-2"]}},
    {"attachRules": {"tagRule": {"meTypes": "HOST", "tags": "x"}}},
]


@pytest.mark.parametrize("change", SAME)
def test_what_does_not_make_another_payload_keeps_the_correlation_id(change: dict[str, Any]) -> None:
    assert correlation_of(minimal("ERROR_EVENT", **change)) == correlation_of(minimal("ERROR_EVENT"))


def test_each_change_of_the_payload_has_a_correlation_id_of_its_own() -> None:
    correlation_ids = [correlation_of(minimal("ERROR_EVENT", **change)) for change in [*OTHER, {}]]
    assert len(set(correlation_ids)) == len(correlation_ids)


def test_another_environment_has_another_correlation_id() -> None:
    assert correlation_of(minimal("ERROR_EVENT"), "a") != correlation_of(minimal("ERROR_EVENT"), "b")


def test_the_correlation_id_of_a_target_does_not_depend_on_the_other_targets() -> None:
    both = pushed(minimal("ERROR_EVENT", attachRules={"entityIds": ["HOST-2", *HOST["entityIds"]]})).result["storedCorrelationIds"]
    assert both == [
        correlation_of(minimal("ERROR_EVENT", attachRules={"entityIds": ["HOST-2"]})),
        correlation_of(minimal("ERROR_EVENT")),
    ]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def shuffled(value: Any) -> Any:
    """Return the value with the names of every object in the opposite order."""
    if isinstance(value, dict):
        return {name: shuffled(value[name]) for name in reversed(value)}
    return [shuffled(item) for item in value] if isinstance(value, list) else value


@given(st.dictionaries(st.text(max_size=5), _JSON, max_size=5))
def test_the_order_of_names_and_white_space_never_change_the_correlation_id(properties: dict[str, Any]) -> None:
    payload = minimal("ERROR_EVENT", customProperties=properties)
    other = json.dumps(shuffled(payload), indent=3, ensure_ascii=False).encode()
    assert pushed(other).result == pushed(payload).result


@given(st.sampled_from([*INFO_TYPES, *PROBLEM_TYPES]), st.dictionaries(st.text(max_size=5), _JSON, max_size=5))
def test_what_is_stored_reads_back_as_it_was_sent(event_type: str, properties: dict[str, Any]) -> None:
    (record,) = pushed(minimal(event_type, customProperties=properties)).records
    properties_kept = {name: value for name, value in properties.items() if value is not None}
    assert json.loads(event_of(record).raw).get("customProperties", {}) == properties_kept


def test_an_idempotency_key_makes_the_ids() -> None:
    payload = minimal("CUSTOM_INFO", attachRules={"entityIds": ["A-1", "B-2"]})
    first, later = pushed(payload, key="k"), pushed(payload, now=NOW + 5_000, key="k")
    assert first.result["storedEventIds"] == later.result["storedEventIds"]
    assert [(r.dedup_key, r.position) for r in first.records] == [("", 0), ("", 1)]
    assert len({(r.request_key, r.request_fingerprint) for r in (*first.records, *later.records)}) == 1
    (alone,) = pushed(minimal("CUSTOM_INFO"), key="k").records
    assert (alone.dedup_key, alone.request_key) == (first.records[0].request_key, "")
    assert alone.fingerprint != first.records[0].request_fingerprint
    assert len({r.id for r in first.records}) == 2
    assert {r.id for r in first.records}.isdisjoint(r.id for r in pushed(payload, key="other").records)
    assert {r.id for r in first.records}.isdisjoint(r.id for r in pushed(payload, tenant="other", key="k").records)


@pytest.mark.parametrize("change", [{"source": "x"}, {"start": NOW - 1}, {"end": NOW}])
def test_other_content_under_the_same_key_has_another_fingerprint(change: dict[str, Any]) -> None:
    (first,) = pushed(minimal("CUSTOM_INFO"), key="k").records
    (other,) = pushed(minimal("CUSTOM_INFO", **change), key="k").records
    assert first.id == other.id
    assert 0 not in {first.fingerprint, other.fingerprint}
    assert first.fingerprint != other.fingerprint


def test_a_keyed_push_of_a_problem_is_deduplicated_but_keeps_an_id_of_its_own() -> None:
    (first,) = pushed(minimal("ERROR_EVENT"), key="k").records
    (later,) = pushed(minimal("ERROR_EVENT"), now=NOW + 1, key="k").records
    assert first.dedup_key == later.dedup_key != ""
    assert first.fingerprint == later.fingerprint
    assert first.id != later.id
    assert first.key == later.key


def columns_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of the one event of a push that are not empty."""
    event = event_of(pushed(payload).records[0])
    names = ("kind", "severity", "title", "text", "service", "environment", "source", "project", "release", "tags", "links")
    return {name: value for name in names if (value := getattr(event, name))}


def test_columns_of_a_deployment() -> None:
    tags = ["[KUBERNETES]app:checkout", "stage:production", "PLAIN", "env:later"]
    payload = minimal(
        "CUSTOM_DEPLOYMENT",
        deploymentProject="shop",
        ciBackLink="http://ci/1",
        remediationAction="http://fix",
        customProperties={"n": 1, "PLAIN": "property", "deep": {"a": [1.50]}, "yes": True},
        attachRules={"tagRule": {"meTypes": "SERVICE", "tags": tags}},
    )
    assert columns_of(payload) == {
        "kind": "deployment",
        "title": "a deploymentName a deploymentVersion",
        "service": "checkout",
        "environment": "production",
        "source": "a source",
        "project": "shop",
        "release": "a deploymentVersion",
        "tags": {
            "n": "1",
            "deep": '{"a":[1.5]}',
            "yes": "true",
            "[KUBERNETES]app": "checkout",
            "stage": "production",
            "PLAIN": "",
            "env": "later",
        },
        "links": {"ciBackLink": "http://ci/1", "remediationAction": "http://fix"},
    }


@pytest.mark.parametrize(
    ("payload", "wanted"),
    [
        (
            minimal("CUSTOM_DEPLOYMENT"),
            {"kind": "deployment", "service": "a deploymentName", "title": "a deploymentName a deploymentVersion"},
        ),
        (minimal("CUSTOM_ANNOTATION"), {"kind": "annotation", "title": "a annotationType", "text": "a annotationDescription"}),
        (minimal("CUSTOM_ANNOTATION", description="d"), {"text": "d\na annotationDescription"}),
        (minimal("CUSTOM_CONFIGURATION"), {"kind": "config_change", "title": "a configuration", "text": "a description"}),
        (minimal("CUSTOM_INFO"), {"kind": "info", "title": "a description", "text": "a description"}),
        (minimal("CUSTOM_INFO", title="t"), {"title": "t"}),
        (minimal("MARKED_FOR_TERMINATION", ciBackLink="l"), {"kind": "termination", "links": {"ciBackLink": "l"}}),
        (minimal("AVAILABILITY_EVENT"), {"kind": "incident", "severity": "availability", "title": "a title"}),
        (minimal("ERROR_EVENT"), {"severity": "error"}),
        (minimal("PERFORMANCE_EVENT"), {"severity": "performance"}),
        (minimal("RESOURCE_CONTENTION"), {"severity": "resource_contention"}),
    ],
)
def test_columns_by_type(payload: dict[str, Any], wanted: dict[str, Any]) -> None:
    columns = columns_of(payload)
    assert {name: columns.get(name) for name in wanted} == wanted


def test_tags_belong_to_the_entities_that_their_rule_found() -> None:
    attach = {"entityIds": ["HOST-1"], "tagRule": [{"meTypes": "SERVICE", "tags": "app:a"}, {"meTypes": "SERVICE", "tags": "app:b"}]}
    events = [event_of(record) for record in pushed(minimal("CUSTOM_INFO", attachRules=attach)).records]
    assert [event.service for event in events] == ["", "a", "b"]
    assert [event.tags for event in events] == [{}, {"app": "a"}, {"app": "b"}]
