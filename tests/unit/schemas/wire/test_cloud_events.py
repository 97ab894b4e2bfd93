"""Records of public topics as CloudEvents (specification 1.0.2, Kafka protocol binding 3.2)."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES_LOG, EVENTS, INGEST, PROBLEMS, PROBLEMS_CURRENT, all_topics
from causeline.schemas.values.times import MAX_MS, ms_of
from causeline.schemas.wire import cloud_events, codec
from tests.partition_log import T0, event, uuid
from tests.unit.schemas.subscriptions.test_matching import a_problem
from tests.unit.schemas.wire.test_codec import anything

EVERY = st.one_of(anything(Event), st.builds(event, st.integers(1, 9), version=st.integers(1, 99), is_deleted=st.booleans()))
TIMES = st.integers(0, 1 << 43)


def headers(topic: str, record: Any) -> dict[str, str]:
    fields = cloud_events.headers_of(topic, codec.encode_record(record))
    assert tuple(name for name, _ in fields) == cloud_events.HEADER_NAMES
    return {name: value.decode() for name, value in fields}


def test_an_event_has_the_six_headers() -> None:
    assert headers(EVENTS, event(1, version=3, updated_ts=T0 + 5)) == {
        "ce_specversion": "1.0",
        "ce_type": "causeline.event.v1",
        "ce_source": "/causeline/acme/events",
        "ce_id": f"{uuid(1)}/3",
        "ce_time": "2026-09-21T14:13:20.005Z",
        "content-type": "application/avro",
    }


@given(EVERY)
def test_the_headers_of_any_event_tell_what_the_event_tells(one: Event) -> None:
    fields = headers(EVENTS, one)
    assert fields["ce_id"] == f"{one.id}/{one.version}" + "/deleted" * one.is_deleted
    assert fields["ce_source"] == f"/causeline/{one.tenant or '-'}/events"
    assert ms_of(fields["ce_time"]) == min(max(one.updated_ts, 0), MAX_MS)


@given(st.builds(a_problem, id=st.text(max_size=70), version=st.integers(1, 99), at=TIMES, correlation_id=st.text()))
def test_the_headers_of_any_problem_tell_what_the_problem_tells(one: Problem) -> None:
    for topic in (PROBLEMS, PROBLEMS_CURRENT):
        fields = headers(topic, one)
        assert (fields["ce_type"], fields["ce_source"]) == (f"causeline.problem.{one.transition}.v1", "/causeline/acme/problems")
        assert (fields["ce_id"], ms_of(fields["ce_time"])) == (f"{one.id}/{one.version}", one.at)


def test_a_delivery_and_a_dead_letter_are_named_by_their_attempt_and_their_place() -> None:
    attempt = Delivery(
        tenant="acme", subscription_id="s", id="msg_1", attempt=2, what="event", entity="e", version=1, outcome="retried", received=0, at=T0
    )
    fields = headers(DELIVERIES_LOG, attempt)
    assert (fields["ce_type"], fields["ce_source"], fields["ce_id"]) == (
        "causeline.delivery.retried.v1",
        "/causeline/acme/deliveries",
        "msg_1/2",
    )
    letter = DeadLetter(reason="undecodable", at=T0, topic=INGEST, partition=3, offset=17)
    fields = headers(DEAD_LETTERS, letter)
    assert (fields["ce_type"], fields["ce_source"], fields["ce_id"]) == (
        "causeline.dead_letter.v1",
        "/causeline/-/dead-letters",
        "causeline.ingest/3/17",
    )


def test_no_two_occurrences_share_source_and_id() -> None:
    row = event(1, version=2)
    occurrences = [
        headers(EVENTS, row),
        headers(EVENTS, msgspec.structs.replace(row, version=3)),
        headers(EVENTS, msgspec.structs.replace(row, is_deleted=True)),  # what a move in time leaves at the old one
        headers(EVENTS, msgspec.structs.replace(row, tenant="other")),
        headers(PROBLEMS, a_problem(id=uuid(1), version=2)),
    ]
    assert len({(fields["ce_source"], fields["ce_id"]) for fields in occurrences}) == len(occurrences)


@pytest.mark.parametrize(
    ("topic", "value"), [(PROBLEMS_CURRENT, None), (EVENTS, b"\x00\x00\x00\x00\x01?"), (INGEST, b"\x00\x00\x00\x00\x03")]
)
def test_a_tombstone_damage_and_an_internal_record_have_no_headers(topic: str, value: bytes | None) -> None:
    assert cloud_events.headers_of(topic, value) == []


def test_all_public_topics_and_no_others_are_described() -> None:
    assert [topic.name for topic in all_topics() if cloud_events.is_described(topic.name)] == [
        topic.name for topic in all_topics() if topic.public
    ]


def test_a_source_is_a_uri_reference() -> None:
    assert re.fullmatch(r"(/[A-Za-z0-9._-]+)+", headers(EVENTS, event())["ce_source"])


def test_the_patterns_know_the_ids_of_the_locked_schemas() -> None:
    lock = {subject: codec.latest(subject).id for subject in ("event", "problem")}
    assert lock == {"event": 11, "problem": 2}
    assert cloud_events._EVENT(codec.encode_record(event()))
    assert cloud_events._PROBLEM(codec.encode_record(a_problem()))
