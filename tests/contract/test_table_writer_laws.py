"""The laws of TableWriter, held by the shipped twin in memory and by the embedded ClickHouse engine."""

import base64
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Protocol

import msgspec
import pytest
from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import ClickHouseTableWriter
from causeline.processors.adapters.memory.sink import MemoryTableWriter
from causeline.processors.sink.ports import Away, Inserted, InsertOutcome, RowsRefused, TableWriter
from causeline.query_api.sql.statements import column_list
from causeline.schemas.migrations import DELIVERIES_TABLE, EVENTS_TABLE, REVISIONS_TABLE, TRANSITIONS_TABLE
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.values import ids
from causeline.schemas.wire import codec
from tests.contract.delivery_rows import RECEIVED, delivery
from tests.contract.revision_rows import COMPUTED, cause, revision
from tests.engine import TITLE, Engine

T0 = 1_780_000_000_000
EVENT_SCHEMA = codec.latest("event").id

EventRow = tuple[str, int, str, int, str]
"""tenant, ts, id, version, title"""
ProblemRow = tuple[str, str, int, str, int, int | None]
"""tenant, id, version, transition, start, end"""
DeliveryRow = tuple[str, str, int, str, int]
"""tenant, id, attempt, outcome, at"""


class Reader(Protocol):
    @property
    def writer(self) -> TableWriter: ...
    def events(self) -> list[EventRow]: ...
    def event_keys(self) -> dict[tuple[str, str], int]: ...
    def problems(self, state: str) -> list[ProblemRow]: ...
    def transitions(self) -> list[ProblemRow]: ...
    def records(self) -> list[bytes]: ...
    def deliveries(self, table: str) -> list[DeliveryRow]: ...
    def revisions(self) -> list[CauseRevision]: ...


class MemoryReader:
    def __init__(self) -> None:
        self.writer = MemoryTableWriter()

    def events(self) -> list[EventRow]:
        return [(e.tenant, e.ts, e.id, e.version, e.title) for e in self.writer.events()]

    def event_keys(self) -> dict[tuple[str, str], int]:
        return dict(self.writer.event_keys())

    def problems(self, state: str) -> list[ProblemRow]:
        return [_row(p) for p in self.writer.problems(state)]

    def transitions(self) -> list[ProblemRow]:
        return [_row(p) for p in self.writer.transitions()]

    def records(self) -> list[bytes]:
        return [d.record for d in self.writer.deliveries()]

    def deliveries(self, table: str) -> list[DeliveryRow]:
        rows = self.writer.deliveries() if table == DELIVERIES_TABLE else self.writer.deliveries_newest()
        return [(d.tenant, d.id, d.attempt, d.outcome, d.at) for d in rows]

    def revisions(self) -> list[CauseRevision]:
        return self.writer.revisions()


