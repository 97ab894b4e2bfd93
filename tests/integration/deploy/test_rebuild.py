import asyncio
import io
import re
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from rich.console import Console

from causeline.deploy.adapters import topics
from causeline.deploy.clocks import now_ms
from causeline.deploy.commands.rebuild.progress import ConsoleReport
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.processors.adapters.clickhouse import pending
from causeline.processors.adapters.clickhouse_rebuild import side_by_side
from causeline.processors.adapters.kafka.replay import replay
from causeline.processors.sink.ports import TOPIC_TABLES
from causeline.processors.sink.rebuild import RebuildError, rebuild_tables
from causeline.schemas.kafka_address import client_options
from causeline.schemas.topics import CAUSES, DELIVERIES_LOG, EVENTS, PROBLEMS, SINK_GROUP
from causeline.schemas.wire import codec
from tests.engine import TITLE, Engine
from tests.kafka_topics import delete_before
from tests.sink_stack import PARTITIONS, Progress, delivery, event, problem, produce, revision, running_sink

_ROWS = 40


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the names of the public topics are fixed."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("rebuild"))
    broker.start()

    async def fill() -> None:
        await topics.ensure(broker.bootstrap, PARTITIONS, 1)
        values = [(EVENTS, n % PARTITIONS, codec.encode_record(event("t", n))) for n in range(_ROWS)]
        values += [
            (EVENTS, 1, codec.encode_record(event("t", 1, 2, title="Changed"))),
            (EVENTS, 2, codec.encode_record(event("t", 2, 2, is_deleted=True))),
        ]
        values += [(PROBLEMS, 0, codec.encode_record(problem("t", n, 1, "opened"))) for n in (1, 2)]
        values += [(PROBLEMS, 0, codec.encode_record(problem("t", 1, 2, "closed")))]
        values += [(DELIVERIES_LOG, n % 2, codec.encode_record(delivery("t", n, 1, "retried"))) for n in range(4)]
        values += [(DELIVERIES_LOG, n % 2, codec.encode_record(delivery("t", n, 2, "dead"))) for n in range(2)]
        values += [(CAUSES, 1, codec.encode_record(revision("t", n, number))) for n in (1, 2) for number in (1, 2)]
        await produce(broker.bootstrap, values)

    asyncio.run(fill())
    yield broker.bootstrap
    broker.stop()


async def commit_nothing(bootstrap: str) -> None:
    """Let the sink's group begin anew: its offsets at the beginning."""
    consumer = AIOKafkaConsumer(**client_options(bootstrap), group_id=SINK_GROUP, enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic, number) for topic in TOPIC_TABLES for number in range(PARTITIONS)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
    finally:
        await consumer.stop()


def filled(log: str, engine: Engine) -> None:
    """Let the sink bring empty tables to the end of the log, and its committed offsets with them."""

    async def sink() -> None:
        await commit_nothing(log)
        async with running_sink(log, SINK_GROUP, engine.open), Progress(log, SINK_GROUP) as progress:
            await progress.wait_until_applied()

    asyncio.run(sink())


def rebuilt(log: str, engine: Engine, *, apply: bool = False, keep: bool = False) -> tuple[int, str]:
    """Run a rebuild; return its exit code and what it said."""
    console = Console(record=True, force_terminal=False, width=200, file=io.StringIO())

    async def run() -> int:
        async with side_by_side(engine.opener, None, engine.layout) as databases, replay(log) as log_records:
            return await rebuild_tables(log_records, databases, ConsoleReport(console, lambda: 0.0), now_ms, apply=apply, keep=keep)

    return asyncio.run(run()), console.export_text()


def databases(engine: Engine) -> list[str]:
    return [row[0] for row in engine.open().query("SHOW DATABASES").result_rows]


def test_tables_that_the_sink_filled_are_equal_to_the_log(log: str, engine: Engine) -> None:
    filled(log, engine)
    code, output = rebuilt(log, engine)
    assert (code, output.strip()) == (0, f"equal: {3 * (_ROWS - 1) + 3 + 1 + 1 + 6 + 4 + 4} rows")
    assert f"{engine.layout.database}_rebuild" not in databases(engine)


