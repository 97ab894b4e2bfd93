from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from causeline.processors.dead_letters.letters import (
    Accepted,
    LetterFilter,
    LetterPosition,
    LetterRecord,
    Refused,
    contents,
    decide_retry,
    mark,
    mark_key,
    position_of,
)
from causeline.schemas.records.config import RETRIED, ConfigView
from causeline.schemas.records.delivery_work import Notification, delivery_id, encode_delivery_work
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.topics import DELIVERIES, EVENTS, INGEST, PROBLEMS
from causeline.schemas.wire import codec
from tests.partition_log import HOUR, MINUTE, T0, Partition, create, delete, event, patch, push, tick, uuid

WRITTEN = T0 + MINUTE
LATE = T0 + 10 * HOUR
WINDOW = HOUR
PLAIN = codec.encode_record(create(event(1), T0))
KEYED = codec.encode_record(create(event(2), T0, dedup_key=uuid(2), fingerprint=7))
NEWER_OP = codec.encode_record(IngestRecord(op="explode", ingest_ts=T0))  # type: ignore[arg-type] # a later version's op


GAVE_UP = Notification(
    subscriptions=("s1",), what="event", entity=uuid(1), version=1, record=codec.encode_record(event(1)), received=T0, at=T0
)


def entry(value: bytes = PLAIN, reason: str = "undecodable", topic: str = INGEST, **columns: Any) -> LetterRecord:
    letter_fields = {"detail": "why", "tenant": "acme", "id": "i", "at": T0, "partition": 3, "offset": 7, "key": b"key"} | columns
    letter = DeadLetter(reason=reason, topic=topic, value=value, **letter_fields)  # type: ignore[arg-type] # any text may come
    return LetterRecord(LetterPosition(0, 17), WRITTEN, letter)


def verdict(letter_record: LetterRecord, now: int = LATE, marks: Mapping[str, int] | None = None) -> str:
    """Return `accepted`, or the reason of the refusal."""
    outcome = decide_retry(letter_record, marks or {}, now, WINDOW)
    return outcome.reason if isinstance(outcome, Refused) else "accepted"


@pytest.mark.parametrize(
    ("asked", "expected", "why"),
    [
        (entry(PLAIN), "accepted", "an upgrade taught the processors to read it"),
        (entry(PLAIN, "unknown_op"), "accepted", "an upgrade brought the op"),
        (entry(KEYED), "accepted", "its key was forgotten long ago"),
        (entry(codec.encode_record(push(4, T0))), "accepted", "a push opens or refreshes a problem, whatever came since"),
        (entry(b"not Avro"), "set_aside_again", "this version cannot read it either"),
        (entry(b""), "set_aside_again", "nor nothing at all"),
        (entry(NEWER_OP, "unknown_op"), "set_aside_again", "this version does not know the op either"),
        (entry(codec.encode_record(create(event(1), 1 << 60))), "set_aside_again", "a time out of this world stays one"),
        (
            entry(codec.encode_record(IngestRecord(op="create", ingest_ts=T0, id="i", event=PLAIN))),
            "set_aside_again",
            "it carries no event",
        ),
        (entry(codec.encode_record(create(event(1), T0, dedup_key="k"))), "set_aside_again", "its key is no UUID"),
        (entry(codec.encode_record(patch(event(1), T0, {"title": "x"}))), "stale_change", "other versions may have come"),
        (entry(codec.encode_record(patch(event(1), T0, {"title": "x"})), "patch_failed"), "stale_change", "other versions may have come"),
        (entry(codec.encode_record(delete(event(1), T0)), "unknown_op"), "stale_change", "other versions may have come"),
        (entry(PLAIN, "processing_failed"), "accepted", "a fault of ours that this version no longer has"),
        (entry(encode_delivery_work(GAVE_UP), "processing_failed", DELIVERIES), "told_elsewhere", "no ingest record"),
        (entry(codec.encode_record(tick(T0))), "only_time", "time has gone on"),
        (entry(PLAIN, "idempotency_conflict"), "first_wins", "the first record of a key holds"),
        (entry(PLAIN, "event_deleted"), "event_deleted", "what is deleted stays deleted"),
        (entry(PLAIN, "too_large"), "too_large", "no retry makes it smaller"),
        (entry(codec.encode_record(event(1)), "row_refused", EVENTS), "needs_rebuild", "consumers have it already"),
        (entry(b"not Avro", "undecodable", PROBLEMS), "needs_rebuild", "consumers have it already"),
        (
            entry(encode_delivery_work(GAVE_UP), "delivery_failed", DELIVERIES),
            "told_elsewhere",
            "the server knows whether it has gone since",
        ),
        (entry(b"\xff", "delivery_failed", DELIVERIES), "told_elsewhere", "whatever it is, no ingest record"),
        (entry(PLAIN, "of_a_later_version"), "accepted", "the record decides, not a reason that nobody knows here"),
        (LetterRecord(LetterPosition(0, 17), WRITTEN, None), "not_a_dead_letter", "somebody else wrote on the topic"),
    ],
)
def test_a_letter_may_go_again_only_where_it_helps_and_harms_nothing(asked: LetterRecord, expected: str, why: str) -> None:
    assert verdict(asked) == expected, why


@pytest.mark.parametrize(
    ("after", "expected"),
    [(0, "within_dedup_window"), (HOUR, "within_dedup_window"), (HOUR + MINUTE - 1, "within_dedup_window"), (HOUR + MINUTE, "accepted")],
)
def test_a_record_with_an_idempotency_key_waits_until_the_key_is_forgotten(after: int, expected: str) -> None:
    assert verdict(entry(KEYED), T0 + after) == expected
    assert verdict(entry(PLAIN), T0 + after) == "accepted"


