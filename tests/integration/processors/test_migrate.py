"""Migrating the embedded engine."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client

from causeline.processors.adapters.clickhouse import MigrationError, apply_migrations, open_engine
from causeline.schemas.migrations import TableLayout, migrations
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
    assert there[0][0] == 18


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
        "deliveries": "toDateTime(at) + toIntervalDay(90)",
        "deliveries_newest": "toDateTime(at) + toIntervalDay(90)",
    }


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
