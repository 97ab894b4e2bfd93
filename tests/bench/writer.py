"""A writer beside what is measured: batches over HTTP at a steady rate, from a process of its own, until the block ends."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests import patience

BATCH: Final = 500
CONNECTIONS: Final = 8
_LONGEST_S: Final = 86_400.0
_WARM_S: Final = 2.0


class Writing:
    """What a writer was asked for (`rate`, events a second) and, once its block has ended, what became of it."""

    def __init__(self, url: str, rate: float) -> None:
        self.rate = rate
        self.per_second = 0.0
        self.backlog = 0
        self.note = ""
        self._url = url
        self._before = rows_inserted(url)

    def stored(self) -> int:
        """Return how many events have been inserted since the writer began."""
        return rows_inserted(self._url) - self._before

    def end(self, seen: dict[str, float]) -> None:
        """Take what the load saw; what is not stored when it ends is the backlog."""
        self.per_second = seen["events_per_second"]
        self.backlog = max(0, int(seen["requests"] - seen["errors"]) * BATCH - self.stored())
        answered = f"answered within p50 {seen['p50_ms']:.0f} ms, p99 {seen['p99_ms']:.0f} ms, errors {seen['errors']:.0f}"
        self.note = f"for {seen['seconds']:.0f} s in batches of {BATCH}, {answered}; {self.backlog:,} events not yet stored at its end"


def rows_inserted(url: str) -> int:
    """Return how many rows of events a server has put into the store since it started."""
    families = text_string_to_metric_families(httpx.get(f"{url}/metrics", timeout=30).text)
    samples = (sample for family in families if family.name == "causeline_rows_inserted" for sample in family.samples)
    return int(sum(s.value for s in samples if s.name.endswith("_total") and s.labels["table"].endswith("events")))


@contextmanager
def writing(url: str, rate: float, tenant: str = "default") -> Iterator[Writing]:
    """Write events of a tenant at a rate for the length of a block, which begins when what was written shows in the store."""
    writer = Writing(url, rate)
    port = str(httpx.URL(url).port)
    arguments = [port, str(CONNECTIONS), str(_LONGEST_S), f"batch:{BATCH}", "/v1/events", str(rate / BATCH), tenant]
    load = subprocess.Popen([sys.executable, "-m", "tests.bench.load", *arguments], stdout=subprocess.PIPE)
    try:
        patience.asked_by(writer.stored, lambda stored: stored >= _WARM_S * rate, seconds=10 * _WARM_S, every=0.2)
        yield writer
        load.send_signal(signal.SIGTERM)
        writer.end(json.loads(load.communicate(timeout=60)[0]))
    finally:
        load.kill()
        load.wait()
