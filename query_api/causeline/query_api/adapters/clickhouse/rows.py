"""Rows of events as the engine gives them: the key, and `record`, which holds the rest in one text (`clickhouse/0009_events_by_time.sql`).

A page of a hundred events is a hundred keys and texts that nobody unpacks on the way: the engine neither reads nor formats 36 columns. They
come as RowBinary, since a text that holds JSON would be escaped once more on its way as JSON.
"""

from typing import Any, Final

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec


class _Count(msgspec.Struct):
    n: int


COUNTS: Final = msgspec.json.Decoder(_Count)
"""Rows of one number, `n`."""

_BESIDE: Final = {"tenant": "", "id": "", "ts": 0, "raw": ""}
"""The fields that lie beside the array, and what stands for them until they are set."""
_TYPES: Final = {field.name: field.type for field in msgspec.structs.fields(Event)}
_DEFAULTS: Final = {name: getattr(Event(tenant="", id="", dialect="", kind="", ts=0, ingest_ts=0, updated_ts=0), name) for name in _TYPES}
_ARRAY: Final = tuple(field["name"] for field in codec.latest("event").definition["fields"] if field["name"] not in _BESIDE)
"""The fields of the array that `record` begins with, in their order. One that was added later is absent from older rows."""

_PACKED: Final = msgspec.json.Decoder(
    msgspec.defstruct(
        "PackedEvent",
        [(name, _TYPES[name], msgspec.field(default_factory=type(value)) if isinstance(value := _DEFAULTS[name], (list, dict)) else value)
         for name in _ARRAY] + [(name, _TYPES[name], value) for name, value in _BESIDE.items()],
        array_like=True,
    )
)  # fmt: skip


class EventRows:
    """Decodes rows of tenant, id, ts (ms) and record in RowBinary (a text is its length as an unsigned LEB128 and its bytes)."""

    def decode_lines(self, data: bytes) -> list[Event]:
        """Return the events. Raises msgspec.DecodeError where a record is not what the view packs."""
        events: list[Event] = []
        at, end = 0, len(data)
        while at < end:
            tenant, at = _text(data, at)
            event_id, at = _text(data, at)
            ts = int.from_bytes(data[at : at + 8], "little", signed=True)
            record, at = _text(data, at + 8)
            array, _, raw = record.partition(b"\n")
            fields: Any = _PACKED.decode(array)
            fields.tenant, fields.id, fields.ts, fields.raw = tenant.decode(), event_id.decode(), ts, raw.decode()
            events.append(msgspec.convert(fields, Event, from_attributes=True))
        return events


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    """Return the text that begins at a place, and where it ends."""
    size = shift = 0
    while (byte := data[at]) & 0x80:
        size |= (byte & 0x7F) << shift
        shift += 7
        at += 1
    size |= byte << shift
    return data[at + 1 : at + 1 + size], at + 1 + size
