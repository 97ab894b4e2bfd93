"""Acknowledged to visible: how long after its answer an event shows in a list, while a load runs beside it.

    python -m tests.bench.visibility PORT SECONDS [PROBERS [EVENTS_A_SECOND]]

Each prober posts one event at a time and then asks for the newest event of a service of its own until it is there. All together they post
`EVENTS_A_SECOND` at most; without, each posts the next one as soon as the last one is there.
"""

import http.client
import json
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from tests import patience
from tests.bench.load import percentile

_PROBERS = 4
"""Enough for some hundred probes in a short run, few enough not to be the load: each asks at most 100 times a second."""

_ASK_EVERY_S = 0.01


def probe(connection: http.client.HTTPConnection, service: str, name: str) -> float:
    """Return the seconds from the acknowledgement of one event until a list shows it."""
    body = json.dumps({"kind": "deployment", "title": name, "service": service})
    connection.request("POST", "/v1/events", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    event_id = json.loads(answer.read())["id"]
    acknowledged = time.perf_counter()
    while True:
        connection.request("GET", f"/v1/events?service={service}&limit=1&from=now-5m")
        events = json.loads(connection.getresponse().read())["events"]
        if events and events[0]["id"] == event_id:
            return time.perf_counter() - acknowledged
        patience.pause(_ASK_EVERY_S, "between two looks, whose number is measured too")


def probing(port: int, seconds: float, every_s: float, first_s: float) -> list[float]:
    """Return what one prober found, in seconds. It begins after `first_s` and posts an event every `every_s`, or as soon as it may."""
    patience.pause(first_s, "the load begins first")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    service = f"probe-{uuid.uuid4().hex[:8]}"
    deadline = time.perf_counter() + seconds
    delays: list[float] = []
    while time.perf_counter() < deadline:
        began = time.perf_counter()
        delays.append(probe(connection, service, f"probe {len(delays)}"))
        patience.pause(began + every_s - time.perf_counter(), "the pace of the probes")
    return delays


def main(port: int, seconds: float, probers: int = _PROBERS, rate: float = 0.0) -> None:
    every_s = probers / rate if rate else 0.0
    with ThreadPoolExecutor(probers) as threads:
        runs = [threads.submit(probing, port, seconds, every_s, every_s * number / probers) for number in range(probers)]
        delays = sorted(seen for run in runs for seen in run.result())
    print(json.dumps({"probes": len(delays), "p50_ms": percentile(delays, 0.5) * 1e3, "p99_ms": percentile(delays, 0.99) * 1e3}))


if __name__ == "__main__":
    numbers = [float(argument) for argument in sys.argv[1:]]
    main(int(numbers[0]), numbers[1], int(numbers[2]) if len(numbers) > 2 else _PROBERS, numbers[3] if len(numbers) > 3 else 0.0)
