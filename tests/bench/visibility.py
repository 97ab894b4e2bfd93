"""Acknowledged to visible: how long after its answer an event shows in a list, while a load runs beside it.

    python -m tests.bench.visibility PORT SECONDS [PROBERS]

Each prober posts one event at a time and then asks for the newest event of a service of its own until it is there.
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
"""Enough for some hundred probes in a short run, few enough not to be the load: each asks at most 50 times a second."""

_ASK_EVERY_S = 0.02


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


def probing(port: int, seconds: float) -> list[float]:
    """Return what one prober found, in seconds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    service = f"probe-{uuid.uuid4().hex[:8]}"
    deadline = time.perf_counter() + seconds
    found: list[float] = []
    while time.perf_counter() < deadline:
        found.append(probe(connection, service, f"probe {len(found)}"))
    return found


def main(port: int, seconds: float, probers: int = _PROBERS) -> None:
    with ThreadPoolExecutor(probers) as threads:
        runs = [threads.submit(probing, port, seconds) for _ in range(probers)]
        found = sorted(seen for run in runs for seen in run.result())
    print(json.dumps({"probes": len(found), "p50_ms": percentile(found, 0.5) * 1e3, "p99_ms": percentile(found, 0.99) * 1e3}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), *(int(argument) for argument in sys.argv[3:4]))
