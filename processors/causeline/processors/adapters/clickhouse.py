"""ClickHouse, embedded or a server: opening clients, migrating, inserting Avro as it came from the log.

The embedded engine takes one folder per process and has no async client, so a writer owns one handle and one thread; engine work releases
the GIL. Settings are stated per insert, because a server's profile may say otherwise:
- `async_insert=0`: an acknowledged insert is on disk (it is on by default since 26.2).
- no block deduplication: rows are idempotent by key and version; a deduplicated block can be one that was never stored.
- any number of months in one insert: clients send old start dates, and a refused insert would stop the partition for ever.
- `optimize_on_insert=0`: rows are sorted at insert and collapsed by merges and FINAL, which do that anyway; level 0 tells them to.
- on a cluster a majority of replicas has the rows before the offsets move, one insert of a table after the other: only so can a replica
  tell a reader that it lacks one of them (`select_sequential_consistency`). Sinks that meet there try again, with larger batches.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, Error, OperationalError

from causeline.processors.adapters.clickhouse_backfill import EventsBackfill
from causeline.processors.adapters.clickhouse_dora_backfill import DoraBackfill
from causeline.processors.sink.ports import Away, Inserted, InsertOutcome, RowsRefused
from causeline.schemas.migrations import Migration, TableLayout, TableRetention, migrations, retention, statements
from causeline.schemas.telemetry import INSERT_SECONDS
from causeline.schemas.wire import codec

_INSERT: Final[dict[str, int | str]] = {
    "async_insert": 0,
    "optimize_on_insert": 0,
    "input_format_avro_allow_missing_fields": 1,
    "max_partitions_per_insert_block": 0,
    "materialized_views_ignore_errors": 0,
}
_TIMEOUT_S: Final = 60
_INSERT_OVERDUE_S: Final = 120.0
"""Twice what a server may take to answer. The embedded engine has no such bound: what takes longer there never ends."""
_CLOSE_S: Final = 10.0

_DATA_ERRORS: Final = frozenset(
    {
        "ATTEMPT_TO_READ_AFTER_EOF",
        "CANNOT_PARSE_DATE",
        "CANNOT_PARSE_DATETIME",
        "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
        "CANNOT_PARSE_NUMBER",
        "CANNOT_PARSE_TEXT",
        "CANNOT_READ_ALL_DATA",
        "INCORRECT_DATA",
        "STD_EXCEPTION",
        "TOO_LARGE_ARRAY_SIZE",
        "TOO_LARGE_STRING_SIZE",
        "UNEXPECTED_END_OF_FILE",
        "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    }
)
"""Errors that may mean "these bytes", never "this server". What is not named here is retried: a record set aside wrongly is lost to
readers, a retry only waits. The Avro reader's own errors come as STD_EXCEPTION and name avro::Exception."""


_MIB: Final = 1 << 20
ENGINE_OPTIONS: Final[Mapping[str, int]] = {
    "max_server_memory_usage": 1_536 * _MIB,
    "mark_cache_size": 64 * _MIB,
    "index_mark_cache_size": 32 * _MIB,
    "primary_index_cache_size": 64 * _MIB,
    "text_index_tokens_cache_size": 32 * _MIB,
    "text_index_header_cache_size": 32 * _MIB,
    "text_index_postings_cache_size": 64 * _MIB,
    "query_condition_cache_size": 0,
}
"""Bounds of the embedded engine as a whole: its own defaults are nine tenths of the machine, and 20 GiB of caches.

4 queries of 256 MiB and 288 MiB of caches leave 224 MiB for inserts and merges; with the interpreter the process stays within 2 GiB. What
would go beyond is refused: a query is answered 503, an insert or a merge is tried again.
"""


_CREATED: Final = "0002_events"
"""The migration that makes `events`: who applied it knows that there were no rows before."""


class MigrationError(RuntimeError):
    """The database is not what the migrations say it was."""


def open_engine(path: Path, database: str | None = None) -> Client:
    """Return a handle on the embedded engine in a folder. One folder per process, one handle per thread."""
    path.mkdir(parents=True, exist_ok=True)
    return clickhouse_connect.get_client(interface="chdb", path=str(path), database=database, chdb_options=dict(ENGINE_OPTIONS))


def open_server(url: str, database: str | None = None) -> Client:
    """Return a client of a server (`http(s)://user:password@host:port/database`); `database` goes before the one in the URL.

    Raises ClickHouseError where it does not answer, or does not know the database: to migrate, open it on `default`.
    """
    return clickhouse_connect.get_client(
        dsn=url,
        interface=urlsplit(url).scheme,
        database=database,
        send_receive_timeout=_TIMEOUT_S,
        autogenerate_session_id=False,
    )


def apply_migrations(client: Client, layout: TableLayout) -> list[str]:
    """Bring the tables to the newest state; return what was applied, in words. Safe to repeat and to run in two processes at once.

    Raises MigrationError where a file differs from the one that was applied under its number.
    """
    titles: list[str] = []
    for migration in pending(client, layout):
        for statement in statements(migration.template, layout):
            run_statement(client, statement)
        client.insert(
            "schema_migrations",
            [[migration.number, migration.name, migration.checksum]],
            column_names=["number", "name", "checksum"],
            database=layout.database,
            settings={"async_insert": 0},
        )
        titles.append(migration.title)
    if differing := _other_retention(client, layout):
        for table in differing:
            client.command(table.statement)
        titles.append(f"retention of {layout.retention_days} days")
    backfill, dora = EventsBackfill(client, layout), DoraBackfill(client, layout)
    is_new = _CREATED in titles or not layout.cluster  # a replica of a cluster that has no rows may just not have them yet
    if is_new and not backfill.is_settled() and backfill.is_empty():
        backfill.settle()
    if is_new and not dora.is_complete() and backfill.is_settled() and not dora.pending_rows():
        dora.complete()
    return titles


