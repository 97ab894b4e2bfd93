"""Records that cannot be processed, and events that their topic does not take: they are set aside as dead letters."""

from typing import Final

from causeline.processors.runtime.ports import Input
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, DeadLetterReason, IngestRecord
from causeline.schemas.topics import INGEST
from causeline.schemas.wire import codec

MAX_OUTPUT_BYTES: Final = (8 << 20) - (64 << 10)
"""What `causeline.events` takes (8 MiB), less room for the batch's frame and for the fields that a later version adds."""
_MAX_DETAIL: Final = 500


class SetAside(Exception):
    """A record that cannot be processed, with its reason."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: DeadLetterReason = reason
        self.detail = detail


def dead_letter(source: Input, reason: DeadLetterReason, detail: str, record: IngestRecord | None, now: int) -> DeadLetter:
    """Return the dead letter of an input, with its original bytes; `record` is what could be read of it, `now` task time (ms UTC)."""
    return DeadLetter(
        reason=reason,
        detail=detail[:_MAX_DETAIL],
        tenant=record.tenant if record else "",
        id=record.id if record else "",
        at=now,
        topic=INGEST,
        partition=source.partition,
        offset=source.offset,
        key=source.key,
        value=source.value,
    )


def frame_event(event: Event) -> bytes:
    """Return a changed event's bytes. Raises SetAside where a change made it no event, or one that is too large."""
    try:
        frame = codec.encode_record(event)
    except (ValueError, TypeError, OverflowError) as error:
        raise SetAside("patch_failed", f"the changed event cannot be written: {error}") from error
    return fitting(frame)


def fitting(frame: bytes) -> bytes:
    """Return an event's bytes where its topic takes them. Raises SetAside where it does not."""
    if len(frame) > MAX_OUTPUT_BYTES:
        raise SetAside("too_large", f"{len(frame)} bytes, and {MAX_OUTPUT_BYTES} are the most")
    return frame