class EngineReader:
    def __init__(self, engine: Engine) -> None:
        self.writer = ClickHouseTableWriter(engine.open)
        self._client: Client = engine.open()

    def _rows(self, sql: str) -> Sequence[Sequence[object]]:
        return [tuple(row) for row in self._client.query(sql).result_rows]

    def events(self) -> list[EventRow]:
        sql = f"SELECT tenant, toUnixTimestamp64Milli(ts), id, version, {TITLE} FROM events_by_time FINAL ORDER BY tenant, ts, id"
        sql += " SETTINGS do_not_merge_across_partitions_select_final = 1"  # as the readers ask: a part alone must not pass for merged
        return self._rows(sql)  # type: ignore[return-value]

    def event_keys(self) -> dict[tuple[str, str], int]:
        live_keys: dict[tuple[str, str], int] = {}
        for tenant, _, event_id, _, _ in self.events():
            inside = ids.ts_of(event_id)
            if inside is not None:
                live_keys[tenant, event_id] = inside
        live = {(tenant, event_id) for tenant, _, event_id, _, _ in self.events()}
        keys = self._client.query("SELECT tenant, id, toUnixTimestamp64Milli(ts) FROM event_keys FINAL").result_rows
        live_keys.update({(tenant, event_id): ts for tenant, event_id, ts in keys if (tenant, event_id) in live})
        return live_keys

    def _problems(self, table: str) -> list[ProblemRow]:
        columns = "tenant, id, version, transition, toUnixTimestamp64Milli(start), toUnixTimestamp64Milli(end)"
        return self._rows(f"SELECT {columns} FROM {table} FINAL ORDER BY tenant, id, version")  # type: ignore[return-value]

    def problems(self, state: str) -> list[ProblemRow]:
        return self._problems(f"problems_{state}")

    def transitions(self) -> list[ProblemRow]:
        return self._problems("problem_transitions")

    def records(self) -> list[bytes]:
        rows = self._rows("SELECT base64Encode(record) FROM deliveries FINAL ORDER BY tenant, id, at, attempt")
        return [base64.b64decode(str(row[0])) for row in rows]

    def deliveries(self, table: str) -> list[DeliveryRow]:
        order = "tenant, id, at, attempt" if table == DELIVERIES_TABLE else "tenant, received, id"
        sql = f"SELECT tenant, id, attempt, outcome, toUnixTimestamp64Milli(at) FROM {table} FINAL ORDER BY {order}"
        return self._rows(sql)  # type: ignore[return-value]

    def revisions(self) -> list[CauseRevision]:
        sql = f"SELECT {column_list('causes', 'r')} FROM cause_revisions AS r FINAL ORDER BY r.tenant, r.id, r.revision"
        return msgspec.json.Decoder(CauseRevision).decode_lines(self._client.raw_query(sql, fmt="JSONEachRow"))

    async def close(self) -> None:
        self._client.close()
        await self.writer.close()


def _row(p: Problem) -> ProblemRow:
    return (p.tenant, p.id, p.version, p.transition, p.start, p.end)


@pytest.fixture(params=["memory", "engine"])
async def tables(request: pytest.FixtureRequest) -> AsyncIterator[Reader]:
    if request.param == "memory":
        yield MemoryReader()
        return
    reader = EngineReader(request.getfixturevalue("engine"))
    yield reader
    await reader.close()


def event(number: int = 1, **fields: Any) -> Event:
    ts = T0 + number
    event_fields: dict[str, Any] = {"tenant": "t", "id": ids.uuid7(ts, number.to_bytes(10)), "ts": ts, "title": "one", **fields}
    return Event(dialect="native", kind="deployment", ingest_ts=T0, updated_ts=T0, **event_fields)


def problem(version: int, transition: Transition) -> Problem:
    return Problem(
        tenant="t",
        id=ids.uuid7(T0, b"problem one"),
        version=version,
        is_deleted=transition == "deleted",
        state="closed" if transition in {"closed", "timed_out", "deleted"} else "open",
        transition=transition,
        end=T0 + 9 if transition in {"closed", "timed_out"} else None,
        dialect="desk",
        kind="incident",
        correlation_id="c",
        event_id="e",
        at=T0 + version,
        start=T0,
        last_receipt=T0,
        ingest_ts=T0,
    )


async def put(tables: Reader, *records: Event | Problem | Delivery | CauseRevision) -> InsertOutcome:
    tables_of = {Event: EVENTS_TABLE, Problem: TRANSITIONS_TABLE, Delivery: DELIVERIES_TABLE, CauseRevision: REVISIONS_TABLE}
    table = tables_of[type(records[0])]
    frames = [codec.encode_record(record) for record in records]
    return await tables.writer.insert(table, codec.schema_id_of(frames[0]), frames)


async def test_rows_inserted_twice_show_once(tables: Reader) -> None:
    for _ in range(2):
        assert await put(tables, event(1), event(2)) == Inserted()
        assert await put(tables, problem(1, "opened")) == Inserted()
    assert [row[3:] for row in tables.events()] == [(1, "one"), (1, "one")]
    assert len(tables.transitions()) == 1


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
async def test_an_older_version_never_wins(tables: Reader, order: tuple[int, ...]) -> None:
    for version in order:
        await put(tables, event(version=version, title=f"version {version}"))
    assert [row[3:] for row in tables.events()] == [(2, "version 2")]


