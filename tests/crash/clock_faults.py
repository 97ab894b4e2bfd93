"""The wall clock of Causeline's processes steps: back an hour, forward, and back to what it was. See `moved_clock/sitecustomize.py`."""

import os
import struct
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx

from tests import patience
from tests.crash.faults import PROCESSORS, Fault
from tests.crash.signs import Sign
from tests.stack import Stack

HOUR_S: Final = 3_600.0
_MOVED: Final = Path(__file__).with_name("moved_clock")
_STALL_SEEN_S: Final = 15.0
_STEP_S: Final = 6.0


class MovedClock:
    """The offset that every process with `env` sees."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.env = {"PYTHONPATH": os.fspath(_MOVED), "CAUSELINE_TEST_CLOCK": os.fspath(file)}
        file.write_bytes(struct.pack("<d", 0.0))

    def step_to(self, seconds: float) -> None:
        """Let the clock differ from the machine's by so much, from now on."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("<d", seconds))


def stepping(clock: MovedClock) -> Fault:
    """Step an hour back, an hour beyond the true time, and back to it, a while each, under load."""

    async def do(stack: Stack) -> None:
        try:
            for seconds in (-HOUR_S, HOUR_S):
                before = await _write(stack, f"before {seconds:+.0f}")
                clock.step_to(seconds)
                await _sane(stack, seconds, before)
                await patience.lasting(_STEP_S, "load under the moved clock")
        finally:
            clock.step_to(0.0)

    signs = (Sign("log", "server: clock stepped seconds=-"), Sign("server", "causeline_clock_steps_total.*back"))
    return Fault("clock -1 h, +1 h, true again", do, signs)


def stall_after_a_step_back(clock: MovedClock, seconds: float) -> Fault:
    """Step an hour back and freeze the processors: that they stand still must show at once, not in an hour."""

    async def do(stack: Stack) -> None:
        clock.step_to(-HOUR_S)
        processors = stack.child(PROCESSORS)
        processors.suspend()
        try:
            began = time.monotonic()
            await patience.holds(lambda: not stack.ready(), seconds=_STALL_SEEN_S)  # processors that stand still are not called ready
            await patience.lasting(seconds - (time.monotonic() - began), "how long they stand still")
        finally:
            clock.step_to(0.0)
            processors.resume()

    return Fault(f"clock -1 h, processors frozen {seconds:.0f} s", do, (Sign("server", r'causeline_ready\{part="processors"\} 0'),))


async def _write(stack: Stack, title: str) -> str:
    async with httpx.AsyncClient(base_url=stack.url, timeout=10, headers={"Causeline-Tenant": "clock"}) as http:
        answer = await http.post("/v1/events", json={"kind": "probe", "title": title})
        event_id: str = answer.raise_for_status().json()["id"]
        return event_id


async def _sane(stack: Stack, shift_s: float, before: str) -> None:
    """What users see right after a step: by id all as ever, windows up to now by the clock as it now is, pages without a hole."""
    after = [await _write(stack, f"after {shift_s:+.0f} {n}") for n in range(3)]
    async with httpx.AsyncClient(base_url=stack.url, timeout=10, headers={"Causeline-Tenant": "clock"}) as http:
        for event_id in (before, *after):
            assert (await http.get(f"/v1/events/{event_id}")).status_code == 200
        now = datetime.now(UTC) + timedelta(seconds=shift_s)
        window = {"from": now - timedelta(minutes=5), "to": now + timedelta(minutes=5)}
        recent = await _ids(http, {"limit": "1000"} | {name: at.isoformat() for name, at in window.items()})
        assert set(after) <= set(recent)
        assert before not in recent  # an hour away by the new clock, before it or still to come
        paged = await _ids(http, {"limit": "2"})
        assert {before, *after} <= set(paged)
        assert len(paged) == len(set(paged))
    samples = (await _metrics(stack, "server")) + (await _metrics(stack, "processors"))
    assert not [line for line in samples if line.startswith("causeline_lag_seconds") and float(line.split()[-1]) < 0]


async def _ids(http: httpx.AsyncClient, parameters: dict[str, str]) -> list[str]:
    event_ids: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = (await http.get("/v1/events", params=parameters | ({"cursor": cursor} if cursor else {}))).raise_for_status().json()
        event_ids += [event["id"] for event in answer["events"]]
        cursor = answer["next_cursor"]
    return event_ids


async def _metrics(stack: Stack, job: str) -> list[str]:
    async with httpx.AsyncClient(timeout=5) as http:
        return (await http.get(stack.metrics[job])).raise_for_status().text.splitlines()
