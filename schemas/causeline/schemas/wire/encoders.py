"""Avro datums of the two records that ingest writes for every event, in straight lines over their fixed fields.

Why by hand: both encodings are on the path of every event, and a general encoder that walks the schema took 9.1 and 3.8 µs where these
take about a third. The price is that the order of fields stands here a second time, so a property test compares every byte with what the
general encoder makes of the published schema.

`NewEvents` and the short cut for a plain create go one step further for what the log is full of: events of one request have a tenant, a
dialect and an arrival in common, and most columns empty. Both are held to the straight lines by property tests.

What must change together: `avro/event.v*.avsc`, `avro/ingest.v*.avsc`, the two structs, and the field order below, which says what versions
it was written for: where a newer one is locked, nothing starts until it is written here.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple

from msgspec.structs import astuple

from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.wire.ingest_datum import FRAME, FRAME_2, FRAME_3, PLAIN
from causeline.schemas.wire.locked import newest_known
from causeline.schemas.wire.longs import long

_COLUMNS: Final = newest_known("event", 3).names
_RECORD: Final = newest_known("ingest", 3).names
"""The fields that the lines below write, in their order."""

_time: Final = lru_cache(maxsize=4096)(long)
"""Arrival times repeat within a request, event times within a run."""

_SMALL: Final = {n: long(n) for n in range(-1, 256)}


def _small(value: int) -> bytes:
    return _SMALL.get(value) or long(value)


_SHORT: Final = 4096
_LENGTHS: Final = tuple(long(n) for n in range(_SHORT))
_EMPTY: Final = b"\x00"
_FALSE_TRUE: Final = (b"\x00", b"\x01")
_NULL: Final = b"\x00"
_PRESENT: Final = b"\x02"
_NO_PROBLEM: Final = _EMPTY + _NULL
"""The columns `problem_id` and `deadline`."""
_NOTHING_LATER: Final = _EMPTY * 3
"""What stands behind `raw`: `previous_service`, which a first version has not, and no commits with no times."""
_WORD: Final = 128


def _bytes(data: bytes) -> bytes:
    size = len(data)
    return (_LENGTHS[size] if size < _SHORT else long(size)) + data


def _strings(values: Iterable[str]) -> list[bytes]:
    # An empty string is the common case; a None is not one and raises.
    return [_bytes(value.encode()) if value != "" else _EMPTY for value in values]


def _map(pairs: dict[str, str]) -> bytes:
    return _small(len(pairs)) + b"".join([_pair(k, v) for k, v in pairs.items()]) + _EMPTY


def _array(items: list[str]) -> bytes:
    return _small(len(items)) + b"".join(_strings(items)) + _EMPTY


def _times(items: list[int]) -> bytes:
    return _small(len(items)) + b"".join([_time(item) for item in items]) + _EMPTY


_TEXTS: Final = slice(_COLUMNS.index("service"), _COLUMNS.index("tags"))


def event_datum(event: Event) -> bytes:
    """Return the datum of an event under the newest schema of the subject `event`, without a frame."""
    texts = astuple(event)[_TEXTS]
    head = _strings((event.tenant, event.id, event.dialect, event.kind, event.status, event.related_id, event.problem_id, event.raw))
    tenant, id_, dialect, kind, status, related_id, problem_id, raw = head
    arrival = _time(event.ingest_ts)
    return b"".join(
        (
            tenant,
            id_,
            _small(event.version),
            _FALSE_TRUE[event.is_deleted],
            dialect,
            kind,
            status,
            _time(event.ts),
            _NULL if event.start is None else _PRESENT + _time(event.start),
            _NULL if event.end is None else _PRESENT + _time(event.end),
            arrival,
            arrival if event.updated_ts == event.ingest_ts else _time(event.updated_ts),
            *_strings(texts),
            _map(event.tags) if event.tags else _EMPTY,
            _array(event.entities) if event.entities else _EMPTY,
            _map(event.links) if event.links else _EMPTY,
            related_id,
            _array(event.allowed_groups) if event.allowed_groups else _EMPTY,
            problem_id,
            _NULL if event.deadline is None else _PRESENT + _time(event.deadline),
            raw,
            _later(event) if event.previous_service or event.commits or event.commit_times else _NOTHING_LATER,
        ),
    )


def _later(event: Event) -> bytes:
    """Return the columns behind `raw`, which few events have."""
    service = _bytes(event.previous_service.encode()) if event.previous_service else _EMPTY
    commits = _array(event.commits) if event.commits else _EMPTY
    return service + commits + (_times(event.commit_times) if event.commit_times else _EMPTY)


class _Shape(NamedTuple):
    """Which text columns a set of names fills: how to get them in column order, the empty ones before each, and those at the end."""

    values: Callable[[Mapping[str, Any]], tuple[str, ...]]
    gaps: tuple[bytes, ...]
    rest: bytes


@lru_cache(maxsize=1024)
def _shape(names: tuple[str, ...]) -> _Shape:
    columns = _COLUMNS[_TEXTS]
    places = [at for at, column in enumerate(columns) if column in names]
    if not places:
        return _Shape(lambda _: (), (), _EMPTY * len(columns))
    gaps = tuple(_EMPTY * (at - before - 1) for before, at in zip((-1, *places), places, strict=False))
    get = itemgetter(*(columns[at] for at in places))
    values = get if len(places) > 1 else lambda texts: (get(texts),)
    return _Shape(values, gaps, _EMPTY * (len(columns) - places[-1] - 1))


def _put_texts(pieces: list[bytes], columns: Mapping[str, Any]) -> None:
    """Add the pieces of the text columns from `service` to `release`: the cost is by the columns that are given, not by all of them."""
    values, gaps, rest = _shape(tuple(columns))
    for gap, text in zip(gaps, values(columns), strict=False):
        data = text.encode()
        size = len(data)
        pieces += (gap, _LENGTHS[size] if size < _SHORT else long(size), data)
    pieces.append(rest)


@lru_cache(maxsize=4096)
def _word_bytes(word: str) -> bytes:
    return _bytes(word.encode())


def _word(text: str) -> bytes:
    """Return a text that repeats from event to event; a long one is not worth being remembered."""
    return _word_bytes(text) if len(text) <= _WORD else _bytes(text.encode())


@lru_cache(maxsize=4096)
def _pair_bytes(name: str, value: str) -> bytes:
    return _bytes(name.encode()) + _bytes(value.encode())


def _pair(name: str, value: str) -> bytes:
    """Return an entry of a map; short ones repeat from event to event."""
    return _pair_bytes(name, value) if len(name) + len(value) <= _WORD else _bytes(name.encode()) + _bytes(value.encode())


class NewEvents:
    """The datums of first versions that arrived together: what they have in common is encoded once."""

    __slots__ = ("_arrivals", "_before_id", "_between")

    def __init__(self, tenant: str, dialect: str, arrival: int) -> None:
        self._before_id = _word(tenant)
        self._between = _small(1) + _FALSE_TRUE[False] + _word(dialect)
        self._arrivals = _time(arrival) * 2

    def datum(self, event_id: str, ts: int, columns: Mapping[str, Any], raw: bytes) -> bytes:
        """Return what `event_datum` returns for the event with these columns; `raw` is UTF-8.

        `columns` holds values by name, none of them None; a column that is left out is empty, a name that is no column ignored. Times of
        commits come with their commits.
        """
        get = columns.get
        start, end = get("start"), get("end")
        tags, entities, links, groups, related_id = get("tags"), get("entities"), get("links"), get("allowed_groups"), get("related_id")
        commits = get("commits")
        size = len(raw)
        pieces = [
            self._before_id,
            _bytes(event_id.encode()),
            self._between,
            _word(columns["kind"]),
            _word(get("status", "")),
            _time(ts),
            _NULL if start is None else _PRESENT + _time(start),
            _NULL if end is None else _PRESENT + _time(end),
            self._arrivals,
        ]
        _put_texts(pieces, columns)
        pieces += (
            _map(tags) if tags else _EMPTY,
            _array(entities) if entities else _EMPTY,
            _map(links) if links else _EMPTY,
            _bytes(related_id.encode()) if related_id else _EMPTY,
            _array(groups) if groups else _EMPTY,
            _NO_PROBLEM,
            _LENGTHS[size] if size < _SHORT else long(size),
            raw,
            _EMPTY + _array(commits) + _times(columns["commit_times"]) if commits else _NOTHING_LATER,
        )
        return b"".join(pieces)


_DEFAULTS: Final = astuple(IngestRecord(op="create", ingest_ts=0))
_PLAIN_FIELDS: Final = slice(_RECORD.index("dedup_key"), _RECORD.index("event"))
_PLAIN_VALUES: Final = _DEFAULTS[_PLAIN_FIELDS]
_LATER_FIELDS: Final = slice(_RECORD.index("request_key"), None)
_LATER_VALUES: Final = _DEFAULTS[_LATER_FIELDS]


def ingest_framed(record: IngestRecord) -> bytes:
    """Return the framed datum of an ingest record.

    It is written under the oldest version of the schema that holds all of it: version 1 for all but records of a request's own key and
    patches that change the service. So processors of the version before read what a newer server writes while both are there, and the
    short cut has one form to know.
    """
    values = astuple(record)
    if values[_LATER_FIELDS] != _LATER_VALUES:
        request = (_bytes(record.request_key.encode()), _small(record.request_fingerprint), _small(record.position))
        if record.base_service:
            return b"".join((FRAME_3, _full_ingest_datum(record), *request, _bytes(record.base_service.encode())))
        return b"".join((FRAME_2, _full_ingest_datum(record), *request))
    if values[_PLAIN_FIELDS] == _PLAIN_VALUES:
        own, event = _bytes(record.id.encode()), record.event
        of_record = own if record.record_id == record.id else _bytes(record.record_id.encode())
        size = len(event)
        length = _LENGTHS[size] if size < _SHORT else long(size)
        return b"".join((FRAME, _pair(record.op, record.tenant), own, of_record, _time(record.ingest_ts), PLAIN, length, event))
    return FRAME + _full_ingest_datum(record)


def _full_ingest_datum(record: IngestRecord) -> bytes:
    texts = (record.op, record.tenant, record.id, record.record_id, record.dedup_key, record.patch, record.correlation_id, record.signal)
    op, tenant, id_, record_id, dedup_key, patch, correlation_id, signal = _strings(texts)
    return b"".join(
        (
            op,
            tenant,
            id_,
            record_id,
            _time(record.ingest_ts),
            dedup_key,
            _small(record.fingerprint),
            _small(record.base_version),
            _small(record.base_ts),
            patch,
            correlation_id,
            signal,
            _small(record.timeout_ms),
            _bytes(record.event),
        ),
    )