@pytest.mark.parametrize("order", [(1, 2), (2, 1), (1, 2, 1)])
async def test_a_tombstone_hides_its_event_whatever_comes_again(tables: Reader, order: tuple[int, ...]) -> None:
    for version in order:
        await put(tables, event(version=version, is_deleted=version == 2))
    assert tables.events() == []


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 3, 1)])
async def test_versions_of_one_event_in_one_insert_show_as_the_newest_and_a_tombstone_among_them_hides_all(
    tables: Reader, order: tuple[int, ...]
) -> None:
    versions = [event(1, version=v, title=f"version {v}") for v in order]
    assert await put(tables, *versions, *(event(2, version=v, is_deleted=v == 3) for v in order)) == Inserted()
    assert [row[3:] for row in tables.events()] == [(3, "version 3")]


async def test_the_same_id_of_two_tenants_is_two_events(tables: Reader) -> None:
    await put(tables, event(tenant="a"), event(tenant="b", version=2, is_deleted=True))
    assert [row[0] for row in tables.events()] == ["a"]


async def test_a_move_in_time_is_a_tombstone_and_a_row_and_the_id_leads_to_the_new_time(tables: Reader) -> None:
    old = event(1)
    await put(tables, old)
    await put(tables, event(1, version=2, is_deleted=True), event(1, version=2, ts=T0 - 86_400_000))
    assert [(row[1], row[3]) for row in tables.events()] == [(T0 - 86_400_000, 2)]
    assert tables.event_keys() == {("t", old.id): T0 - 86_400_000}


async def test_an_id_that_does_not_tell_its_time_leads_to_its_event(tables: Reader) -> None:
    await put(tables, event(1, id=ids.uuid5("t", "key")), event(2, id=ids.uuid7(-5, b"0123456789"), ts=-5))
    keys = {("t", ids.uuid5("t", "key")): T0 + 1, ("t", ids.uuid7(-5, b"0123456789")): -5}
    assert tables.event_keys() == keys


async def test_an_open_problem_is_open_and_a_closed_one_closed(tables: Reader) -> None:
    await put(tables, problem(1, "opened"), problem(2, "refreshed"))
    assert [row[2:4] for row in tables.problems("open")] == [(2, "refreshed")]
    assert tables.problems("closed") == []
    await put(tables, problem(3, "closed"))
    assert tables.problems("open") == []
    assert [row[2:] for row in tables.problems("closed")] == [(3, "closed", T0, T0 + 9)]
    assert [row[2] for row in tables.transitions()] == [1, 2, 3]


async def test_versions_of_a_problem_may_come_again_and_in_any_order(tables: Reader) -> None:
    await put(tables, problem(2, "timed_out"))
    await put(tables, problem(1, "opened"))
    await put(tables, problem(2, "timed_out"), problem(1, "opened"))
    assert tables.problems("open") == []
    assert [row[2:4] for row in tables.problems("closed")] == [(2, "timed_out")]


@pytest.mark.parametrize("last", ["opened", "closed"])
async def test_a_deleted_problem_is_neither_open_nor_closed(tables: Reader, last: Transition) -> None:
    await put(tables, problem(1, last))
    await put(tables, problem(2, "deleted"))
    assert tables.problems("open") == tables.problems("closed") == []


async def test_events_of_hundreds_of_months_fit_in_one_insert(tables: Reader) -> None:
    month = 31 * 86_400_000
    events = [event(n, ts=n * month, id=ids.uuid7(n * month, n.to_bytes(10))) for n in range(300)]
    assert await put(tables, *events) == Inserted()
    assert len(tables.events()) == 300


async def test_every_kind_of_text_comes_back(tables: Reader) -> None:
    texts = ["", "Grüße 🚀", "a\x00b", "'; DROP TABLE events; --", "\\", '"', "\n\t", "%_", "x" * 1_000_000]
    await put(tables, *(event(n, title=text) for n, text in enumerate(texts)))
    assert [row[4] for row in tables.events()] == texts


