"""Migrating the embedded engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import MigrationError, apply_migrations, open_engine, run_statement
from causeline.processors.adapters.clickhouse_backfill import EventsBackfill
from causeline.schemas.migrations import TableLayout, migrations, retention, statements
from tests import patience
from tests.engine import Engine

EVERYTHING = [*(f"{m.number:04}_{m.name}" for m in migrations()), "retention of 730 days"]


@pytest.fixture
def layout(engine_path: Path) -> Iterator[TableLayout]:
    own_layout = TableLayout(database="test_migrate")
    yield own_layout
    with open_engine(engine_path) as client:
        client.command(f"DROP DATABASE IF EXISTS {own_layout.database} SYNC")


def test_the_first_run_applies_everything_and_the_next_nothing(engine_path: Path, layout: TableLayout) -> None:
    with open_engine(engine_path) as client:
        assert apply_migrations(client, layout) == EVERYTHING
        assert apply_migrations(client, layout) == []


def test_two_runs_at_once_leave_the_tables_of_one(engine_path: Path, layout: TableLayout) -> None:
    def run(_: int) -> list[str]:
        with open_engine(engine_path) as client:
            return apply_migrations(client, layout)

    with ThreadPoolExecutor(4) as threads:
        assert all(set(applied) <= set(EVERYTHING) for applied in threads.map(run, range(4)))
    with open_engine(engine_path) as client:
        assert apply_migrations(client, layout) == []
        rows = client.query(f"SELECT number, name FROM {layout.database}.schema_migrations FINAL ORDER BY number").result_rows
    assert [tuple(row) for row in rows] == [(m.number, m.name) for m in migrations()]


def test_a_run_that_was_cut_off_is_finished_by_the_next(engine_path: Path, layout: TableLayout) -> None:
    with open_engine(engine_path) as client:
        apply_migrations(client, layout)
        client.command(f"DROP TABLE {layout.database}.problems_closed_from_transitions SYNC")
        client.command(f"DELETE FROM {layout.database}.schema_migrations WHERE number = 3")
        assert apply_migrations(client, layout) == ["0003_problems"]
        there = client.query("SELECT count() FROM system.tables WHERE database = {d:String}", parameters={"d": layout.database}).result_rows
    assert there[0][0] == 21


def test_a_file_that_was_changed_after_it_was_applied_is_an_error_that_names_it(engine: Engine) -> None:
    with engine.open() as client:
        client.command("INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (2, 'events', 'other', now() + 9)")
        with pytest.raises(MigrationError, match=r"0002_events\.sql was changed"):
            apply_migrations(client, engine.layout)


def test_another_retention_changes_the_tables_and_nothing_else(engine: Engine) -> None:
    with engine.open() as client:
        assert apply_migrations(client, engine.layout._replace(retention_days=30)) == ["retention of 30 days"]
        assert apply_migrations(client, engine.layout._replace(retention_days=30)) == []
        rows = client.query("SELECT name, engine_full FROM system.tables WHERE database = currentDatabase() AND engine_full LIKE '%TTL%'")
        ttl = {name: full.partition("TTL ")[2].partition(" SETTINGS")[0] for name, full in rows.result_rows}
    assert ttl == {
        "events_by_time": "toDateTime(updated_ts) + toIntervalDay(30)",
        "events_by_service": "toDateTime(updated_ts) + toIntervalDay(30)",
        "event_keys": "toDateTime(updated_ts) + toIntervalDay(31 + 30)",
        "problem_transitions": "toDateTime(at) + toIntervalDay(30)",
        "problems_closed": "toDateTime(at) + toIntervalDay(30)",
        "cause_revisions": "toDateTime(computed_at) + toIntervalDay(30)",
        "dora_events": "toDateTime(updated_ts) + toIntervalDay(30)",
        "deliveries": "toDateTime(at) + toIntervalDay(90)",
        "deliveries_newest": "toDateTime(at) + toIntervalDay(90)",
    }


def stand_at(client: Client, layout: TableLayout, number: int) -> None:
    """Make a store as it was left by the version whose last migration has this number: with the retention of the tables it had."""
    for migration in migrations()[:number]:
        for statement in statements(migration.template, layout):
            run_statement(client, statement)
        row = [migration.number, migration.name, migration.checksum]
        client.insert("schema_migrations", [row], column_names=["number", "name", "checksum"], database=layout.database)
    tables = {name for (name,) in client.query(f"SHOW TABLES FROM {layout.database}").result_rows}
    for table in retention(layout):
        if table.table in tables:
            client.command(table.statement)


@pytest.mark.parametrize("number", range(3, len(migrations())))
def test_every_table_has_its_retention_from_whichever_version_a_store_comes(engine_path: Path, layout: TableLayout, number: int) -> None:
    layout = layout._replace(retention_days=45)
    with open_engine(engine_path) as client:
        stand_at(client, layout, number)
        apply_migrations(client, layout)
        assert apply_migrations(client, layout) == []
        query = f"SELECT name, engine_full FROM system.tables WHERE database = '{layout.database}'"
        engines = {str(row[0]): str(row[1]) for row in client.query(query).result_rows}
    expected = {table.table: table.ttl for table in retention(layout)}
    assert {name: engines[name].partition(" TTL ")[2].partition(" SETTINGS ")[0] for name in expected} == expected


def test_only_tables_with_another_retention_are_changed(engine: Engine) -> None:
    layout = engine.layout
    with engine.open() as client:
        client.command("ALTER TABLE events_by_service REMOVE TTL")
        assert apply_migrations(client, layout) == [f"retention of {layout.retention_days} days"]
        assert apply_migrations(client, layout) == []


COMMITS = 12
"""The migration that brings their columns."""


@pytest.mark.parametrize("settled", [True, False], ids=["events keeps nothing", "events keeps rows"])
def test_a_store_from_before_commits_gets_their_columns_and_its_rows_stay_as_they_are(
    engine_path: Path,
    layout: TableLayout,
    settled: bool,  # noqa: FBT001
) -> None:
    insert = f"INSERT INTO {layout.database}.events (tenant, id, version, ts, updated_ts, service, previous_service, raw"
    read = f"SELECT id, record, commits, commit_times FROM {layout.database}.events_by_time ORDER BY id"
    with open_engine(engine_path) as client:
        for migration in migrations()[: COMMITS - 1]:
            for statement in statements(migration.template, layout):
                run_statement(client, statement)
        if settled:
            EventsBackfill(client, layout).settle()
        client.command(f"{insert}) VALUES ('t', 'a', 1, now(), now(), 's', 'before', '{{}}')")
        (before,) = client.query(f"SELECT record FROM {layout.database}.events_by_time").result_rows
        for _ in range(2):  # each statement may be repeated
            for statement in statements(migrations()[COMMITS - 1].template, layout):
                run_statement(client, statement)
        client.command(f"{insert}) VALUES ('t', 'b', 1, now(), now(), 's', '', '{{}}')")
        client.command(f"{insert}, commits, commit_times) VALUES ('t', 'c', 1, now(), now(), 's', '', '{{}}', ['x'], [7])")
        a, b, c = client.query(read).result_rows
        assert a == ("a", before[0], [], [])
        assert (b[1].count(","), b[2:]) == (before[0].count(","), ([], [])), "a row without commits is no longer than before"
        assert (c[1].endswith(', "", ["x"], [7]]\n{}'), c[2:]) == (True, (["x"], [7]))
        by_service = client.query(f"SELECT record FROM {layout.database}.events_by_service WHERE id = 'c'").result_rows
        assert by_service == [(c[1],)]
        if not settled:
            assert client.query(f"SELECT record FROM {layout.database}.events ORDER BY id").result_rows == [(a[1],), (b[1],), (c[1],)]


def test_what_is_older_than_the_retention_goes_and_an_old_start_date_does_not_make_it_old(engine: Engine) -> None:
    insert = "INSERT INTO events (tenant, id, version, ts, updated_ts) VALUES"
    with engine.open() as client:
        client.command(f"{insert} ('t', 'old arrival', 1, now() - INTERVAL 800 DAY, now() - INTERVAL 800 DAY)")
        client.command(f"{insert} ('t', 'old start', 1, now() - INTERVAL 800 DAY, now())")
        client.command(f"{insert} ('t', 'very old start', 1, now() - INTERVAL 5000 DAY, now())")
        client.command("OPTIMIZE TABLE events_by_time FINAL")
        rows = client.query("SELECT id FROM events_by_time FINAL ORDER BY ts, id").result_rows
    assert [row[0] for row in rows] == ["very old start", "old start"]


def a_deleted_event(client: Client, deleted: int) -> None:
    """Insert an event of 800 days ago in a part with a newer one, and its tombstone of so many days ago in a part of its own."""
    insert = "INSERT INTO events (tenant, id, version, is_deleted, ts, updated_ts) VALUES"
    ts = "toStartOfMonth(now()) - INTERVAL 800 DAY"
    client.command("SYSTEM STOP MERGES events_by_time")
    client.command(f"{insert} ('t', 'x', 1, 0, {ts}, now() - INTERVAL 800 DAY), ('t', 'new', 1, 0, {ts}, now())")
    client.command(f"{insert} ('t', 'x', 2, 1, {ts}, now() - INTERVAL {deleted} DAY)")


def shown(client: Client) -> list[tuple[str, int]]:
    rows = client.query("SELECT id, dateDiff('day', updated_ts, now()) FROM events_by_time FINAL ORDER BY id").result_rows
    return [(id_, age) for id_, age in rows]


def test_a_deleted_event_stays_hidden_until_its_tombstone_is_past_its_retention_and_longer_where_its_month_is_one_part(
    engine: Engine,
) -> None:
    with engine.open() as client:
        a_deleted_event(client, deleted=729)
        assert shown(client) == [("new", 0)]
        client.command("SYSTEM START MERGES events_by_time")
        client.command("OPTIMIZE TABLE events_by_time FINAL")  # as a day without inserts does (min_age_to_force_merge_seconds)
        client.command("ALTER TABLE events_by_time MODIFY TTL toDateTime(updated_ts) + toIntervalDay(700)")
        assert shown(client) == [("new", 0)]


def test_what_shows_again_as_its_tombstone_goes_with_an_older_part_is_itself_past_its_retention(engine: Engine) -> None:
    live = "SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase() AND table = 'events_by_time'"
    with engine.open() as client:
        a_deleted_event(client, deleted=735)
        assert shown(client) == [("new", 0)]
        client.command("SYSTEM START MERGES events_by_time")
        patience.asked(lambda: client.query(live).result_rows[0][0], lambda rows: rows < 3)
        assert [age for id_, age in shown(client) if id_ == "x" and age <= engine.layout.retention_days] == []


def test_closed_problems_leave_the_table_of_open_ones_for_good(engine: Engine) -> None:
    insert = "INSERT INTO problem_transitions (tenant, id, version, state, start, at) VALUES"
    with engine.open() as client:
        client.command(f"{insert} ('t', 'a', 1, 'open', now(), now()), ('t', 'b', 1, 'open', now(), now())")
        client.command(f"{insert} ('t', 'a', 2, 'closed', now(), now())")
        client.command("OPTIMIZE TABLE problems_open FINAL CLEANUP")
        assert [tuple(row) for row in client.query("SELECT id, version FROM problems_open").result_rows] == [("b", 1)]
