"""Events and problems for the laws of an EventStore, and the way they get into it."""

import itertools
from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import msgspec

from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.ports import EventStore
from causeline.query_api.questions.query import EventFilter, Page
from causeline.schemas.migrations import DELIVERIES_TABLE, EVENTS_TABLE, REVISIONS_TABLE, TRANSITIONS_TABLE
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests.engine import Engine

"""What every EventStore promises: the shipped memory twin and ClickHouse (the embedded engine) keep the same laws."""


T0 = 1_760_000_000_000


MINUTE = 60_000


HOUR = 60 * MINUTE


DAY = 24 * HOUR


TENANT = "acme"


numbers = itertools.count(1)


def event(ts: int = T0, **fields: Any) -> Event:
    """A live native deployment at a time, with a UUIDv7 of that time."""
    fields.setdefault("id", ids.uuid7(ts, next(numbers).to_bytes(10)))
    base = {"tenant": TENANT, "dialect": "native", "kind": "deployment", "ingest_ts": ts, "updated_ts": ts}
    return Event(**{**base, "ts": ts, **fields})


def gone(of: Event) -> Event:
    """The tombstone of a version of an event."""
    return msgspec.structs.replace(of, version=of.version + 1, is_deleted=True)


def problem(start: int = T0, **fields: Any) -> Problem:
    fields.setdefault("id", ids.uuid7(start, next(numbers).to_bytes(10)))
    base = {"tenant": TENANT, "version": 1, "dialect": "desk", "kind": "incident", "correlation_id": "c1", "event_id": fields["id"]}
    base |= {"state": "open", "transition": "opened", "at": start, "start": start, "last_receipt": start, "ingest_ts": start}
    return Problem(**{**base, **fields})


def after(of: Problem, transition: str, at: int, **fields: Any) -> Problem:
    """The next version of a problem."""
    state = "closed" if transition in ("closed", "timed_out") else of.state
    base = {"version": of.version + 1, "transition": transition, "at": at, "state": state, "end": at if state == "closed" else of.end}
    return msgspec.structs.replace(of, **{**base, **fields})


Row = Event | Problem | Delivery | CauseRevision

_TABLES: Final[dict[type[Row], tuple[str, str]]] = {
    Event: (EVENTS_TABLE, "event"),
    Problem: (TRANSITIONS_TABLE, "problem"),
    Delivery: (DELIVERIES_TABLE, "delivery"),
    CauseRevision: (REVISIONS_TABLE, "causes"),
}


def _keep(store: MemoryEventStore, row: Row) -> None:
    if isinstance(row, Event):
        store.put_event(row)
    elif isinstance(row, Problem):
        store.put_problem(row)
    elif isinstance(row, CauseRevision):
        store.put_revision(row)
    else:
        store.deliveries.put(row)


class Bench(NamedTuple):
    store: EventStore
    engine: Engine | None
    held: bool = False
    """Whether a replica in memory stays behind until it is told to catch up."""

    def put(self, *rows: Row) -> None:
        if isinstance(self.store, MemoryEventStore):
            for row in rows:
                _keep(self.store, row)
            if not self.held:
                self.store.catch_up()
            return
        assert self.engine is not None
        client = self.engine.open()
        for kind, (table, subject) in _TABLES.items():
            rows_of_kind = [row for row in rows if isinstance(row, kind)]
            if rows_of_kind:
                schema = codec.latest(subject).id
                client.raw_insert(table, insert_block=codec.container(schema, map(codec.encode_record, rows_of_kind)), fmt="Avro")
        client.close()


def titles(rows: Iterable[Event | Problem]) -> list[str]:
    return [row.title for row in rows]


ALL = Page(limit=1000, order="asc")


def where(**fields: Any) -> EventFilter:
    return EventFilter(tenant=TENANT, **fields)