@pytest.mark.parametrize("damage", [lambda v: v[:-7], lambda v: v[:5], lambda v: v[:5] + b"\xff" * 20])
async def test_a_damaged_record_is_refused_and_nothing_of_its_insert_shows(tables: Reader, damage: Callable[[bytes], bytes]) -> None:
    good = [codec.encode_record(event(n)) for n in range(20)]
    bad = damage(good[0])
    outcome = await tables.writer.insert(EVENTS_TABLE, EVENT_SCHEMA, [*good[:10], bad, *good[10:]])
    assert isinstance(outcome, RowsRefused)
    assert tables.events() == []
    assert isinstance(await tables.writer.insert(EVENTS_TABLE, EVENT_SCHEMA, [bad]), RowsRefused)
    assert await tables.writer.insert(EVENTS_TABLE, EVENT_SCHEMA, good) == Inserted()


async def test_a_missing_table_is_not_the_fault_of_the_rows(tables: Reader) -> None:
    outcome = await tables.writer.insert("no_such_table", EVENT_SCHEMA, [codec.encode_record(event())])
    assert isinstance(outcome, Away)
    assert outcome.error == "UNKNOWN_TABLE"


async def test_every_attempt_of_a_delivery_is_kept_once_and_the_newest_is_its_state_whatever_comes_last(tables: Reader) -> None:
    rows = [delivery("m1", at=RECEIVED + n, attempt=n, outcome=outcome) for n, outcome in ((1, "retried"), (2, "dead"))]
    rows += [delivery("m1", at=RECEIVED + 9), delivery("m2", tenant="u")]
    await put(tables, rows[2], rows[3])
    await put(tables, rows[1], rows[0])
    await put(tables, *rows)
    first, second, again, other = [(d.tenant, d.id, d.attempt, d.outcome, d.at) for d in rows]
    assert tables.deliveries(DELIVERIES_TABLE) == [first, second, again, other]
    assert tables.deliveries("deliveries_newest") == [again, other]


async def test_what_a_dead_delivery_carried_comes_back_byte_for_byte(tables: Reader) -> None:
    records = [bytes(range(256)), b"\x00", b"", codec.encode_record(event(1))]
    await put(tables, *(delivery(f"m{n}", outcome="dead", record=record) for n, record in enumerate(records)))
    assert tables.records() == records


async def test_every_revision_of_a_ranking_is_kept_once_with_all_that_it_holds_however_often_it_comes(tables: Reader) -> None:
    rows = [
        revision(1, causes=[], blind_spots=[], none_score=0.0),
        revision(2, causes=[cause("e1", title="Grüße 🚀 \x00 '", ts=-5), cause("e2", reasons=[], feedback="rejected", score=-2.5)]),
        revision(
            3, end=COMPUTED, is_deleted=True, truncated=True, provisional=True, is_news=False, tags={"b": "1", "a": "2"}, entities=["H"]
        ),
        revision(1, tenant="other", causes=[cause(f"e{n}") for n in range(20)]),
    ]
    await put(tables, rows[3], rows[1])
    await put(tables, rows[2], rows[0])
    await put(tables, *rows)
    assert tables.revisions() == rows


async def test_a_damaged_revision_is_refused_and_nothing_of_its_insert_shows(tables: Reader) -> None:
    frames = [codec.encode_record(revision(n)) for n in range(1, 4)]
    schema = codec.schema_id_of(frames[0])
    outcome = await tables.writer.insert(REVISIONS_TABLE, schema, [frames[0], frames[1][:-40], frames[2]])
    assert isinstance(outcome, RowsRefused)
    assert tables.revisions() == []


async def test_no_rows_is_an_insert_too(tables: Reader) -> None:
    assert await tables.writer.insert(EVENTS_TABLE, EVENT_SCHEMA, []) == Inserted()