def test_rows_that_were_harmed_are_found_and_an_applied_rebuild_heals_them(log: str, engine: Engine) -> None:
    filled(log, engine)
    for harm in (
        f"DELETE FROM events_by_time WHERE {TITLE} LIKE 'Deployment 7 %'",
        f"ALTER TABLE events_by_time UPDATE owner = 'nobody' WHERE {TITLE} LIKE 'Deployment 8 %'",
        "INSERT INTO problems_open SELECT * REPLACE ('x' AS id) FROM problems_open FINAL",
        "ALTER TABLE problem_transitions UPDATE tags = map('a', 'b') WHERE version = 2",
        "DELETE FROM deliveries WHERE outcome = 'dead' AND id LIKE '%_1'",
        "ALTER TABLE deliveries_newest UPDATE outcome = 'delivered' WHERE id LIKE '%_0'",
    ):
        engine.open().command(harm, settings={"mutations_sync": 2})
    code, output = rebuilt(log, engine)
    assert code == 1
    assert "different: 6 rows" in output
    for kind in (
        "events_by_time: only in the log: t ",
        "events_by_time: different: t ",
        "problems_open: only in the tables: t x",
        "problem_transitions: different: t ",
        "deliveries: only in the log: t msg_t_1 ",
        "deliveries_newest: different: t ",
    ):
        assert kind in output
    code, output = rebuilt(log, engine, apply=True)
    assert (code, "different: 6 rows" in output, "replaced: " in output) == (0, True, True)
    code, output = rebuilt(log, engine)
    assert (code, output.startswith("equal: ")) == (0, True)


def test_an_empty_database_differs_and_becomes_what_the_log_says_only_when_asked(log: str, engine: Engine) -> None:
    client = engine.open()
    code, output = rebuilt(log, engine)
    assert (code, "only in the log" in output, "; equal: 0 rows" in output) == (1, True, True)
    assert client.query("SELECT count() FROM events_by_time").result_rows[0][0] == 0
    code, output = rebuilt(log, engine, apply=True)
    assert (code, "has no rows" in output, "replaced: " in output) == (0, True, True)
    assert client.query("SELECT count() FROM events_by_time FINAL").result_rows[0][0] == _ROWS - 1
    client.command("INSERT INTO problem_transitions SELECT * REPLACE ('later' AS id) FROM problem_transitions WHERE version = 1 LIMIT 1")
    assert client.query("SELECT count() FROM problems_open FINAL WHERE id = 'later'").result_rows[0][0] == 1


def state_of(engine: Engine) -> list[tuple[object, ...]]:
    """Return what the present database is made of: tables with their definitions and the number of their parts and rows."""
    query = "SELECT name, uuid, create_table_query, total_rows FROM system.tables WHERE database = {database:String} ORDER BY name"
    return [tuple(row) for row in engine.opener(None).query(query, parameters={"database": engine.layout.database}).result_rows]


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        ("DELETE FROM schema_migrations WHERE number = 4", "lacks 0004_small_parts_compact: run `causeline migrate` first"),
        ("DROP TABLE event_keys SYNC", "lacks event_keys: `causeline rebuild --apply` makes them anew"),
        ("DROP VIEW problems_open_from_transitions SYNC", "lacks problems_open_from_transitions: "),
    ],
)
def test_a_database_that_is_not_whole_is_refused_unchanged_and_mended_when_asked(log: str, engine: Engine, harm: str, message: str) -> None:
    filled(log, engine)
    whole = state_of(engine)
    engine.open().command(harm)
    before = state_of(engine)
    with pytest.raises(RebuildError, match=re.escape(message)):
        rebuilt(log, engine)
    assert state_of(engine) == before
    assert f"{engine.layout.database}_rebuild" not in databases(engine)
    assert rebuilt(log, engine, apply=True)[0] == 0
    assert pending(engine.open(), engine.layout) == []
    assert [row[0] for row in state_of(engine)] == [row[0] for row in whole]


def test_what_an_interrupted_rebuild_left_is_dropped(log: str, engine: Engine) -> None:
    filled(log, engine)
    engine.open().command(f"CREATE DATABASE {engine.layout.database}_rebuild")
    engine.open().command(f"CREATE TABLE {engine.layout.database}_rebuild.unconfirmed (a Int8) ENGINE = Memory")
    assert rebuilt(log, engine)[0] == 0


