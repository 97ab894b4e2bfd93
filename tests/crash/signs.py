"""By what an operator sees a fault: a line of the log, or a metric as Prometheus would scrape it. What was found is told, word for word.

A scrape that is not answered is what Prometheus itself records as `up` 0.
"""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import httpx

from tests import patience

_SCRAPE_S: Final = 0.5
_TIMEOUT_S: Final = 2.0
_SHORT: Final = 110
_LEFT_OUT: Final = frozenset({"timestamp", "level", "pid", "exception", "logger"})


class Sign(NamedTuple):
    """A pattern (re.search) over the log's lines as `told` prints them, or over the samples of `server` or `processors`."""

    place: Literal["log", "server", "processors"]
    pattern: str


class Watch:
    """What was logged and scraped since it began."""

    def __init__(self, log: Path, metrics: dict[str, str]) -> None:
        self._log, self._metrics = log, metrics
        self._from = log.stat().st_size
        self._samples: dict[str, dict[str, None]] = {job: {} for job in metrics}

    async def run(self) -> None:
        """Scrape until cancelled."""
        async with httpx.AsyncClient(timeout=_TIMEOUT_S) as http, asyncio.TaskGroup() as tasks:
            for job, url in self._metrics.items():
                tasks.create_task(self._scrape(http, job, url))

    async def _scrape(self, http: httpx.AsyncClient, job: str, url: str) -> None:
        while True:
            try:
                lines = (await http.get(url)).raise_for_status().text.splitlines()
            except httpx.HTTPError:
                lines = [f'up{{job="{job}"}} 0']
            self._samples[job].update(dict.fromkeys(line for line in lines if not line.startswith("#")))
            await patience.lasting(_SCRAPE_S, "the interval of scrapes")

    def find(self, sign: Sign) -> str | None:
        """Return the first line that the sign fits, shortened; None where there is none."""
        lines = self._read_log() if sign.place == "log" else list(self._samples[sign.place])
        return next((f"{sign.place}: {line[:_SHORT]}" for line in lines if re.search(sign.pattern, line)), None)

    def count(self, sign: Sign) -> int:
        """Return how many lines the sign fits."""
        lines = self._read_log() if sign.place == "log" else list(self._samples[sign.place])
        return sum(re.search(sign.pattern, line) is not None for line in lines)

    def _read_log(self) -> list[str]:
        with self._log.open("rb") as log:
            log.seek(self._from)
            return [told(line) for line in log.read().decode(errors="replace").splitlines()]


def told(line: str) -> str:
    """Return a JSON log line as `process: event name=value …`; any other line as it is."""
    try:
        fields = json.loads(line)
    except ValueError:
        return line
    if not isinstance(fields, dict) or "event" not in fields:
        return line
    rest = (f"{name}={value}" for name, value in fields.items() if name not in _LEFT_OUT | {"event", "process"})
    return " ".join((f"{fields.get('process', '?')}: {fields['event']}", *rest))


@contextlib.asynccontextmanager
async def watching(log: Path, metrics: dict[str, str]) -> AsyncIterator[Watch]:
    """Watch for the length of a with block."""
    watch = Watch(log, metrics)
    running = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
