"""Worker processes under a small supervisor, which starts again what ends, and a schedule of faults that is the same for every run."""

import asyncio
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Self

from tests import patience
from tests.kafka_topics import Topics

_ROOT = Path(__file__).parents[2]


class Workers:
    """`count` processes of the counter; `app` names the transactional ids of the n-th process started."""

    def __init__(self, bootstrap: str, topics: Topics, log: Path, *, count: int, app: Callable[[int], str]) -> None:
        self._command = [sys.executable, "-m", "tests.crash.counter_worker", bootstrap, *topics]
        self._app = app
        self._count = count
        self._start_count = 0
        self._log = log.open("ab")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._watch: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        self._processes = [self._start() for _ in range(self._count)]
        self._watch = asyncio.create_task(self._restart_what_ends())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._watch.cancel()
        for process in self._processes:
            process.kill()
            process.wait()
        self._log.close()

    def _start(self) -> subprocess.Popen[bytes]:
        self._start_count += 1
        return subprocess.Popen([*self._command, self._app(self._start_count)], cwd=_ROOT, stdout=self._log, stderr=self._log)

    async def _restart_what_ends(self) -> None:
        while True:
            await patience.lasting(0.1, "between two looks of a supervisor, which never ends")
            self._processes = [process if process.poll() is None else self._start() for process in self._processes]

    async def faults(self, schedule: random.Random, kills: int, stops: int) -> None:
        """Kill and stop processes at moments and in an order that the schedule draws."""
        plan = [signal.SIGKILL] * kills + [signal.SIGSTOP] * stops
        schedule.shuffle(plan)
        for fault in plan:
            await patience.lasting(schedule.uniform(0.3, 1.5), "faults come at random moments")
            victim = schedule.choice(self._processes)
            if victim.poll() is not None:
                continue
            victim.send_signal(fault)
            if fault is signal.SIGSTOP:
                await patience.lasting(3.0, "longer than the session: the group goes on without it")
                victim.send_signal(signal.SIGCONT)

    async def stop(self, seconds: float = 15.0) -> None:
        """Ask all to end, and wait until they have. How they end is not judged: a frozen one may find out only now that it is fenced."""
        self._watch.cancel()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            await asyncio.to_thread(process.wait, seconds)