def test_rows_that_the_sink_has_not_confirmed_are_not_differences(log: str, engine: Engine) -> None:
    filled(log, engine)
    engine.open().command(f"DELETE FROM events_by_time WHERE {TITLE} LIKE 'Deployment 7 %'")
    asyncio.run(commit_nothing(log))
    code, output = rebuilt(log, engine)
    assert (code, "not confirmed by the sink yet" in output) == (0, True)


def test_a_kept_rebuild_stays_beside_the_tables(log: str, engine: Engine) -> None:
    filled(log, engine)
    assert "kept" in rebuilt(log, engine, keep=True)[1]
    assert f"{engine.layout.database}_rebuild" in databases(engine)
    engine.opener(None).command(f"DROP DATABASE {engine.layout.database}_rebuild SYNC")


def test_an_exchange_that_was_interrupted_is_ended_by_the_next_one(log: str, engine: Engine) -> None:
    filled(log, engine)
    engine.open().command(f"DELETE FROM events_by_time WHERE {TITLE} LIKE 'Deployment 7 %'")
    rebuilt(log, engine, keep=True)
    new = f"{engine.layout.database}_rebuild"
    engine.opener(None).command(f"EXCHANGE TABLES {engine.layout.database}.event_keys AND {new}.event_keys")
    assert rebuilt(log, engine, apply=True)[0] == 0
    assert rebuilt(log, engine)[1].startswith("equal: ")


def test_revisions_that_compaction_took_from_the_log_are_carried_over_and_those_that_it_has_are_compared(log: str, engine: Engine) -> None:
    filled(log, engine)
    older = "SELECT * REPLACE (toUInt64(7) AS revision) FROM cause_revisions LIMIT 1 BY id"
    engine.open().command(f"INSERT INTO cause_revisions {older}")
    code, output = rebuilt(log, engine)
    assert (code, "carried over 2 rows that the log no longer has" in output, "different" in output) == (0, True, False)
    other = "arrayMap(spot -> ('x', spot.2), blind_spots)"
    harm = f"ALTER TABLE cause_revisions UPDATE blind_spots = {other} WHERE revision = 2"
    engine.open().command(harm, settings={"mutations_sync": 2})
    code, output = rebuilt(log, engine, apply=True)
    assert (code, output.count("cause_revisions: different: t ")) == (0, 2)
    sums = "SELECT count(), countIf(blind_spots.service = ['payments']) FROM cause_revisions FINAL"
    assert [tuple(row) for row in engine.open().query(sums).result_rows] == [(6, 6)]


def test_rows_older_than_the_log_are_carried_over(log: str, engine: Engine) -> None:
    filled(log, engine)
    # Last in this file: the first record of a partition goes for good.
    asyncio.run(delete_before(log, EVENTS, 3, 1))
    code, output = rebuilt(log, engine)
    assert "carried over 3 rows" in output  # of one event, in both orders and for DORA
    assert code == 0


def test_a_topic_that_was_cut_hides_no_harm_to_the_tables_of_another(log: str, engine: Engine) -> None:
    filled(log, engine)
    asyncio.run(delete_before(log, DELIVERIES_LOG, 0, 2))
    engine.open().command("INSERT INTO problem_transitions SELECT * REPLACE ('foreign' AS id) FROM problem_transitions LIMIT 1")
    code, output = rebuilt(log, engine)
    assert (code, "carried over 3 rows" in output, "problem_transitions: only in the tables: t foreign" in output) == (1, True, True)
    assert "deliveries" not in output


def test_rows_of_a_partition_that_was_emptied_are_carried_over(log: str, engine: Engine) -> None:
    filled(log, engine)
    rows = state_of(engine)

    async def empty() -> None:
        async with Progress(log, SINK_GROUP) as progress:
            end = (await progress.ends())[TopicPartition(PROBLEMS, 0)]
        await delete_before(log, PROBLEMS, 0, end)

    asyncio.run(empty())
    code, output = rebuilt(log, engine, apply=True)
    assert (code, "carried over" in output, "different" in output) == (0, True, False)
    assert [row[3] for row in state_of(engine) if row[0] == "problem_transitions"] == [
        row[3] for row in rows if row[0] == "problem_transitions"
    ]
    assert engine.open().query("SELECT count() FROM problems_open FINAL").result_rows[0][0] == 1
