"""The parts of a server as they really are, without a broker and a database: what can be said of their beginning and end."""

import asyncio
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError
from clickhouse_connect.driver.client import Client

from causeline.deploy.embedded.free_ports import free_port
from causeline.deploy.server import lifecycle
from causeline.deploy.server.assembly import assemble
from causeline.deploy.server.engine_patience import EnginePatience, EngineStuck
from causeline.deploy.server.watches import watch_engine
from causeline.deploy.settings import Settings
from causeline.query_api.adapters.clickhouse.limits import QueryLimits
from causeline.query_api.adapters.clickhouse.store import ClickHouseEventStore
from causeline.schemas.web.errors import Unavailable
from tests import patience

NOWHERE = "127.0.0.1:1"


def settings(folder: Path, **others: Any) -> Settings:
    return Settings(
        kafka=NOWHERE, clickhouse=f"http://{NOWHERE}/x", http_port=free_port(), grpc_port=free_port(), data_dir=folder / "none", **others
    )


class Idle:
    """A sink without a group."""

    def __init__(self) -> None:
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        await self._stopping.wait()

    def stop(self) -> None:
        self._stopping.set()


async def nothing() -> None:
    return None


@pytest.mark.parametrize("others", [{}, {"auth": "required", "jwt_jwks": f"http://{NOWHERE}/keys", "tenant_events_per_second": 5}])
async def test_a_server_without_a_broker_fails_at_its_start_and_leaves_no_task(tmp_path: Path, others: dict[str, Any]) -> None:
    before = asyncio.all_tasks()
    with pytest.raises(KafkaConnectionError):
        await lifecycle.run_parts(assemble(settings(tmp_path, **others)), asyncio.Event())
    assert asyncio.all_tasks() == before


async def test_a_server_answers_until_it_is_asked_to_stop_and_leaves_no_task(tmp_path: Path) -> None:
    chosen_settings = settings(tmp_path)
    before = asyncio.all_tasks()
    parts = assemble(chosen_settings)._replace(join_sink_group=nothing, sink=Idle())
    stop, listening = asyncio.Event(), asyncio.Event()

    def listens() -> None:
        parts.listens()
        listening.set()

    def alive() -> int:
        connection = HTTPConnection("127.0.0.1", chosen_settings.http_port, timeout=20)
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
        connection.close()
        return status

    def answers() -> bool:
        """Ask until the port is there: a server says that it listens when it begins to."""
        try:
            return alive() == 200
        except ConnectionRefusedError:
            return False

    running = asyncio.create_task(lifecycle.run_parts(parts._replace(listens=listens), stop))
    await listening.wait()
    await asyncio.to_thread(patience.asked, answers)
    stop.set()
    await running
    assert asyncio.all_tasks() == before
    with pytest.raises(ConnectionRefusedError):
        alive()


async def test_a_server_whose_engine_keeps_its_handles_ends_and_does_not_wait_for_them(tmp_path: Path) -> None:
    gate = threading.Event()

    def hang() -> Client:
        gate.wait(patience.SECONDS)
        raise OSError("let go")

    store = ClickHouseEventStore(hang, QueryLimits(handles=1, away=1, seconds=0, silence_s=0, grace_s=0))

    async def ask() -> str:
        with pytest.raises(Unavailable):
            await store.event("t", "01a1fd7d-7102-7959-969a-d48b9c76c7f4")
        return store.stuck

    await patience.found(ask)
    parts = assemble(settings(tmp_path))._replace(join_sink_group=nothing, sink=Idle())
    parts = parts._replace(watches=[lambda: watch_engine([store], EnginePatience(0))], closings=(*parts.closings, store.close))
    with pytest.raises(ExceptionGroup) as failure:
        await asyncio.wait_for(lifecycle.run_parts(parts, asyncio.Event()), patience.SECONDS)
    assert failure.group_contains(EngineStuck, match="all 1 handles on ClickHouse are overdue, and 1 more did not come back")
    gate.set()
