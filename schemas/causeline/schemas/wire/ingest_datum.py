"""A short cut for the record that the ingest log is full of: a create without idempotency key, signal or correlation id.

Why: every event passes the processors once, and the general Avro decoder costs three times as much as these few slices. What the short
cut does not recognize byte for byte, it leaves to the general decoder; `codec.decode_ingest` puts the two together, and a property
test holds them equal. It knows version 1 of `avro/ingest.v*.avsc`: later versions add fields that a plain create does not have, so such a
record is still written under version 1, and what is written under another version is not taken for it.
"""

from collections.abc import Callable
from typing import Any, Final

from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.wire.locked import LockedSchema, schema_of
from causeline.schemas.wire.longs import long

_FIRST: Final = ("op", "tenant", "id", "record_id", "ingest_ts")
_LAST: Final = "event"
_SCHEMA: Final = schema_of("ingest", 1)
FRAME: Final = _SCHEMA.frame
FRAME_2: Final = schema_of("ingest", 2).frame
"""Version 2 of the schema: the fields of a request's key follow those of version 1."""
FRAME_3: Final = schema_of("ingest", 3).frame
"""Version 3 of the schema: the service of a patch's base follows those of version 2."""
_UUID: Final = 72  # the Avro length of 36 characters
_MULTIBYTE: Final = 0x80
_NOT_SHORT: Final = _MULTIBYTE | 1  # a length below 64: one byte, and even, for a length is never negative
_CONTINUED: Final = 0x808080808080
_DATED: Final = 0x008080808080  # five bytes that go on and a sixth that ends: every time of the years 1972 to 2039
_MAX_SHIFT: Final = 28  # five bytes tell any length that a broker takes


def plain_part(schema: LockedSchema) -> bytes:
    """Return what stands between the arrival and the event of a plain create: every field there at its default.

    Raises ValueError where the schema begins or ends with other fields than the short cut reads, KeyError for a field without a default.
    """
    fields: list[dict[str, Any]] = schema.definition["fields"]
    names = [field["name"] for field in fields]
    if (*names[: len(_FIRST)], names[-1]) != (*_FIRST, _LAST):
        raise ValueError(f"{schema.subject} v{schema.version} is not {', '.join(_FIRST)}, fields with defaults, {_LAST}")
    return b"".join(_default(field["default"]) for field in fields[len(_FIRST) : -1])


def _default(value: str | int) -> bytes:
    return long(len(value.encode())) + value.encode() if isinstance(value, str) else long(value)


PLAIN: Final = plain_part(_SCHEMA)


def short_cut(schema: LockedSchema) -> Callable[[bytes], IngestRecord | None]:
    """Return the short cut for a schema, see `plain_create`. Raises like `plain_part`."""
    create = schema.frame + _default("create")
    tenant_at = len(create) + 1
    plain = plain_part(schema)
    plain_size = len(plain)

    def read(value: bytes) -> IngestRecord | None:
        if not value.startswith(create) or value[tenant_at - 1] & _NOT_SHORT:
            return None
        at = tenant_at + (value[tenant_at - 1] >> 1)
        tenant = value[tenant_at:at]
        if value[at] != _UUID or value[at + 37] != _UUID:
            return None
        event_id = value[at + 1 : at + 37]
        record_id = value[at + 38 : at + 74]
        at += 80
        bits = int.from_bytes(value[at - 6 : at], "little")
        if bits & _CONTINUED != _DATED or not value.startswith(plain, at):
            return None
        # Seven bits a byte, then zigzag; the sign bit is the lowest one.
        bits = (bits & 0x007F007F007F) | ((bits & 0x7F007F007F00) >> 1)
        zigzag = (bits & 0x3FFF) | ((bits >> 2) & 0xFFFC000) | ((bits >> 4) & 0x3FFF0000000)
        at += plain_size
        size, shift = 0, 0
        while value[at] & _MULTIBYTE and shift < _MAX_SHIFT:
            size |= (value[at] & 0x7F) << shift
            shift += 7
            at += 1
        size |= value[at] << shift
        event = value[at + 1 :]
        if zigzag & 1 or size != len(event) << 1:
            return None
        own = event_id.decode()
        record = record_id.decode()
        return IngestRecord(op="create", tenant=tenant.decode(), id=own, record_id=record, ingest_ts=zigzag >> 1, event=event)

    return read


plain_create: Final = short_cut(_SCHEMA)
"""Return the record where the bytes are a plain create in its usual form, None where the general decoder has to look.

Raises UnicodeDecodeError where a text is not UTF-8, IndexError where the bytes end too early.
"""
