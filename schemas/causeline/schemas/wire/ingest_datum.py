"""A short cut for the record that the ingest log is full of: a create without idempotency key, signal or correlation id.

Why: every event passes the processors once, and the general Avro decoder costs three times as much as these few slices. What the short
cut does not recognize byte for byte, it leaves to the general decoder; `codec.decode_ingest` puts the two together, and a property
test holds them equal. It must change together with `avro/ingest.v*.avsc`: the layout of version 1 (schema id 3) is spelled out here.
Version 2 adds fields behind it that a plain create does not have, so such a record is still written under version 1.
"""

from typing import Final

from causeline.schemas.records.ingest import IngestRecord

FRAME: Final = b"\x00\x00\x00\x00\x03"
FRAME_2: Final = b"\x00\x00\x00\x00\x07"
"""Version 2 of the schema: the fields of a request's key follow those of version 1."""
_CREATE: Final = FRAME + b"\x0ccreate"
_TENANT: Final = len(_CREATE) + 1
_UUID: Final = 72  # the Avro length of 36 characters
_MULTIBYTE: Final = 0x80
_NOT_SHORT: Final = _MULTIBYTE | 1  # a length below 64: one byte, and even, for a length is never negative
_CONTINUED: Final = 0x808080808080
_DATED: Final = 0x008080808080  # five bytes that go on and a sixth that ends: every time of the years 1972 to 2039
_MAX_SHIFT: Final = 28  # five bytes tell any length that a broker takes
PLAIN: Final = b"\x00\x00\x00\x01\x00\x00\x00\x00"
"""The eight fields from `dedup_key` to `timeout_ms`, all at their defaults (a `base_ts` of -1 is 1 in zigzag)."""


def plain_create(framed: bytes) -> IngestRecord | None:
    """Return the record where the bytes are a plain create in its usual form, None where the general decoder has to look.

    Raises UnicodeDecodeError where a text is not UTF-8, IndexError where the bytes end too early.
    """
    if not framed.startswith(_CREATE) or framed[_TENANT - 1] & _NOT_SHORT:
        return None
    at = _TENANT + (framed[_TENANT - 1] >> 1)
    tenant = framed[_TENANT:at]
    if framed[at] != _UUID or framed[at + 37] != _UUID:
        return None
    event_id = framed[at + 1 : at + 37]
    record_id = framed[at + 38 : at + 74]
    at += 80
    packed = int.from_bytes(framed[at - 6 : at], "little")
    if packed & _CONTINUED != _DATED or framed[at : at + 8] != PLAIN:
        return None
    # Seven bits a byte, then zigzag; the sign bit is the lowest one.
    packed = (packed & 0x007F007F007F) | ((packed & 0x7F007F007F00) >> 1)
    zigzag = (packed & 0x3FFF) | ((packed >> 2) & 0xFFFC000) | ((packed >> 4) & 0x3FFF0000000)
    at += 8
    size, shift = 0, 0
    while framed[at] & _MULTIBYTE and shift < _MAX_SHIFT:
        size |= (framed[at] & 0x7F) << shift
        shift += 7
        at += 1
    size |= framed[at] << shift
    event = framed[at + 1 :]
    if zigzag & 1 or size != len(event) << 1:
        return None
    record = record_id.decode()
    own = event_id.decode()
    return IngestRecord(op="create", tenant=tenant.decode(), id=own, record_id=record, ingest_ts=zigzag >> 1, event=event)
