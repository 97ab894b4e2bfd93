"""A record with a key: decided where the key lies, and what it says of a problem forwarded to where the problem lies.

`IngestRecord.key` says which state a record meets first. What it concerns beyond that, it reaches as a record of its own, which the
processors write to `causeline.ingest` in the transaction of the decision (so it exists exactly if the decision holds, and once):

    a request's record with a key of its own   the same record without the request's key   to the partition of its own key
    a new event that signals                   op `signal`: the envelope without keys      to the partition of its correlation id
    a push                                     the same push without keys                  to the partition of its correlation id

Each of these has fewer keys than the one before it, so there are at most two such steps. A partition that is the next one as well decides
at once. So it is with records of before 2026-11-28 too, which lie by their correlation id: all that they concern is here. Pure.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from causeline.processors.events.dedup import DedupView
from causeline.processors.events.set_aside import SetAside
from causeline.schemas.records.ingest import IngestRecord, Op

_UUID_CHARACTERS: Final = 36
_ALL_KEYS: Final = 1 << 128

IsHere = Callable[[bytes], bool]
"""Whether a key lies in the partition that asks."""


class Repeat(msgspec.Struct, frozen=True):
    """The record came before: nothing is left to do."""


class Elsewhere(msgspec.Struct, frozen=True):
    """What the record asks for is decided in another partition, which is sent this record."""

    record: IngestRecord


class Here(msgspec.Struct, frozen=True):
    """The record is new, and it is decided here. `record` is what it is as an item of its own."""

    record: IngestRecord


Judgement = Repeat | Elsewhere | Here


def judge(dedup: DedupView, record: IngestRecord, now: int, is_here: IsHere) -> Judgement:
    """Say what becomes of a record by its keys, and remember them. Raises SetAside where one of them said something else before."""
    if record.request_key:
        _check(dedup, _number(record.request_key, "request_key"), record.request_fingerprint, now)
        has_own = bool(record.dedup_key)
        record = _item(record)
        if has_own and not is_here(record.key):
            return Elsewhere(record)
    if record.dedup_key and _check(dedup, _number(record.dedup_key, "dedup_key"), record.fingerprint, now):
        return Repeat()
    return Here(record)


def onward(record: IngestRecord, op: Op, is_here: IsHere) -> IngestRecord | None:
    """Return what a new keyed record says of a problem, as a record of this op; None where the problem lies in the same partition."""
    if not record.dedup_key:
        return None
    next_record = msgspec.structs.replace(record, op=op, dedup_key="", fingerprint=0)
    return None if next_record.key == record.key or is_here(next_record.key) else next_record


def _check(dedup: DedupView, key: int, fingerprint: int, now: int) -> bool:
    """Return whether a key is known. Raises SetAside where it is, with other content."""
    verdict = dedup.check(key, fingerprint, now)
    if verdict == "conflict":
        raise SetAside("idempotency_conflict", "the same idempotency key came with other content before")
    return verdict == "repeat"


def _item(record: IngestRecord) -> IngestRecord:
    """Return a request's record as a record of its own. One without a key has that of the request and its position, which lies here too."""
    keys = {"request_key": "", "request_fingerprint": 0, "position": 0}
    if record.dedup_key:
        return msgspec.structs.replace(record, **keys)
    number = (_number(record.request_key, "request_key") + 1 + record.position) % _ALL_KEYS
    text = f"{number:032x}"
    own = f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    return msgspec.structs.replace(record, dedup_key=own, fingerprint=record.request_fingerprint, **keys)


def _number(text: str, name: str) -> int:
    try:
        number = int(text.replace("-", ""), 16)
    except ValueError:
        number = -1
    if len(text) != _UUID_CHARACTERS or not 0 <= number < _ALL_KEYS:
        raise SetAside("undecodable", f"{name} {text!r} is not a UUID")
    return number
