"""Rows that an older version stored, copied into `events_by_time` while inserts and lists go on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
import pytest
from clickhouse_connect.driver.client import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.processors.adapters.clickhouse import apply_migrations, open_engine
from causeline.processors.adapters.clickhouse_backfill import EventsBackfill
from causeline.processors.sink.backfill import BackfillError
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.questions.query import EventFilter, Page
from causeline.schemas.migrations import Migration, TableLayout, migrations, statements
from causeline.schemas.records.event import Event
from causeline.schemas.wire import codec
from tests.contract.event_rows import DAY, T0, TENANT, event, gone

LAYOUT = TableLayout(database="test_backfill", retention_days=7_300)
BEFORE = 8
"""The last migration of a version that kept events in `events`."""
ALL = Page(limit=1_000)


class Bars:
    """Reports of a backfill that stop it after so many days."""

    def __init__(self, days: int | None = None) -> None:
        self.days = days
        self.totals: list[int] = []

    @contextmanager
    def __call__(self, total: int) -> Iterator[Callable[[int], None]]:
        self.totals.append(total)

        def advance(_: int) -> None:
            if self.days is not None:
                self.days -= 1
                if self.days <= 0:
                    raise KeyboardInterrupt

        yield advance


def put(client: Client, *events: Event) -> None:
    container = codec.container(codec.latest("event").id, [codec.encode_record(each) for each in events])
    own = {"async_insert": 0, "optimize_on_insert": 0}
    client.raw_insert(f"{LAYOUT.database}.events", insert_block=container, fmt="Avro", settings=own)


def run(client: Client, several: Sequence[Migration]) -> None:
    for migration in several:
        for statement in statements(migration.template, LAYOUT):
            client.command(statement)


@pytest.fixture
def old(engine_path: Path) -> Iterator[Client]:
    """A database of a version before `events_by_time`."""
    with open_engine(engine_path) as client:
        client.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")
        run(client, migrations()[:BEFORE])
        for migration in migrations()[:BEFORE]:
            row = [[migration.number, migration.name, migration.checksum]]
            client.insert("schema_migrations", row, column_names=["number", "name", "checksum"], database=LAYOUT.database)
        yield client
        client.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")


async def shown(engine_path: Path) -> list[Event]:
    store = ClickHouseEventStore(lambda: open_engine(engine_path, LAYOUT.database), clock=lambda: T0 + 40 * DAY)
    try:
        return await store.events(EventFilter(tenant=TENANT), ALL)
    finally:
        await store.close()


async def of_memory(events: list[Event]) -> list[Event]:
    store = MemoryEventStore()
    for each in events:
        store.put_event(each)
    return await store.events(EventFilter(tenant=TENANT), ALL)


def rows_of(client: Client, table: str) -> int:
    return int(client.query(f"SELECT count() FROM {LAYOUT.database}.{table} FINAL").result_rows[0][0])


async def test_lists_are_answered_from_the_old_rows_until_the_last_day_is_equal(old: Client, engine_path: Path) -> None:
    stored = [event(T0 + day * DAY, title=f'day {day} Ä\n"quoted"', tags={"a": "b"}, raw='{"a":\n1}') for day in range(4)]
    put(old, *stored)
    apply_migrations(old, LAYOUT)
    backfill = EventsBackfill(old, LAYOUT)
    assert (backfill.is_settled(), backfill.pending_rows(), rows_of(old, "events_by_time")) == (False, 4, 0)
    with pytest.raises(KeyboardInterrupt):
        backfill.fill(Bars(days=2))
    assert (backfill.pending_rows(), rows_of(old, "events_by_time")) == (2, 2)
    late = event(T0 + DAY, title="while it is copied")
    put(old, late)
    expected = await of_memory([*stored, late])
    assert await shown(engine_path) == expected
    bars = Bars()
    assert backfill.fill(bars) == 3  # of the day that got one more: both rows
    assert bars.totals == [3]
    assert (backfill.pending_rows(), backfill.is_complete(), backfill.fill(Bars())) == (0, True, 0)
    assert await shown(engine_path) == expected
    backfill.settle()
    backfill.settle()
    assert backfill.is_settled()
    last = event(T0 + 5 * DAY, title="afterwards")
    put(old, last)
    assert await shown(engine_path) == await of_memory([*stored, late, last])
    assert apply_migrations(old, LAYOUT) == []


async def test_a_day_that_is_not_equal_is_told_and_nothing_is_dropped(old: Client) -> None:
    put(old, event(T0, title="one"), event(T0, title="two"))
    apply_migrations(old, LAYOUT)
    put(old, event(T0, title="three"))
    old.command(f"INSERT INTO {LAYOUT.database}.events_by_time SELECT * REPLACE ('wrong' AS id) FROM {LAYOUT.database}.events_by_time")
    backfill = EventsBackfill(old, LAYOUT)
    with pytest.raises(BackfillError, match="3 rows in events, 4 in events_by_time"):
        backfill.fill(Bars())
    assert not backfill.is_complete()
    assert rows_of(old, "events") == 3


def test_what_a_version_left_under_its_former_service_is_hidden(old: Client) -> None:
    first = event(T0, service="checkout")
    moved = msgspec.structs.replace(first, version=2, service="cart")  # by a processor that did not name the service before
    apply_migrations(old, LAYOUT)
    put(old, first, event(T0, service="checkout"))
    put(old, moved)
    places = f"SELECT service, count() FROM {LAYOUT.database}.events_by_service FINAL GROUP BY service ORDER BY service"
    assert old.query(places).result_rows == [("cart", 1), ("checkout", 2)]
    backfill = EventsBackfill(old, LAYOUT)
    backfill.repair()
    backfill.repair()
    assert old.query(places).result_rows == [("cart", 1), ("checkout", 1)]


def test_a_store_without_rows_is_settled_at_once_and_one_of_a_cluster_only_by_who_made_it(old: Client) -> None:
    assert apply_migrations(old, LAYOUT)
    assert EventsBackfill(old, LAYOUT).is_settled()


class Histories:
    """Versions of events, as a sink inserts them."""

    def __init__(self, client: Client) -> None:
        self.names_services = False
        self._client = client
        self._versions: dict[int, list[Event]] = {}

    def change(self, kind: str, number: int, day: int) -> None:
        """Insert the next version of an event, or its first one again."""
        history = self._versions.setdefault(number, [])
        newest = history[-1] if history else None
        if newest is None:
            history.append(event(T0 + day * DAY, title=f"{number}", service=f"s{day % 2}"))
        elif kind == "patch" and not newest.is_deleted:
            service = f"s{day % 2}"
            before = newest.service if newest.service != service and self.names_services else ""
            version = newest.version + 1
            history.append(
                msgspec.structs.replace(newest, version=version, title=f"{number} {day}", service=service, previous_service=before)
            )
        elif kind == "delete" and not newest.is_deleted:
            history.append(gone(newest))
        put(self._client, history[0] if kind == "again" else history[-1])

    def live(self) -> int:
        """Return how many events are not deleted."""
        return sum(not history[-1].is_deleted for history in self._versions.values())


changes = st.lists(st.tuples(st.sampled_from(["new", "patch", "delete", "again"]), st.integers(0, 3), st.integers(0, 5)), max_size=12)


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=changes, meanwhile=changes, stop=st.integers(1, 4))
def test_whatever_was_stored_and_comes_in_meanwhile_is_the_same_afterwards(
    old: Client, before: list[tuple[str, int, int]], meanwhile: list[tuple[str, int, int]], stop: int
) -> None:
    old.command(f"DROP DATABASE IF EXISTS {LAYOUT.database} SYNC")
    run(old, migrations()[:BEFORE])
    histories = Histories(old)
    for each in before:
        histories.change(*each)
    run(old, migrations()[BEFORE:])
    backfill = EventsBackfill(old, LAYOUT)
    with suppress(KeyboardInterrupt):
        backfill.fill(Bars(days=stop))
    histories.names_services = True
    for each in meanwhile:
        histories.change(*each)
    backfill.fill(Bars())
    backfill.repair()  # of what was stored with no `previous_service`, and came again
    names = "tenant, ts, id, version, title_text, record"
    sides = (f"SELECT {names} FROM {LAYOUT.database}.{table} FINAL ORDER BY ts, id" for table in ("events", "events_by_time"))
    there, here = (old.query(side).result_rows for side in sides)
    assert there == here
    by_service = f"SELECT count() FROM {LAYOUT.database}.events_by_service FINAL"
    assert old.query(by_service).result_rows[0][0] == len(here), "every event has a service, and one place"
    assert len(here) == histories.live()
