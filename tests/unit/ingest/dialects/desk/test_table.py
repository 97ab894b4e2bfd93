import json
from typing import Any

import pytest

from causeline.ingest.dialects.desk.body import DeskRules
from causeline.query_api.dialects.desk.views import entry_of
from causeline.schemas.web.errors import FieldError, Invalid, Malformed
from tests.desk_samples import COLUMNS, NOW, PROBLEM_TYPES, TABLE, cells, event_of, minimal, pushed, value_of

BLANK = [..., None, "", "  \t"]
IN_OTHER_WORDS = {"start": "startTime", "end": "endTime"}


def shown(payload: dict[str, Any]) -> dict[str, Any]:
    """Return what a read shows of the one event that a push stores."""
    (record,) = pushed(payload).records
    entry: dict[str, Any] = json.loads(json.dumps(entry_of(event_of(record), NOW), default=lambda raw: json.loads(bytes(raw))))
    return entry


@pytest.mark.parametrize("event_type", COLUMNS.values())
def test_the_smallest_payload_of_each_type_is_stored(event_type: str) -> None:
    result = pushed(minimal(event_type)).result
    counts = [len(result[name]) for name in ("storedEventIds", "storedIds", "storedCorrelationIds")]
    assert counts == ([0, 0, 1] if event_type in PROBLEM_TYPES else [1, 1, 0])


@pytest.mark.parametrize("blank", BLANK, ids=repr)
@pytest.mark.parametrize(("event_type", "element"), cells("req"))
def test_a_required_element_that_is_absent_or_blank_is_named(event_type: str, element: str, blank: Any) -> None:
    with pytest.raises(Invalid) as refused:
        pushed(minimal(event_type, **{element: blank}))
    assert refused.value.message == f"The property '{element}' must not be null or empty."
    assert refused.value.fields[0] == FieldError(element, "must not be null or empty")


@pytest.mark.parametrize(("event_type", "element"), cells("opt"))
def test_an_optional_element_is_stored_and_shown(event_type: str, element: str) -> None:
    entry = shown(minimal(event_type, **{element: value_of(element)}))
    assert entry[IN_OTHER_WORDS.get(element, element)] == value_of(element)


@pytest.mark.parametrize("blank", BLANK, ids=repr)
@pytest.mark.parametrize(("event_type", "element"), cells("opt"))
def test_an_optional_element_may_be_absent_or_blank(event_type: str, element: str, blank: Any) -> None:
    assert element not in shown(minimal(event_type, **{element: blank}))


@pytest.mark.parametrize("value", ["good", "wrong type"])
@pytest.mark.parametrize(("event_type", "element"), cells("n/a"))
def test_an_element_that_the_type_does_not_know_is_neither_checked_nor_stored(event_type: str, element: str, value: str) -> None:
    value_sent = value_of(element) if value == "good" else [[{}]]
    assert shown(minimal(event_type, **{element: value_sent})) == shown(minimal(event_type))


@pytest.mark.parametrize("element", ["tags", "unknown", "correlationId", "storedIds"])
def test_unknown_elements_are_ignored(element: str) -> None:
    assert shown(minimal("CUSTOM_INFO", **{element: ["x", {"y": 1}]})) == shown(minimal("CUSTOM_INFO"))


@pytest.mark.parametrize("event_type", COLUMNS.values())
def test_all_missing_elements_are_listed_and_the_message_names_the_first(event_type: str) -> None:
    with pytest.raises(Invalid) as refused:
        pushed({"eventType": event_type, "attachRules": {"tagRule": [{}]}})
    names = [field.field for field in refused.value.fields]
    required = {element for element, row in TABLE.items() if row[event_type] == "req"} - {"eventType", "attachRules"}
    assert set(names) == required | {"attachRules.tagRule[0].meTypes", "attachRules.tagRule[0].tags"}
    assert names[0] == "source"
    assert refused.value.message == "The property 'source' must not be null or empty."


def test_without_a_type_what_every_type_requires_is_missing() -> None:
    with pytest.raises(Invalid) as refused:
        pushed({})
    assert [field.field for field in refused.value.fields] == ["eventType", "source", "attachRules"]


@pytest.mark.parametrize("name", ["custom_info", "CUSTOM_ALERT", "RESOURCE_CONTENTION_EVENT", "CUSTOM_INFO ", 5, True])
def test_an_unknown_event_type_is_refused(name: Any) -> None:
    with pytest.raises(Malformed, match="'eventType'"):
        pushed(minimal("ERROR_EVENT", eventType=name))


def test_an_event_type_must_be_text() -> None:
    with pytest.raises(Malformed, match="'eventType'"):
        pushed(minimal("ERROR_EVENT", eventType=["CUSTOM_INFO"]))


