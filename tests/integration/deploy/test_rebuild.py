import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from clickhouse_connect.driver.client import Client
from rich.console import Console

from causeline.deploy import topics
from causeline.deploy.broker import EmbeddedBroker
from causeline.deploy.rebuild import rebuild
from causeline.deploy.rebuild_progress import Report
from causeline.processors.adapters.kafka_replay import replay
from causeline.schemas import codec
from causeline.schemas.topics import EVENTS, PROBLEMS, SINK_GROUP
from tests.engine import Engine
from tests.kafka_topics import delete_before
from tests.sink_stack import PARTITIONS, event, problem, produce, running_sink

_ROWS = 40


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of its own: the names of the public topics are fixed."""
    broker = EmbeddedBroker(tmp_path_factory.mktemp("rebuild"))
    broker.start()

    async def fill() -> None:
        await topics.ensure(broker.bootstrap, PARTITIONS, 1)
        values = [(EVENTS, n % PARTITIONS, codec.encode(event("t", n))) for n in range(_ROWS)]
        values += [(EVENTS, 1, codec.encode(event("t", 1, 2, title="Changed"))), (EVENTS, 2, codec.encode(event("t", 2, 2, deleted=True)))]
        values += [(PROBLEMS, 0, codec.encode(problem("t", n, 1, "opened"))) for n in (1, 2)]
        values += [(PROBLEMS, 0, codec.encode(problem("t", 1, 2, "closed")))]
        await produce(broker.bootstrap, values)

    asyncio.run(fill())
    yield broker.bootstrap
    broker.stop()


def filled(log: str, engine: Engine) -> None:
    """Let a sink bring the tables to the end of the log."""

    async def sink() -> None:
        async with running_sink(log, SINK_GROUP + uuid.uuid4().hex, engine.open):
            while engine.open().query("SELECT count() FROM problem_transitions FINAL").result_rows[0][0] < 3:  # noqa: ASYNC110 - asked of the tables
                await asyncio.sleep(0.05)
            while engine.open().query("SELECT count() FROM events FINAL").result_rows[0][0] != _ROWS - 1:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.05)

    asyncio.run(sink())


def rebuilt(log: str, engine: Engine, *, apply: bool = False, keep: bool = False, confirmed: bool = True) -> tuple[int, str]:
    """Run a rebuild; `confirmed`: as if the sink had committed up to the ends."""
    console = Console(record=True, force_terminal=False, width=200, quiet=False)

    async def run() -> int:
        client = engine.opener(None)
        async with replay(log) as found:
            ends = {at: span.end for at, span in (await found.spans()).items()}

            async def all_confirmed(group: str = "") -> dict[object, int]:
                del group
                return dict(ends)

            if confirmed:
                found.confirmed = all_confirmed  # type: ignore[method-assign,assignment]
            return await rebuild(found, engine.opener, client, engine.layout, Report(console, lambda: 0.0), apply=apply, keep=keep)

    return asyncio.run(run()), console.export_text()


def databases(engine: Engine) -> list[str]:
    return [row[0] for row in engine.open().query("SHOW DATABASES").result_rows]


def test_tables_that_the_sink_filled_are_equal_to_the_log(log: str, engine: Engine) -> None:
    filled(log, engine)
    code, said = rebuilt(log, engine)
    assert (code, said.strip()) == (0, f"equal: {_ROWS - 1 + 3 + 1 + 1} rows")
    assert f"{engine.layout.database}_rebuild" not in databases(engine)


@pytest.mark.parametrize(
    ("harm", "kind", "rows"),
    [
        ("DELETE FROM events WHERE title LIKE 'Deployment 7 %'", "events: only in the log", 1),
        ("ALTER TABLE events UPDATE owner = 'nobody' WHERE title LIKE 'Deployment 7 %'", "events: different", 1),
        ("INSERT INTO problems_open SELECT * REPLACE ('x' AS id) FROM problems_open FINAL", "problems_open: only in the tables", 1),
        ("ALTER TABLE problem_transitions UPDATE tags = map('a', 'b') WHERE version = 2", "problem_transitions: different", 1),
    ],
)
def test_a_row_that_was_harmed_is_found_and_an_applied_rebuild_heals_it(log: str, engine: Engine, harm: str, kind: str, rows: int) -> None:
    filled(log, engine)
    engine.open().command(harm, settings={"mutations_sync": 2})
    code, said = rebuilt(log, engine)
    assert code == 1
    assert f"different: {rows} rows" in said
    assert kind in said
    assert rebuilt(log, engine, apply=True)[0] == 0
    code, said = rebuilt(log, engine)
    assert (code, "equal: " in said) == (0, True)


def test_an_empty_database_becomes_what_the_log_says_and_its_views_go_on(log: str, engine: Engine) -> None:
    code, said = rebuilt(log, engine)
    assert (code, "has no rows" in said) == (0, True)
    client = engine.open()
    assert client.query("SELECT count() FROM events FINAL").result_rows[0][0] == _ROWS - 1
    client.command("INSERT INTO problem_transitions SELECT * REPLACE ('later' AS id) FROM problem_transitions WHERE version = 1 LIMIT 1")
    assert client.query("SELECT count() FROM problems_open FINAL WHERE id = 'later'").result_rows[0][0] == 1


def test_what_an_interrupted_rebuild_left_is_dropped(log: str, engine: Engine) -> None:
    filled(log, engine)
    engine.open().command(f"CREATE DATABASE {engine.layout.database}_rebuild")
    engine.open().command(f"CREATE TABLE {engine.layout.database}_rebuild.unconfirmed (a Int8) ENGINE = Memory")
    assert rebuilt(log, engine)[0] == 0


def test_rows_that_the_sink_has_not_confirmed_are_not_differences(log: str, engine: Engine) -> None:
    filled(log, engine)
    engine.open().command("DELETE FROM events WHERE title LIKE 'Deployment 7 %'")
    code, said = rebuilt(log, engine, confirmed=False)
    assert (code, "not confirmed by the sink yet" in said) == (0, True)


def test_a_kept_rebuild_stays_beside_the_tables(log: str, engine: Engine) -> None:
    filled(log, engine)
    assert "kept" in rebuilt(log, engine, keep=True)[1]
    assert f"{engine.layout.database}_rebuild" in databases(engine)
    engine.opener(None).command(f"DROP DATABASE {engine.layout.database}_rebuild SYNC")


def test_rows_older_than_the_log_are_carried_over(
    log: str, engine: Engine, clickhouse: Callable[[str | None], Client], tmp_path: Path
) -> None:
    del clickhouse, tmp_path
    filled(log, engine)
    # Last in this file: the first record of a partition goes for good.
    asyncio.run(delete_before(log, EVENTS, 3, 1))
    code, said = rebuilt(log, engine)
    assert "carried over 1 rows" in said
    assert code == 0
