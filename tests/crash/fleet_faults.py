"""Faults of several processes on one Kafka and one ClickHouse: members that come and go, and a ClickHouse that is away."""

import asyncio
import signal
from typing import Final

import httpx

from tests import patience
from tests.crash.faults import Fault
from tests.crash.signs import Sign
from tests.fleet import Fleet
from tests.stack import Stack
from tests.standstill import standing_still

_AWAY_S: Final = 20.0
_LOOK_S: Final = 0.5
_CLICKHOUSE_SILENT: Final = (Sign("server", r'causeline_ready\{part="clickhouse"\} 0'), Sign("log", "server: insert_retried error="))

_GIVEN_UP: Final = (Sign("log", "processors: failed .*still at work"), Sign("log", "keeper: member ended .*exit_code=[^0]"))
"""Who was asked to leave leaves in order, and who stays gives its partitions up in time."""


def rolling(fleet: Fleet) -> Fault:
    """Restart every member, one after the other, each once all is ready again: an upgrade of the whole fleet."""

    async def do(_: Stack) -> None:
        for name in fleet.members:
            took = await asyncio.to_thread(fleet.end, name, signal.SIGTERM)
            print(f"{name}: there again {took:.1f} s after SIGTERM", flush=True)

    signs = (Sign("log", "server: server stopped"), Sign("log", "processors: processors stopped"))
    return Fault("rolling restart, 2 servers, 3 processors", do, signs, never=_GIVEN_UP)


def one_of_each_killed(fleet: Fleet) -> Fault:
    """Kill one server and one processors process at the same moment; the others take over until they are back."""

    async def do(_: Stack) -> None:
        await asyncio.gather(*(asyncio.to_thread(fleet.end, name, signal.SIGKILL) for name in ("server 1", "processors 1")))

    signs = (Sign("server", "^up.* 0$"), Sign("processors", "^up.* 0$"))
    return Fault("kill -9 of 1 of 2 servers, 1 of 3 processors", do, signs)


def clickhouse_killed(fleet: Fleet, seconds: float = _AWAY_S) -> Fault:
    """Kill the ClickHouse server and keep it away."""

    async def do(_: Stack) -> None:
        fleet.clickhouse.kill()
        await _away(fleet, seconds)
        await asyncio.to_thread(fleet.clickhouse.start)

    return Fault(f"ClickHouse down, {seconds:.0f} s", do, _CLICKHOUSE_SILENT)


def clickhouse_frozen(fleet: Fleet, seconds: float = _AWAY_S) -> Fault:
    """Freeze the ClickHouse server: connections stand, and nothing answers."""

    async def do(_: Stack) -> None:
        with standing_still(fleet.clickhouse.process.pid):
            await _away(fleet, seconds)

    return Fault(f"ClickHouse frozen, {seconds:.0f} s", do, _CLICKHOUSE_SILENT[:1])


async def _away(fleet: Fleet, seconds: float) -> None:
    """Wait, and see meanwhile that writes are taken, that reads are refused as unavailable and that readiness names the part."""
    until = asyncio.get_running_loop().time() + seconds
    written, refused, reasons, slowest = 0, 0, set[str](), 0.0
    async with httpx.AsyncClient(base_url=fleet.url, timeout=30, headers={"Causeline-Tenant": "away"}) as http:
        while (began := asyncio.get_running_loop().time()) < until:
            written += (await http.post("/v1/events", json={"kind": "probe", "title": "away"})).status_code == 201
            listed = await http.get("/v1/events", params={"limit": 1})
            slowest = max(slowest, asyncio.get_running_loop().time() - began)
            refused += listed.status_code == 503 and "Retry-After" in listed.headers
            assert listed.status_code in (200, 503), f"{listed.status_code} {listed.text}"
            reasons |= set((await http.get("/readyz")).json()["reasons"])
            await patience.lasting(_LOOK_S, "the pace of the probes")
    print(f"ClickHouse away: {written} writes taken, {refused} reads refused, slowest {slowest:.1f} s, {sorted(reasons)}", flush=True)
    assert written > 1
    assert refused > 1
    assert "ClickHouse does not answer" in reasons
