"""Dead letters as an operator sees them: what they hold, which are meant, and which of them may be appended to the ingest log again.

Pure. A record may go again only where that cannot harm what came after it, and only where it would fare better now:

- it was not retried before, and it comes from `causeline.ingest`: a record of a public topic was seen by every consumer already, and a
  delivery that died is begun again by the server (`redelivery.py`), which knows whether it has gone since;
- it is a create, a push or a signal. A patch or a delete names the version that its writer saw, and the processors know only events that
  changed lately: a stale one would make a version a second time. Its client sends it again, on the newest version;
- this version's processors take it: it is rehearsed on an empty state (`ProcessorLogic.fold`), which has no effect;
- its idempotency key is forgotten. A record that was set aside may have left its key, and a repeat of it would be dropped.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from causeline.processors.events.dedup import Dedup
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.events.settings import ProcessorSettings
from causeline.processors.runtime.poison import describe_fault
from causeline.processors.runtime.ports import Input
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.config import RETRIED, ConfigRecord, config_record
from causeline.schemas.records.delivery_work import Notification, decode_message, delivery_id
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason, IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES, INGEST
from causeline.schemas.values.times import rfc3339
from causeline.schemas.wire import codec

RefusalReason = Literal[
    "not_a_dead_letter",
    "already_retried",
    "first_wins",
    "event_deleted",
    "too_large",
    "stale_change",
    "needs_rebuild",
    "set_aside_again",
    "only_time",
    "within_dedup_window",
    "told_elsewhere",
    "event_stored",
]

_NEVER: Final[Mapping[DeadLetterReason, tuple[RefusalReason, str]]] = {
    "idempotency_conflict": ("first_wins", "the first record with its idempotency key holds; send it under a new key"),
    "event_deleted": ("event_deleted", "its event was deleted; create a new event"),
    "too_large": ("too_large", "it is larger than its topic takes, however often it is tried; send it smaller"),
    "row_refused": ("needs_rebuild", "consumers have read it already; mend the cause, then `causeline rebuild --apply`"),
    "delivery_failed": ("told_elsewhere", "see `causeline deliveries list --outcome dead`"),
    "patch_failed": ("stale_change", "other changes may have come since; send the change again through the API, on the newest version"),
}
_TO_DELIVERIES: Final[tuple[RefusalReason, str]] = (
    "told_elsewhere",
    "it only tells the delivery state something, and which events there are does not depend on it",
)


class LetterPosition(NamedTuple):
    """Where a dead letter lies on `causeline.dead-letters`; as text `partition:offset`."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


class LetterRecord(NamedTuple):
    """One record of `causeline.dead-letters`: when it was written (ms UTC), and its letter, None where it is not one."""

    position: LetterPosition
    written_at: int
    letter: DeadLetter | None


class LetterFilter(NamedTuple):
    """Which dead letters are meant; an empty text is any. `since` (ms UTC) is compared with when they were written."""

    reason: str = ""
    topic: str = ""
    since: int = 0

    def takes(self, entry: LetterRecord) -> bool:
        """Return whether an entry is meant."""
        letter = entry.letter
        if letter is None:
            return not (self.reason or self.topic) and entry.written_at >= self.since
        return self.reason in {"", letter.reason} and self.topic in {"", letter.topic} and entry.written_at >= self.since


class Accepted(NamedTuple):
    """The record may be appended again."""

    letter: DeadLetter


class Refused(NamedTuple):
    """It may not; `advice` says in words why, and what to do instead."""

    reason: RefusalReason
    advice: str


Marks = Mapping[str, int]
"""When (ms UTC) which letters were retried, by `mark_key`."""


def position_of(text: str) -> LetterPosition:
    """Return the position of a text `partition:offset`. Raises ValueError that shows the form."""
    partition, colon, offset = text.partition(":")
    if not (colon and partition.isascii() and partition.isdigit() and offset.isascii() and offset.isdigit()):
        raise ValueError(f"{text!r} is not a position such as 0:17 (partition:offset, see `causeline dlq list`)")
    return LetterPosition(int(partition), int(offset))


def mark_key(entry: LetterRecord) -> str:
    """Return under which key the configuration remembers a retry. With the time: a topic that was made anew counts from 0 again."""
    return f"{entry.position}@{entry.written_at}"


def mark(entry: LetterRecord, letter: DeadLetter, now: int) -> ConfigRecord:
    """Return the record that says that a letter was retried at `now` (ms UTC)."""
    source = f"{letter.topic}:{letter.partition}:{letter.offset}"
    return config_record(RETRIED, mark_key(entry), {"reason": letter.reason, "source": source}, now)