@pytest.mark.parametrize("partition", [0, 3])
def test_a_record_is_rehearsed_to_its_end_wherever_it_lay_and_its_problem_lies(partition: int) -> None:
    large = codec.encode_record(event(5, kind="incident", text="x" * (8 << 20)))
    push_record = msgspec.structs.replace(push(5, T0, dedup_key=uuid(5), fingerprint=1), event=large)
    assert verdict(entry(codec.encode_record(push_record), "processing_failed", partition=partition)) == "set_aside_again"


def test_until_a_key_is_forgotten_its_record_is_dropped_and_then_it_is_taken() -> None:
    partition = Partition()
    unread = create(event(2), T0, dedup_key=uuid(2), fingerprint=7, signal="")
    unreadable = msgspec.structs.replace(unread, event=b"\x00\x00\x00\x00\xff")
    assert [letter.reason for letter in partition.feed(unreadable).letters] == ["undecodable"]
    assert partition.feed(tick(T0 + HOUR), unread).events == []
    assert [row.id for row in partition.feed(tick(T0 + HOUR + MINUTE), unread).events] == [uuid(2)]


def test_a_stale_patch_is_set_aside_again_once_its_event_is_forgotten() -> None:
    partition = Partition()
    first = event(1)
    failed = msgspec.structs.replace(patch(first, T0 + 2, {"owner": "b"}), patch="[]")
    rows = partition.feed(create(first, T0), patch(first, T0 + 1, {"title": "a"}), failed)
    assert ([row.version for row in rows.events], [letter.reason for letter in rows.letters]) == ([1, 2], ["patch_failed"])
    again = partition.feed(tick(T0 + HOUR), failed)
    assert ([row.version for row in again.events], [letter.reason for letter in again.letters]) == ([], ["patch_failed"])


def test_a_letter_that_was_retried_is_refused_and_told_when() -> None:
    assert decide_retry(entry(), {"0:17@" + str(WRITTEN): T0}, LATE, WINDOW) == Refused(
        "already_retried", "it was retried at 2026-09-21T14:13:20.000Z"
    )


def test_a_mark_does_not_hold_for_another_letter_at_the_same_position() -> None:
    assert verdict(entry(), marks={f"0:17@{WRITTEN - 1}": T0}) == "accepted"


def test_a_mark_says_what_went_again_and_servers_do_not_keep_it() -> None:
    letter_record = entry()
    assert letter_record.letter is not None
    record = mark(letter_record, letter_record.letter, LATE)
    assert (record.kind, record.key, record.at) == (RETRIED, mark_key(letter_record), LATE)
    assert msgspec.json.decode(record.value) == {"reason": "undecodable", "source": "causeline.ingest:3:7"}
    view = ConfigView()
    view.apply(record)
    assert view.all(RETRIED) == {}


def test_what_is_accepted_is_the_letter_as_it_lay() -> None:
    letter_record = entry()
    assert letter_record.letter is not None
    assert decide_retry(letter_record, {}, LATE, WINDOW) == Accepted(letter_record.letter)


@pytest.mark.parametrize("text", ["", "7", "0:", ":1", "a:1", "0:-1", "0:1:2", "٣:1", "0: 1"])
def test_a_position_is_partition_colon_offset(text: str) -> None:
    with pytest.raises(ValueError, match="is not a position such as 0:17"):
        position_of(text)


def test_a_position_reads_as_it_is_shown() -> None:
    assert position_of(str(LetterPosition(3, 1 << 40))) == LetterPosition(3, 1 << 40)


@pytest.mark.parametrize(
    ("wanted", "is_taken"),
    [
        (LetterFilter(), True),
        (LetterFilter("undecodable", INGEST, WRITTEN), True),
        (LetterFilter("unknown_op"), False),
        (LetterFilter(topic=EVENTS), False),
        (LetterFilter(since=WRITTEN + 1), False),
    ],
)
def test_letters_are_chosen_by_reason_topic_and_time(wanted: LetterFilter, *, is_taken: bool) -> None:
    assert wanted.takes(entry()) is is_taken


def test_a_record_is_shown_with_the_event_inside_it() -> None:
    letter = entry().letter
    assert letter is not None
    view = contents(letter)
    assert view is not None
    assert (view["op"], view["event"]["title"], view["event"]["id"]) == ("create", "t", uuid(1))


def test_a_delivery_that_was_given_up_is_shown_with_its_event_and_with_the_command_that_begins_it_again() -> None:
    letter_record = entry(encode_delivery_work(GAVE_UP), "delivery_failed", DELIVERIES)
    retry_id = delivery_id("s1", "event", uuid(1), 1)
    assert letter_record.letter is not None
    view = contents(letter_record.letter)
    assert view is not None
    assert (view["subscriptions"], view["delivery_id"], view["record"]["title"]) == (("s1",), retry_id, "t")
    outcome = decide_retry(letter_record, {}, LATE, WINDOW)
    assert isinstance(outcome, Refused)
    assert outcome.advice == f"it begins again by `causeline deliveries retry {retry_id}`"


def test_a_repeated_delivery_that_was_given_up_again_keeps_its_id() -> None:
    again = entry(
        encode_delivery_work(msgspec.structs.replace(GAVE_UP, delivery_id="msg_first", what="test", record=b"")),
        "delivery_failed",
        DELIVERIES,
    )
    assert again.letter is not None
    view = contents(again.letter)
    assert view is not None
    assert (view["delivery_id"], view["record"]) == ("msg_first", None)
