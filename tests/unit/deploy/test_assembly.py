"""The parts of a server as they really are, without a broker and a database: what can be said of their beginning and end."""

import asyncio
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from causeline.deploy.embedded.free_ports import free_port
from causeline.deploy.server import lifecycle
from causeline.deploy.server.assembly import assemble
from causeline.deploy.settings import Settings
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