def decide_retry(entry: LetterRecord, marks: Marks, now: int, window_ms: int) -> Accepted | Refused:
    """Say whether a letter may go again at `now` (ms UTC), where idempotency keys are known for `window_ms`."""
    letter = entry.letter
    if letter is None:
        return Refused("not_a_dead_letter", "it is not a dead letter; see its bytes with `causeline dlq show`")
    if (retried_at := marks.get(mark_key(entry))) is not None:
        return Refused("already_retried", f"it was retried at {rfc3339(retried_at)}")
    if (notification := notification_in(letter)) is not None:
        return Refused("told_elsewhere", f"it begins again by `causeline deliveries retry {delivery_of(notification)}`")
    if (never := _NEVER.get(letter.reason)) is not None:
        return Refused(*never)
    if letter.topic != INGEST:
        return Refused(*(_TO_DELIVERIES if letter.topic == DELIVERIES else _NEVER["row_refused"]))
    return _again(letter, now, window_ms)


def _again(letter: DeadLetter, now: int, window_ms: int) -> Accepted | Refused:
    try:
        record = codec.decode_ingest(letter.value)
    except codec.CodecError as error:
        return _as_before(letter.reason, str(error))
    if (refusal := _refusal_of(letter, record)) is not None:
        return refusal
    if (set_aside := _rehearse(letter)) is not None:
        return _as_before(set_aside.reason, set_aside.detail)
    free_at = letter.at + window_ms + Dedup(window_ms).width
    if (record.dedup_key or record.request_key) and now < free_at:
        return Refused(
            "within_dedup_window", f"its idempotency key may be known until {rfc3339(free_at)}, so it would be dropped; retry then"
        )
    return Accepted(letter)


def _refusal_of(letter: DeadLetter, record: IngestRecord) -> Refused | None:
    """Return why a record may not go again, whatever this version makes of it."""
    if record.op == "tick":
        return Refused("only_time", "it carries only a time that has passed; nothing is missing")
    if letter.reason == "too_many_open" and record.op != "push":
        return Refused("event_stored", "its event is stored and opened no problem; close others, then send what opens it as a new event")
    return Refused(*_NEVER["patch_failed"]) if record.op in {"patch", "delete"} else None


def _as_before(reason: str, detail: str) -> Refused:
    return Refused("set_aside_again", f"this version would set it aside again ({reason}: {detail[:200]}); upgrade first, else send it anew")


def _rehearse(letter: DeadLetter) -> DeadLetter | None:
    """Return the dead letter that this version's processors would make of the record, None where they take it."""
    # The only partition that there is: elsewhere a keyed record would be passed on, and not be rehearsed to its end.
    logic = ProcessorLogic(0, DIALECTS.merge, ProcessorSettings())
    source = Input(letter.partition, letter.offset, letter.key, letter.value)
    try:
        round_ = logic.fold([source])
    except Exception as fault:  # noqa: BLE001 - the same fault of ours that set it aside, or another one
        round_ = logic.set_aside(source, describe_fault(fault))
    letters = [codec.decode_record(out.value, DeadLetter) for out in round_.out if out.topic == DEAD_LETTERS and out.value is not None]
    return letters[0] if letters else None


def contents(letter: DeadLetter) -> dict[str, Any] | None:
    """Return the record inside a letter as JSON values (the event inside a record likewise), None where it does not decode."""
    if (notification := notification_in(letter)) is not None:
        inner_record = _decode(notification.record)
        fields: dict[str, Any] = msgspec.to_builtins(notification)
        inner_document = fields.get("record") if inner_record is None else msgspec.to_builtins(inner_record)
        return fields | {"delivery_id": delivery_of(notification), "record": inner_document}
    record = _decode(letter.value)
    if record is None:
        return None
    document: dict[str, Any] = msgspec.to_builtins(record)
    if isinstance(record, IngestRecord) and record.event:
        event = _decode(record.event)
        document["event"] = document["event"] if event is None else msgspec.to_builtins(event)
    return document


def notification_in(letter: DeadLetter) -> Notification | None:
    """Return the notification that a delivery gave up on, None in any other letter. It names one subscription."""
    if letter.reason != "delivery_failed" or letter.topic != DELIVERIES:
        return None
    try:
        message = decode_message(letter.value)
    except msgspec.DecodeError:
        return None
    return message if isinstance(message, Notification) and message.subscriptions else None


def delivery_of(notification: Notification) -> str:
    """Return the id of the delivery that a notification of one subscription is."""
    derived_id = delivery_id(notification.subscriptions[0], notification.what, notification.entity, notification.version)
    return notification.delivery_id or derived_id


def _decode(frame: bytes) -> Event | Problem | CauseRevision | IngestRecord | None:
    try:
        subject = codec.registry()[codec.schema_id_of(frame)].subject
        if subject == "event":
            return codec.decode_record(frame, Event)
        if subject == "problem":
            return codec.decode_record(frame, Problem)
        if subject == "causes":
            return codec.decode_record(frame, CauseRevision)
        return codec.decode_record(frame, IngestRecord) if subject == "ingest" else None
    except codec.CodecError:
        return None
