"""The comparison of two databases of one engine or server, by the statements of `causeline.processors.sink.comparison`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from clickhouse_connect.driver.client import Client

from causeline.processors.sink.comparison import (
    SHOWN,
    TABLES,
    UNCONFIRMED,
    Comparable,
    Difference,
    Outcome,
    Slice,
    carry_sql,
    differing,
    kept,
    row_hash,
    rows_sql,
    slices_sql,
)
from causeline.schemas.migrations import Layout

_SETTINGS: Final = {"max_bytes_before_external_group_by": 256 << 20}
_INSERT: Final = {"async_insert": 0, "max_partitions_per_insert_block": 0}


def is_empty(client: Client, layout: Layout) -> bool:
    """Tell whether no table has a row."""
    return not any(client.query(f"SELECT 1 FROM {layout.database}.{table.name} LIMIT 1").result_rows for table in TABLES)  # noqa: S608 - a checked identifier


def lacking(client: Client, new: Layout, present: Layout) -> list[str]:
    """Return the tables and views that the new database has and the present one has not, by name."""
    query = "SELECT name FROM system.tables WHERE database = {database:String}"
    there, wanted = (
        {str(row[0]) for row in client.query(query, parameters={"database": each.database}).result_rows} for each in (present, new)
    )
    return sorted(wanted - there)


def make_unconfirmed(client: Client, new: Layout) -> None:
    """Make the table of the keys that are not compared, on the server of this client alone."""
    client.command(f"CREATE TABLE {new.database}.{UNCONFIRMED} (tenant String, id String) ENGINE = MergeTree ORDER BY (tenant, id)")


def compare(client: Client, new: Layout, present: Layout, now_s: int) -> Outcome:
    """Compare all tables; `now_s` (s UTC) decides what has expired."""
    equal = expired = unconfirmed = found = 0
    first: list[Difference] = []
    for table in TABLES:
        hashed = row_hash(_columns(client, present, table))
        kept_if = kept(table, present.retention_days, now_s)
        sides: list[dict[int, Slice]] = []
        for side in (new, present):
            rows = client.query(slices_sql(side.database, new.database, table, hashed, kept_if)).result_rows
            sides.append({day: Slice(count, total) for day, count, total, _, _ in rows if count})
        expired += sum(row[3] for row in rows)
        unconfirmed += sum(row[4] for row in rows)
        days = differing(*sides)
        equal += sum(slice_.rows for day, slice_ in sides[1].items() if day not in days)
        for day in days:
            wrong = client.query(rows_sql(new.database, present.database, table, hashed, kept_if, day), settings=_SETTINGS).result_rows
            there = sum(1 for row in wrong if row[0] != "only in the log")
            equal += sides[1].get(day, Slice(0, 0)).rows - there
            found += len(wrong)
            room = SHOWN - sum(difference.table == table.name for difference in first)
            first += [Difference(table.name, str(row[0]), tuple(str(part) for part in row[1:])) for row in wrong[:room]]
    return Outcome(equal, expired, unconfirmed, found, first)


def carry(client: Client, new: Layout, present: Layout, horizons: Mapping[str, int]) -> int:
    """Copy rows that are older than the log (of each topic that was cut, ms UTC) into the new database; return how many."""
    before = _rows(client, new)
    for table in TABLES:
        # A view fills the others where their source is carried over, which is idempotent.
        if (before_ms := horizons.get(table.topic)) is not None:
            client.command(carry_sql(new.database, present.database, table, _columns(client, present, table), before_ms), settings=_INSERT)
    return _rows(client, new) - before


def told(outcome: Outcome) -> Iterator[str]:
    """Say what was found, a line each."""
    for number, what in ((outcome.expired, "expired by retention"), (outcome.unconfirmed, "not confirmed by the sink yet")):
        if number:
            yield f"not compared: {number} rows ({what})"
    if not outcome.differing:
        yield f"equal: {outcome.equal} rows"
        return
    yield f"different: {outcome.differing} rows; equal: {outcome.equal} rows"
    for difference in outcome.first:
        yield f"  {difference.table}: {difference.kind}: {' '.join(difference.key)}"


def _rows(client: Client, layout: Layout) -> int:
    return sum(int(client.query(f"SELECT count() FROM {layout.database}.{t.name} FINAL").result_rows[0][0]) for t in TABLES)  # noqa: S608 - a checked identifier


def _columns(client: Client, layout: Layout, table: Comparable) -> Sequence[tuple[str, str]]:
    query = "SELECT name, type FROM system.columns WHERE database = {database:String} AND table = {table:String} ORDER BY name"
    rows = client.query(query, parameters={"database": layout.database, "table": table.name}).result_rows
    return [(str(name), str(kind)) for name, kind in rows]
