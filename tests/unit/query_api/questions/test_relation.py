"""How a change relates to a reference."""

from typing import Any

import msgspec
import pytest

from causeline.query_api.questions.query import ChangeQuery
from causeline.query_api.questions.relation import closeness, offset_seconds, relation_of, span_of
from causeline.schemas.records.event import Event

AT = 1_760_000_000_000
CHANGE = Event(tenant="t", id="a", dialect="native", kind="deployment", ts=AT, ingest_ts=AT, updated_ts=AT)
REFERENCE = ChangeQuery(
    tenant="t",
    at=AT,
    from_ms=AT - 1,
    to_ms=AT + 1,
    service="shop",
    environment="production",
    entities=("HOST-1", "HOST-2"),
    tags=(("region", "eu"), ("build", "7")),
)


@pytest.mark.parametrize(
    ("fields", "relation"),
    [
        ({}, "other"),
        ({"environment": "production"}, "same_environment"),
        ({"environment": "Production"}, "other"),
        ({"tags": {"region": "us", "build": "7"}, "environment": "production"}, "same_tag"),
        ({"tags": {"region": "7", "build": "eu"}}, "other"),
        ({"service": "shop", "tags": {"region": "eu"}}, "same_service"),
        ({"entities": ["HOST-9", "HOST-2"], "service": "shop"}, "same_entity"),
        ({"entities": ["HOST-9"]}, "other"),
    ],
)
def test_the_closest_relation_counts(fields: dict[str, Any], relation: str) -> None:
    assert relation_of(msgspec.structs.replace(CHANGE, **fields), REFERENCE) == relation


def test_an_empty_field_of_the_reference_relates_to_nothing() -> None:
    nothing = ChangeQuery(tenant="t", at=AT, from_ms=AT, to_ms=AT)
    assert relation_of(msgspec.structs.replace(CHANGE, tags={"": ""}, entities=[""]), nothing) == "other"


def test_relation_comes_before_distance_and_distance_before_id() -> None:
    far = msgspec.structs.replace(CHANGE, service="shop", ts=AT - 500, id="z")
    near = msgspec.structs.replace(CHANGE, environment="production", ts=AT + 1)
    twin = msgspec.structs.replace(near, ts=AT - 1, id="b")
    assert sorted([near, twin, far], key=lambda event: closeness(event, REFERENCE)) == [far, near, twin]


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [(None, None, (AT, AT)), (AT - 5, None, (AT - 5, AT - 5)), (None, AT + 5, (AT, AT + 5)), (AT - 5, AT + 5, (AT - 5, AT + 5))],
)
def test_a_change_lasts_from_its_start_to_its_end_else_it_is_its_event_time(
    start: int | None, end: int | None, span: tuple[int, int]
) -> None:
    assert span_of(msgspec.structs.replace(CHANGE, start=start, end=end)) == span


def test_the_offset_is_negative_before_the_reference() -> None:
    assert offset_seconds(CHANGE, AT + 1500) == -1.5
