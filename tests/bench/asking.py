"""Clients that ask one question at once, over and over, each as soon as it has its answer, in a process of their own.

    python -m tests.bench.asking PORT CLIENTS SECONDS PATH

Prints one JSON line: answers, latency percentiles in ms, how many of each status, and the fewest and most `events` of an answer.
"""

import http.client
import json
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from tests.bench.load import percentile


class Answer(NamedTuple):
    """Seconds until the whole answer was there, its status, and how many events it holds."""

    seconds: float
    status: int
    events: int


def asking(port: int, deadline: float, path: str) -> list[Answer]:
    """Return what one client saw."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    answers: list[Answer] = []
    while time.perf_counter() < deadline:
        began = time.perf_counter()
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
        took = time.perf_counter() - began
        events = len(json.loads(body)["events"]) if response.status == 200 else 0
        answers.append(Answer(took, response.status, events))
    return answers


def main(port: int, clients: int, seconds: float, path: str) -> None:
    """Ask and print what was seen."""
    deadline = time.perf_counter() + seconds
    with ThreadPoolExecutor(clients) as threads:
        runs = [threads.submit(asking, port, deadline, path) for _ in range(clients)]
        answers = [answer for run in runs for answer in run.result()]
    times = sorted(answer.seconds for answer in answers)
    right = [answer.events for answer in answers if answer.status == 200]
    seen: dict[str, object] = {"answers": len(answers), "p50_ms": percentile(times, 0.5) * 1e3, "p99_ms": percentile(times, 0.99) * 1e3}
    seen |= {"statuses": Counter(str(answer.status) for answer in answers), "fewest": min(right, default=0), "most": max(right, default=0)}
    print(json.dumps(seen))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])
