"""Acknowledged to visible: how long after its answer an event shows in a list, while a load runs beside it.

    python -m tests.bench.visibility PORT SECONDS

One event at a time: post it, then ask for the newest event of a service of its own until it is there.
"""

import http.client
import json
import sys
import time
import uuid

from tests.bench.load import percentile


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
        time.sleep(0.005)


def main(port: int, seconds: float) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    service = f"probe-{uuid.uuid4().hex[:8]}"
    deadline = time.perf_counter() + seconds
    found: list[float] = []
    while time.perf_counter() < deadline:
        found.append(probe(connection, service, f"probe {len(found)}"))
    found.sort()
    print(json.dumps({"probes": len(found), "p50_ms": percentile(found, 0.5) * 1e3, "p99_ms": percentile(found, 0.99) * 1e3}))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
