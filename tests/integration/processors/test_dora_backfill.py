"""What an older version stored, made into what DORA metrics read, while inserts go on."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.processors.adapters.clickhouse import apply_migrations, open_engine
from causeline.processors.adapters.clickhouse_dora_backfill import DoraBackfill
from causeline.processors.sink.backfill import BackfillError
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.questions.dora_query import RolloutQuery
from causeline.schemas.migrations import Migration, TableLayout, migrations, statements
from causeline.schemas.records.event import Event
from causeline.schemas.web.errors import Unavailable
from causeline.schemas.wire import codec
from tests.contract.event_rows import DAY, T0, TENANT, event, gone
from tests.integration.processors.test_backfill import Bars

LAYOUT = TableLayout(database="test_dora_backfill", retention_days=7_300)
BEFORE = 12
"""The last migration of a version without `dora_events`."""
QUERY = RolloutQuery(tenant=TENANT, from_ms=T0 - DAY, to_ms=T0 + 40 * DAY)


def put(client: Client, *events: Event) -> None:
    container = codec.container(codec.latest("event").id, [codec.encode_record(each) for each in events])
    own = {"async_insert": 0, "optimize_on_insert": 0}
    client.raw_insert(f"{LAYOUT.database}.events", insert_block=container, fmt="Avro", settings=own)


def run(client: Client, several: Sequence[Migration]) -> None:
    for migration in several:
        for statement in statements(migration.template, LAYOUT):
            with suppress(Exception):  # indexes of a table that keeps nothing
                client.command(statement)
        row = [[migration.number, migration.name, migration.checksum]]
        client.insert("schema_migrations", row, column_names=["number", "name", "checksum"], database=LAYOUT.database)


def settled(client: Client) -> None:
    """A database of the version before, whose `events` keeps nothing."""
    client.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")
    apply_migrations(client, LAYOUT)
    client.command(f"DROP TABLE {LAYOUT.database}.dora_events_from_events SYNC")
    client.command(f"DROP TABLE {LAYOUT.database}.dora_events SYNC")
    for table, column in (("schema_migrations", "number"), ("migration_steps", "number")):
        client.command(f"DELETE FROM {LAYOUT.database}.{table} WHERE {column} = {BEFORE + 1}")


@pytest.fixture
def old(engine_path: Path) -> Iterator[Client]:
    with open_engine(engine_path) as client:
        settled(client)
        yield client
        client.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")


def shown(client: Client, table: str = "dora_events") -> list[tuple[object, ...]]:
    rows = client.query(f"SELECT * FROM {LAYOUT.database}.{table} FINAL ORDER BY ts, id").result_rows
    return [tuple(row) for row in rows]


def made_by_the_view(client: Client, *events: Event) -> list[tuple[object, ...]]:
    """The rows of a store that had the table all the time."""
    client.command(f"TRUNCATE TABLE {LAYOUT.database}.dora_events SYNC")
    put(client, *events)
    return shown(client)


STORED = [
    event(
        T0 + n * DAY,
        kind=kind,
        dialect=dialect,
        title=f'Rollback {n} "größe"\n\\ \x00',
        status="success",
        commit=f"c{n}",
        repo="r",
        branch="hotfix/1",
        team="t",
        project="p",
        release="1.0",
        service="shop",
        environment="prod",
        tags={"a": "ü", "rollback": "1"},
        related_id="rel",
        allowed_groups=["g"] if n % 2 else [],
        commits=["x", "y"] if n % 3 else [],
        commit_times=[0, T0] if n % 3 else [],
        start=T0 + n * DAY,
        end=T0 + n * DAY + 5 if n % 2 else None,
        raw='{"a":\n1}',
    )
    for n, (kind, dialect) in enumerate(
        (kind, dialect)
        for kind in ("deployment", "release", "change", "commit", "incident", "recovery", "build")
        for dialect in ("native", "escapekit")
    )
]


async def test_what_was_stored_is_the_same_as_if_the_table_had_been_there_and_nothing_is_answered_before(
    old: Client, engine_path: Path
) -> None:
    put(old, *STORED)
    assert apply_migrations(old, LAYOUT) == ["0013_dora_events"]
    backfill = DoraBackfill(old, LAYOUT)
    assert backfill.pending_rows() == len(STORED)
    store = ClickHouseEventStore(lambda: open_engine(engine_path, LAYOUT.database))
    with pytest.raises(Unavailable, match="causeline migrate"):
        await store.dora.changes(QUERY)
    with pytest.raises(KeyboardInterrupt):
        backfill.fill(Bars(days=3))
    assert backfill.pending_rows() == len(STORED) - 3
    with pytest.raises(Unavailable):
        await store.dora.changes(QUERY)
    assert backfill.fill(Bars()) == len(STORED) - 3
    assert (backfill.is_complete(), backfill.fill(Bars())) == (True, 0)
    rows = shown(old)
    assert len(rows) == 6
    assert len(await store.dora.changes(QUERY)) == 3
    await store.close()
    assert rows == made_by_the_view(old, *STORED)
    assert apply_migrations(old, LAYOUT) == []


def test_a_day_that_is_not_equal_is_told(old: Client) -> None:
    put(old, event(T0))
    apply_migrations(old, LAYOUT)
    put(old, event(T0))
    old.command(f"INSERT INTO {LAYOUT.database}.dora_events SELECT * REPLACE ('wrong' AS id) FROM {LAYOUT.database}.dora_events")
    with pytest.raises(BackfillError, match="2 rows in events_by_time, 3 in dora_events"):
        DoraBackfill(old, LAYOUT).fill(Bars())


def test_a_new_store_has_nothing_to_copy(engine_path: Path) -> None:
    with open_engine(engine_path) as client:
        client.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")
        apply_migrations(client, LAYOUT)
        assert DoraBackfill(client, LAYOUT).is_complete()
        client.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")


KINDS = ("deployment", "build", "incident", "commit")
changes = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5), st.sampled_from(KINDS), st.booleans()), max_size=12)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=changes, meanwhile=changes, stop=st.integers(1, 4))
def test_whatever_was_stored_and_comes_in_meanwhile_is_what_the_newest_versions_say(
    old: Client, before: list[tuple[int, int, str, bool]], meanwhile: list[tuple[int, int, str, bool]], stop: int
) -> None:
    for table in ("events_by_time", "event_keys", "events_by_service"):
        old.command(f"TRUNCATE TABLE {LAYOUT.database}.{table} SYNC")
    old.command(f"DROP TABLE IF EXISTS {LAYOUT.database}.dora_events_from_events SYNC")
    old.command(f"DROP TABLE IF EXISTS {LAYOUT.database}.dora_events SYNC")
    old.command(f"TRUNCATE TABLE {LAYOUT.database}.migration_steps SYNC")
    newest: dict[int, Event] = {}

    def change(number: int, day: int, kind: str, is_deleted: bool) -> None:  # noqa: FBT001 - a row of the table of changes
        if number not in newest:
            newest[number] = event(T0 + day * DAY, kind=kind, title=kind)
        elif not newest[number].is_deleted:
            current = newest[number]
            newest[number] = gone(current) if is_deleted else msgspec.structs.replace(current, version=current.version + 1, kind=kind)
        put(old, newest[number])

    for each in before:
        change(*each)
    run(old, migrations()[BEFORE : BEFORE + 1])
    backfill = DoraBackfill(old, LAYOUT)
    with suppress(KeyboardInterrupt):
        backfill.fill(Bars(days=stop))
    for each in meanwhile:
        change(*each)
    backfill.fill(Bars())
    live = sorted((row.id, row.kind) for row in newest.values() if not row.is_deleted and row.kind != "build")
    there = old.query(f"SELECT id, toString(kind) FROM {LAYOUT.database}.dora_events FINAL ORDER BY id").result_rows
    assert [tuple(row) for row in there] == live