def run_statement(client: Client, statement: str) -> None:
    """Run a statement of a migration. What it says of an index or a setting of `events` means nothing to a table that keeps no rows."""
    try:
        client.command(statement)
    except ClickHouseError as error:
        if not (isinstance(error, Error) and error.name == "NOT_IMPLEMENTED" and "Null" in str(error)):
            raise


def pending(client: Client, layout: TableLayout) -> list[Migration]:
    """Return what was not applied yet, in order; changes nothing. Raises MigrationError as `apply_migrations` does."""
    checksums = _applied_migrations(client, layout)
    missing: list[Migration] = []
    for migration in migrations():
        checksum = checksums.get(migration.number)
        if checksum is None:
            missing.append(migration)
        elif checksum != migration.checksum:
            raise MigrationError(
                f"{migration.title}.sql was changed after it was applied to {layout.database}: add a new migration instead"
            )
    return missing


def _applied_migrations(client: Client, layout: TableLayout) -> dict[int, str]:
    there = "SELECT count() FROM system.tables WHERE database = {database:String} AND name = 'schema_migrations'"
    if not client.query(there, parameters={"database": layout.database}).result_rows[0][0]:
        return {}
    rows = client.query(f"SELECT number, checksum FROM {layout.database}.schema_migrations FINAL").result_rows  # noqa: S608 - a checked identifier
    return {int(number): str(checksum) for number, checksum in rows}


def _other_retention(client: Client, layout: TableLayout) -> list[TableRetention]:
    """Return what has to be set: the retention of tables that keep their rows for another time, or, made just now, for ever."""
    query = "SELECT name, engine_full FROM system.tables WHERE database = {database:String}"
    engines = {str(row[0]): str(row[1]) for row in client.query(query, parameters={"database": layout.database}).result_rows}
    return [table for table in retention(layout) if _ttl(engines.get(table.table, "")) != table.ttl]


def _ttl(engine: str) -> str:
    """Return the TTL of a table's engine as ClickHouse tells it, '' where its rows stay."""
    return engine.partition(" TTL ")[2].partition(" SETTINGS ")[0]


def classify(error: Exception) -> Away | RowsRefused:
    """Say whether an error is about the data or about the server."""
    name = (error.name if isinstance(error, Error) else None) or type(error).__name__
    about_data = name in _DATA_ERRORS and (name != "STD_EXCEPTION" or "avro::" in str(error))
    return RowsRefused(str(error)) if about_data else Away(name, str(error))


class ClickHouseTableWriter:
    """Inserts containers of framed records on one thread of its own. The client is opened at first use and again after a broken one.

    An insert does not come back that has been under way for longer than `overdue_s`.
    """

    def __init__(self, open_client: Callable[[], Client], *, overdue_s: float = _INSERT_OVERDUE_S, close_s: float = _CLOSE_S) -> None:
        self._open = open_client
        self._overdue_s, self._close_s = overdue_s, close_s
        self._client: Client | None = None
        self._settings: dict[str, int | str] = {}
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="sink-insert")
        self._began: float | None = None

    @property
    def stuck(self) -> str:
        """Say that an insert does not come back, '' where none is under way for longer than any takes."""
        began = self._began
        seconds = 0.0 if began is None else time.monotonic() - began
        return f"an insert has been under way for {seconds:.0f} s" if seconds > self._overdue_s else ""

    async def insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
        """See TableWriter."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._insert, table, schema_id, frames)

    async def close(self) -> None:
        """Let the running insert end and close the handle. What does not end in time is left to the end of the process."""
        closing = asyncio.get_running_loop().run_in_executor(self._thread, self._drop)
        await asyncio.wait([closing], timeout=self._close_s)
        self._thread.shutdown(wait=closing.done())

    def _insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
        self._began = time.monotonic()
        try:
            return self._try_to_insert(table, schema_id, frames)
        finally:
            self._began = None

    def _try_to_insert(self, table: str, schema_id: int, frames: Sequence[bytes]) -> InsertOutcome:
        try:
            with INSERT_SECONDS.time():
                self._put(table, codec.container(schema_id, frames))
        except (ClickHouseError, OSError) as error:
            outcome = classify(error)
            if isinstance(outcome, Away):
                if not isinstance(error, Error) or isinstance(error, OperationalError):
                    self._drop()
                return outcome
            return self._blame(table, schema_id, outcome)
        return Inserted()

    def _blame(self, table: str, schema_id: int, refusal: RowsRefused) -> InsertOutcome:
        """Ask with no rows at all: where that fails too, the rows are not to blame."""
        try:
            self._put(table, codec.container(schema_id, []))
        except (ClickHouseError, OSError) as error:
            return Away("SCHEMA_REFUSED", str(error))
        return refusal

    def _put(self, table: str, container: bytes) -> None:
        if self._client is None:
            self._client = self._open()
            self._settings = insert_settings(self._client)
        self._client.raw_insert(table, insert_block=container, fmt="Avro", settings=self._settings)

    def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.close()


def insert_settings(client: Client) -> dict[str, int | str]:
    """Return the settings of every insert of the sink, in the words of this server's version and for its kind of tables."""
    settings = dict(_INSERT)
    if "deduplicate_insert" in client.server_settings:
        settings["deduplicate_insert"] = "disable"
    else:
        settings["insert_deduplicate"] = 0
    query = "SELECT count() FROM system.tables WHERE database = currentDatabase() AND engine LIKE 'Replicated%'"
    if client.query(query).result_rows[0][0]:
        settings["insert_quorum"] = "auto"
        settings["insert_quorum_parallel"] = 0
    return settings
