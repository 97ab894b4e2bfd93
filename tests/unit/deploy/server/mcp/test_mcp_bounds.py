"""A hostile call of a tool behind the real shell: refused for little work, while a second client is served."""

import asyncio
import json
import time
from typing import Any

import pytest

from tests import patience
from tests.access_server import AccessServer, Got, Sent, serving

MOST_CPU_S = 0.4
"""What one refusal may take of the loop. Measured: up to 0.03 s; the SDK's validator took 9.7 s for 480,000 numbers, 0.44 s for 30,000."""


def call(tool: str, arguments: dict[str, Any]) -> bytes:
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    return json.dumps(message, separators=(",", ":")).encode()


async def posted(server: AccessServer, body: bytes, token: str) -> Got:
    fields = {"content-type": "application/json", "content-length": str(len(body)), "authorization": f"Bearer {token}", "host": "127.0.0.1"}
    return await server.send(Sent("POST", "/mcp", "", body, fields))


async def silence(stop: asyncio.Event) -> float:
    """Return the most CPU (s) that was used between two turns of a bystander."""
    worst, last = 0.0, time.process_time()
    while not stop.is_set():
        await patience.turn()
        now = time.process_time()
        worst, last = max(worst, now - last), now
    return worst


@pytest.mark.parametrize(
    ("tool", "arguments", "status"),
    [
        ("search_events", {"service": [1] * 480_000}, 413),
        ("create_event", {"bucketSids": [{}] * 300_000}, 413),
        ("search_events", {"service": [1] * 30_000}, 200),
        ("create_event", {"bucketSids": [{}] * 20_000}, 200),
        ("create_event", {"type": "custom", "name": "x" * 60_000}, 200),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_a_hostile_call_keeps_nobody_waiting(tool: str, arguments: dict[str, Any], status: int) -> None:
    async with serving() as server:
        token = await server.issue("read", "ingest")
        assert (await posted(server, call("list_problems", {}), token)).status == 200  # what is loaded once is loaded
        stop = asyncio.Event()
        bystander = asyncio.create_task(silence(stop))
        reply = await posted(server, call(tool, arguments), token)
        assert (await posted(server, call("list_problems", {}), token)).status == 200
        stop.set()
        assert await bystander < MOST_CPU_S
        assert reply.status == status
        assert len(reply.body) < 2_000


async def test_who_lacks_the_scope_to_write_is_told_so_whatever_the_arguments() -> None:
    async with serving() as server:
        reply = await posted(server, call("create_event", {"bucketSids": [{}] * 20_000}), await server.issue("read"))
        assert json.loads(reply.body)["result"]["content"][0]["text"] == "forbidden: the token lacks the scope ingest"
        assert (await posted(server, call("list_events", {}), await server.issue("ingest"))).status == 403
        _, is_read = await server.exchange(Sent("POST", "/mcp", "", call("list_events", {}), {"host": "127.0.0.1"}))
        assert not is_read
