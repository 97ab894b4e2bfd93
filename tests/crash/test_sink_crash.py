"""The sink under kill -9, its own and the broker's: the tables then show every record exactly once."""

import asyncio
import json
import random
import subprocess
import sys
import uuid
from pathlib import Path

from causeline.deploy.adapters.topics import ensure
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.schemas.topics import EVENTS, PROBLEMS
from causeline.schemas.wire import codec
from tests import patience
from tests.engine import Engine
from tests.sink_stack import PARTITIONS, Progress, event, problem, produce, running_sink

EVENT_COUNT, CHANGED, DELETED, OPENED, CLOSED = 20_000, 2_000, 300, 500, 400
KILLS = 5
CHILD = (sys.executable, "-m", "tests.crash.sink_child")


def workload(tenant: str) -> list[tuple[str, int, bytes]]:
    """Events of which some are changed and others deleted, problems of which most close; a key keeps its partition and its order."""
    records: list[tuple[str, int, bytes]] = []
    for n in range(EVENT_COUNT):
        at = n % PARTITIONS
        records.append((EVENTS, at, codec.encode_record(event(tenant, n))))
        if n < CHANGED:
            records.append((EVENTS, at, codec.encode_record(event(tenant, n, 2, title="changed"))))
        elif n < CHANGED + DELETED:
            records.append((EVENTS, at, codec.encode_record(event(tenant, n, 2, is_deleted=True))))
        if n < OPENED:
            records.append((PROBLEMS, at, codec.encode_record(problem(tenant, n, 1, "opened"))))
        if n < CLOSED:
            records.append((PROBLEMS, at, codec.encode_record(problem(tenant, n, 2, "closed"))))
    return records


def look(folder: Path, tenant: str) -> dict[str, int]:
    """Open the folder in one more process and count what it shows."""
    shown = subprocess.run([*CHILD, "look", str(folder), tenant], capture_output=True, text=True, check=True)
    found: dict[str, int] = json.loads(shown.stdout)
    return found


async def test_kill_9_during_inserts_loses_and_doubles_nothing(broker: EmbeddedBroker, tmp_path: Path) -> None:
    tenant = uuid.uuid4().hex
    await ensure(broker.bootstrap, PARTITIONS, 1)
    chance = random.Random(7)
    async with Progress(broker.bootstrap, tenant) as progress:
        await produce(broker.bootstrap, workload(tenant))
        before = await progress.lag()
        with (tmp_path / "sink.log").open("ab") as log:
            for kill in range(KILLS + 1):
                command = [*CHILD, "run", broker.bootstrap, tenant, str(tmp_path / "engine")]
                child = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: ASYNC220 - killed below, nothing is awaited of it
                try:
                    if kill == KILLS:
                        await progress.wait_until_applied()
                    else:
                        # The child has inserted and committed something, and is in the midst of more.
                        goal = before * (KILLS - kill) // (KILLS + 1)
                        async with asyncio.timeout(30):
                            while await progress.lag() > goal:
                                assert child.poll() is None, (tmp_path / "sink.log").read_text()[-3_000:]
                        await patience.lasting(chance.random() * 0.05, "the moment of the kill is random")
                        assert await progress.lag(), "the workload is too small to be killed in"
                finally:
                    child.kill()
                    child.wait()
    found = await asyncio.to_thread(look, tmp_path / "engine", tenant)
    rows = found.pop("rows")
    assert found == {
        "events": EVENT_COUNT - DELETED,
        "ids": EVENT_COUNT - DELETED,
        "changed": CHANGED,
        "open": OPENED - CLOSED,
        "closed": CLOSED,
        "transitions": OPENED + CLOSED,
    }
    print(f"{KILLS} kills, {rows} rows in parts for {EVENT_COUNT + CHANGED + DELETED} records")


async def test_kill_9_of_the_broker_under_a_running_sink_loses_nothing(tmp_path: Path, engine: Engine) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    try:
        await ensure(broker.bootstrap, PARTITIONS, 1)
        values = [(EVENTS, n % PARTITIONS, codec.encode_record(event("t", n))) for n in range(4_000)]
        async with running_sink(broker.bootstrap, "sink", engine.open):
            await produce(broker.bootstrap, values[:2_000])
            broker.kill()
            await asyncio.to_thread(broker.restart)
            await produce(broker.bootstrap, values[2_000:])
            async with Progress(broker.bootstrap, "sink") as progress:
                await progress.wait_until_applied()
        with engine.open() as client:
            assert client.query("SELECT count(), uniqExact(id) FROM events_by_time FINAL").result_rows[0] == (4_000, 4_000)
    finally:
        broker.stop()
