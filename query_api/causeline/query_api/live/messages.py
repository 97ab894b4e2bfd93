"""From a record of the log to a message of a stream: decoded once, shown once, whoever gets it. Pure."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from causeline.query_api.live import sse
from causeline.query_api.live.positions import LogRecord, Positions, Topics, format_positions
from causeline.query_api.live.problem_past import TransitionKey
from causeline.query_api.live.question import StreamFilter
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topics import CAUSES, EVENTS, PROBLEMS
from causeline.schemas.wire.codec import CodecError, decode_record, head_of

MessageKind = Literal["event", "problem", "causes", "gap"]
StreamRecord = Event | Problem | CauseRevision


class StreamMessage(NamedTuple):
    """One message as it goes to clients."""

    kind: MessageKind
    data: bytes


def tenant_of_record(record: LogRecord) -> str:
    """Return whose record it is, without decoding the rest; '' where it cannot be read, which no tenant is called."""
    try:
        return head_of(record.value).tenant
    except CodecError:
        return ""


def row_of(record: LogRecord) -> StreamRecord | None:
    """Return the event, problem or ranking of a record; None where it cannot be read: the sink sets it aside and says so."""
    try:
        if record.partition.topic == CAUSES:
            return decode_record(record.value, CauseRevision)
        return decode_record(record.value, Event) if record.partition.topic == EVENTS else decode_record(record.value, Problem)
    except CodecError:
        return None


def transition_of(record: LogRecord) -> TransitionKey | None:
    """Return tenant, id and version of a record of a problem, None of any other one."""
    if record.partition.topic != PROBLEMS:
        return None
    try:
        return head_of(record.value)[:3]
    except CodecError:
        return None


def is_wanted(row: StreamRecord, where: StreamFilter, before: Sequence[Problem] = ()) -> bool:
    """Say whether a stream shows the row; `before` is how a problem looked in earlier versions."""
    match row:
        case Event():
            return where.event(row)
        case Problem():
            return where.problem(row, before)
        case CauseRevision():
            return where.ranking(row)


def message_of(row: StreamRecord, place: Positions, topics: Topics) -> StreamMessage:
    """Return the message of a row, for those who follow these topics; `place` is behind its record."""
    place_text = format_positions(place, topics)
    match row:
        case Event():
            return StreamMessage("event", sse.event_message(row, place_text))
        case Problem():
            return StreamMessage("problem", sse.problem_message(row, place_text))
        case CauseRevision():
            return StreamMessage("causes", sse.ranking_message(row, place_text))
