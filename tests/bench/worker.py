"""A thousand events a second, every one of them told, by the one worker of `causeline up`: what it holds, and what limits it.

Rates and the growth of what waits are those of the load's second half. The CPU of each process in the same time, and of the whole machine,
tells what is busy: a process of one event loop has one core at most.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from tests.bench.parts import SECONDS
from tests.bench.report import Report, share
from tests.stack import Stack, running

RATE: Final = 1_000.0
SUBSCRIPTIONS: Final = 100
PROCESSES: Final = {
    "worker": "causeline deliver",
    "processors": "causeline processors",
    "server": "causeline server",
    "broker": "kafka.Kafka",
}
ONE_LOOP: Final = ("worker", "processors")
LOAD: Final = "load and receiver"
BUSY: Final = 0.9
"""From this share of its cores on something is held to be busy all the time."""
_LOOK_S: Final = 0.25


class Look(NamedTuple):
    """CPU seconds that each process has used, and that the whole machine has, at a time of the monotonic clock (s)."""

    at: float
    used: dict[str, float]
    machine: float


def worker(report: Report) -> None:
    """1,000 events a second, every one told to one of 100 subscriptions, by one worker."""
    with (
        tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder,
        running(Path(folder) / "data", CAUSELINE_DELIVERY_ALLOW="127.0.0.1") as stack,
    ):
        arguments = map(str, (stack.http_port, 4 * SECONDS, RATE, SUBSCRIPTIONS))
        notifying = subprocess.Popen([sys.executable, "-m", "tests.bench.notify", *arguments], stdout=subprocess.PIPE)
        looks = _looks(stack, notifying)
        seen: dict[str, float] = json.loads(notifying.communicate()[0])
    shares, machine = cpu_shares([look for look in looks if seen["half"] <= look.at < seen["ended"]])
    note = f"{seen['acknowledged_per_second']:,.0f} a second acknowledged; {limit(shares, machine, os.cpu_count() or 1)}"
    what = f"one worker, {RATE:,.0f} events/s, all told"
    report.add(what, seen["told_per_second"], "deliveries/s", RATE, "wanted", note, share(0.98))
    note = f"{seen['behind']:,.0f} waiting when the load ended, {seen['missing']:,.0f} of {seen['told']:,.0f} never told"
    report.add(f"{what}: growth of what waits", seen["behind_per_second"], "deliveries/s", note=note)
    report.add(f"{what}: acknowledged to told, p99", seen["p99_ms"], "ms", note=f"p50 {seen['p50_ms']:,.0f} ms")
    for name, used in shares.items():
        report.add(f"{what}: CPU of {name}", 100 * used, "% of a core")
    report.add(f"{what}: CPU of the machine", 100 * machine, "% of a core", note=f"{os.cpu_count()} cores; with everything else that runs")


def _looks(stack: Stack, notifying: "subprocess.Popen[bytes]") -> list[Look]:
    """Look at all processes until the load has ended."""
    processes = {name: stack.child(words) for name, words in PROCESSES.items()} | {LOAD: psutil.Process(notifying.pid)}
    looks: list[Look] = []
    while notifying.poll() is None:
        used = {name: sum(process.cpu_times()[:2]) for name, process in processes.items()}
        machine = psutil.cpu_times()
        looks.append(Look(time.perf_counter(), used, sum(machine[:8]) - machine.idle - machine.iowait))
        try:
            notifying.wait(_LOOK_S)
        except subprocess.TimeoutExpired:
            continue
    return looks


def cpu_shares(looks: list[Look]) -> tuple[dict[str, float], float]:
    """Return the cores that each process, and the machine, used between the first and the last look."""
    first, last = looks[0], looks[-1]
    span = last.at - first.at
    return {name: (used - first.used[name]) / span for name, used in last.used.items()}, (last.machine - first.machine) / span


def limit(shares: Mapping[str, float], machine: float, cores: int) -> str:
    """Return what keeps it from more, in words: a process whose one loop is busy, the machine, or neither."""
    loops = [name for name in ONE_LOOP if shares[name] >= BUSY]
    if loops:
        return f"limited by the loop of {' and '.join(loops)}"
    if machine >= BUSY * cores:
        return (
            f"limited by the machine: {machine:.1f} of {cores} cores busy, {machine - sum(shares.values()):.1f} of them with something else"
        )
    return f"no process and no core is busy all the time ({machine:.1f} of {cores} cores)"
