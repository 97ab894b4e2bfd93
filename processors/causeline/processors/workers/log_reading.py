"""Which records of the log belong to a subscription, and how far one step of reading goes. The adapter fetches, this decides.

A step ends where its report is full enough, or where enough was looked at: one subscription must not hold a worker for long.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from causeline.schemas.records.delivery_work import MAX_FOUND, MAX_FOUND_BYTES, DeliveryMessage, Notification, decode_message
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import takes_event, takes_problem
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.wire import codec

MAX_REFILL_SCANNED: Final = 50_000
MAX_BACKFILL_SCANNED: Final = 20_000
LATE_MS: Final = 60_000
"""The broker's timestamps and the processors' times may differ by as much: what is older by the log may still belong to the past."""
OVERLAP_MS: Final = 5_000
"""A rule is made a little before every partition knows it, and servers' clocks differ a little. What arrived in between is told as of the
past too: some of it is told twice, under one id, and none of it is left out."""


class ScanStep:
    """What one step has found so far, and whether it is to end."""

    def __init__(self, max_scanned: int) -> None:
        self.notifications: list[Notification] = []
        self._scan_count = 0
        self._bytes = 0
        self._max_scanned = max_scanned
        self._has_overflown = False

    def take(self, notification: Notification | None) -> bool:
        """Count one record that was looked at, and keep what belongs to the subscription. Tell whether there was room for it."""
        size = len(notification.record) if notification is not None else 0
        if self.notifications and self._bytes + size > MAX_FOUND_BYTES:
            self._has_overflown = True
            return False
        self._scan_count += 1
        if notification is not None:
            self.notifications.append(notification)
            self._bytes += size
        return True

    def full(self) -> bool:
        """Tell whether the step ends here."""
        is_full = len(self.notifications) >= MAX_FOUND or self._bytes >= MAX_FOUND_BYTES
        return is_full or self._has_overflown or self._scan_count >= self._max_scanned


def told_to(value: bytes, subscription: str) -> Notification | None:
    """Return the notification for one subscription that a record of `causeline.deliveries` holds, None where there is none."""
    try:
        message: DeliveryMessage = decode_message(value)
    except msgspec.DecodeError:
        return None
    if not isinstance(message, Notification) or subscription not in message.subscriptions:
        return None
    return msgspec.structs.replace(message, subscriptions=(subscription,))


def from_before(frame: bytes, kind: type[Event] | type[Problem], rule: Rule, at: int) -> Notification | None:
    """Return what a public record from before the subscription tells it, None where it does not match. `at` is now, ms UTC.

    Public records are written once their input is: the record's own time is the newest arrival behind it (`updated_ts`, `at`).
    """
    try:
        record: Event | Problem = codec.decode_record(frame, Event) if kind is Event else codec.decode_record(frame, Problem)
    except codec.CodecError:
        return None
    received_at = record.updated_ts if isinstance(record, Event) else record.at
    if rule.start_from is None or not rule.start_from <= received_at < rule.created_at + OVERLAP_MS:
        return None
    if not (takes_event(rule, record) if isinstance(record, Event) else takes_problem(rule, record)):
        return None
    return Notification(
        subscriptions=(rule.id,),
        what="event" if isinstance(record, Event) else "problem",
        entity=record.id,
        version=record.version,
        record=frame,
        received=received_at,
        at=at,
    )


def cursor_text(positions: Mapping[str, Mapping[int, int]]) -> str:
    """Return the text of the next offsets to read, by topic and partition."""
    return msgspec.json.encode(positions).decode()


def positions_of(cursor: str) -> dict[str, dict[int, int]]:
    """Return what `cursor_text` was given. Raises msgspec.DecodeError."""
    return msgspec.json.decode(cursor, type=dict[str, dict[int, int]])
