"""`causeline rebuild --apply` as a process beside a sink that goes on inserting, on a broker and a ClickHouse server of their own."""

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from causeline.deploy.adapters import topics
from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.deploy.embedded.parts import causeline_argv
from causeline.processors.adapters.clickhouse import apply_migrations, open_server
from causeline.schemas.migrations import TableLayout
from causeline.schemas.topics import EVENTS, PROBLEMS, SINK_GROUP
from causeline.schemas.wire import codec
from tests.clickhouse_http import ClickHouseHttp
from tests.sink_stack import PARTITIONS, Progress, event, problem, produce, running_sink

_ROUND = 20


class Servers(NamedTuple):
    """Addresses of a broker and of a ClickHouse server."""

    kafka: str
    clickhouse: str


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    broker, clickhouse = EmbeddedBroker(tmp_path / "broker"), ClickHouseHttp(tmp_path / "clickhouse")
    broker.start()
    clickhouse.start()
    yield Servers(broker.bootstrap, clickhouse.url)
    clickhouse.stop()
    broker.stop()


async def rebuild(servers: Servers, *flags: str) -> tuple[int, str]:
    argv = [*causeline_argv("rebuild"), "--kafka", servers.kafka, "--clickhouse", servers.clickhouse, *flags]
    process = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    output, _ = await asyncio.wait_for(process.communicate(), 120)
    return process.returncode or 0, output.decode()


async def test_tables_swapped_beside_a_busy_sink_lose_nothing(servers: Servers) -> None:
    apply_migrations(open_server(servers.clickhouse, "default"), TableLayout())
    await topics.ensure(servers.kafka, PARTITIONS, 1)
    stopping = asyncio.Event()
    count = 0

    async def load() -> None:
        nonlocal count
        while not stopping.is_set():
            numbers = range(count, count + _ROUND)
            values = [(EVENTS, number % PARTITIONS, codec.encode_record(event("t", number))) for number in numbers]
            values += [(PROBLEMS, number % PARTITIONS, codec.encode_record(problem("t", number, 1, "opened"))) for number in numbers]
            await produce(servers.kafka, values)
            count += _ROUND

    async with running_sink(servers.kafka, SINK_GROUP, lambda: open_server(servers.clickhouse, "causeline")):
        loading = asyncio.create_task(load())
        before = count
        code, output = await rebuild(servers, "--apply")
        assert (code, output.splitlines()[-1]) == (0, "replaced: causeline is what the log says"), output
        assert count > before, "nothing was inserted while the tables were swapped"
        stopping.set()
        await loading
        async with Progress(servers.kafka, SINK_GROUP) as progress:
            await progress.wait_until_applied()
    client = open_server(servers.clickhouse, "causeline")
    counts = {
        name: client.query(f"SELECT count() FROM {name} FINAL").result_rows[0][0]
        for name in ("events_by_time", "problem_transitions", "problems_open")
    }
    assert counts == {"events_by_time": count, "problem_transitions": count, "problems_open": count}
    code, output = await rebuild(servers)
    assert (code, output) == (0, f"equal: {5 * count} rows\n"), output