def test_a_custom_alert_is_a_problem_where_it_is_switched_on() -> None:
    (record,) = pushed(minimal("ERROR_EVENT", eventType="CUSTOM_ALERT"), rules=DeskRules(custom_alert=True)).records
    assert record.op == "push"
    assert event_of(record).severity == "custom_alert"


@pytest.mark.parametrize(("sent", "text"), [(2, "2"), (1.5, "1.5"), (True, "true"), (" x ", " x "), ("\u0000", "\u0000"), ("é😀", "é😀")])
def test_text_is_kept_as_sent_and_scalars_become_their_text(sent: Any, text: str) -> None:
    assert shown(minimal("CUSTOM_DEPLOYMENT", deploymentVersion=sent))["deploymentVersion"] == text


def test_a_version_that_looks_like_a_number_keeps_its_last_zero() -> None:
    body = json.dumps(minimal("CUSTOM_DEPLOYMENT", deploymentVersion="X")).replace('"X"', "1.10").encode()
    assert event_of(pushed(body).records[0]).release == "1.10"


@pytest.mark.parametrize(
    ("event_type", "element", "wrong"),
    [
        ("CUSTOM_INFO", "source", ["x"]),
        ("CUSTOM_INFO", "description", {"x": 1}),
        ("CUSTOM_INFO", "customProperties", "x"),
        ("CUSTOM_INFO", "customProperties", ["x"]),
        ("CUSTOM_INFO", "timeseriesIds", {"x": 1}),
        ("CUSTOM_INFO", "start", True),
        ("CUSTOM_INFO", "start", 1.5),
        ("CUSTOM_INFO", "start", "abc"),
        ("CUSTOM_INFO", "start", "1e12"),
        ("CUSTOM_INFO", "start", 2**63),
        ("CUSTOM_INFO", "start", -(2**63) - 1),
        ("CUSTOM_INFO", "start", "9" * 19),
        ("CUSTOM_INFO", "start", "9" * 5000),
        ("CUSTOM_INFO", "start", []),
        ("CUSTOM_INFO", "end", 1e300),
        ("CUSTOM_INFO", "attachRules", "HOST-1"),
        ("CUSTOM_INFO", "attachRules", ["HOST-1"]),
        ("ERROR_EVENT", "timeoutMinutes", "soon"),
        ("ERROR_EVENT", "allowDavisMerge", 1),
        ("ERROR_EVENT", "allowDavisMerge", "yes"),
    ],
)
def test_an_element_of_the_wrong_type_is_named(event_type: str, element: str, wrong: Any) -> None:
    with pytest.raises(Malformed) as refused:
        pushed(minimal(event_type, **{element: wrong}))
    assert refused.value.message == f"Could not map JSON at '{element}'"
    assert refused.value.fields[0].field == element


def test_an_enormous_exponent_is_refused_without_being_written_out() -> None:
    body = json.dumps(minimal("CUSTOM_INFO", start=7)).replace('"start": 7', '"start": 1e999999999').encode()
    with pytest.raises(Malformed, match="'start'"):
        pushed(body)


def test_wrong_types_come_before_missing_elements_and_those_before_broken_limits() -> None:
    with pytest.raises(Malformed):
        pushed(minimal("CUSTOM_INFO", source=..., start="abc"))
    with pytest.raises(Invalid, match="'source'"):
        pushed(minimal("CUSTOM_INFO", source=..., start=0))
    with pytest.raises(Invalid, match="Constraints violated"):
        pushed(minimal("CUSTOM_INFO", start=0, attachRules={}))


@pytest.mark.parametrize("empty", [None, "", [], {}, {"gone": None}])
def test_empty_custom_properties_are_no_properties(empty: Any) -> None:
    assert "customProperties" not in shown(minimal("CUSTOM_INFO", customProperties=empty))


def test_custom_properties_are_kept_as_sent_without_nulls() -> None:
    properties = {"a": 1, "b": [None, {"c": 2.0}], "description": "own name", "gone": None, "empty": ""}
    properties_kept = {name: value for name, value in properties.items() if value is not None}
    entry = shown(minimal("CUSTOM_INFO", customProperties=properties))
    assert entry["customProperties"] == properties_kept
    assert entry["description"] == "a description"


def test_a_single_time_series_stands_for_a_list_and_blank_items_are_dropped() -> None:
    assert shown(minimal("CUSTOM_INFO", timeseriesIds="one"))["timeseriesIds"] == ["one"]
    assert shown(minimal("CUSTOM_INFO", timeseriesIds=[None, 5, "", "x"]))["timeseriesIds"] == ["5", "x"]


@pytest.mark.parametrize(("sent", "is_merged"), [(True, True), (False, False), ("true", True), ("false", False)])
def test_a_boolean_may_be_sent_as_text(sent: Any, is_merged: bool) -> None:  # noqa: FBT001 - a row of the table
    assert shown(minimal("ERROR_EVENT", allowDavisMerge=sent))["allowDavisMerge"] is is_merged
