"""`make bench`: throughput and latency beside their ceilings of the same run, on this machine, printed as one table.

Every figure is measured now, on the same cores, by the same load; a ratio compares two figures of one run. A ceiling is what the
same work costs without Causeline: a bare ASGI application for ingest, Kafka's own ProducerPerformance for the log, an insert of prepared
containers for the sink. `SECONDS=4 make bench` shortens every load; `python -m tests.bench ingest stages pipeline` runs the sections that
are named, `python -m tests.bench.plots` draws what the runs wrote. Which section answers which aim: `docs/measurements.md`.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from causeline.deploy.embedded.broker import EmbeddedBroker
from causeline.schemas.topics import EVENTS, INGEST, PROCESSORS_GROUP, SINK_GROUP
from tests import patience
from tests.bench import peer as peers
from tests.bench.bodies import APIS, PEER
from tests.bench.commands import commands
from tests.bench.deliveries import bare_posts, deliveries, receiver
from tests.bench.dora import dora
from tests.bench.notify import notified
from tests.bench.overload import overload
from tests.bench.pages import pages
from tests.bench.parts import SECONDS, Offsets, another, create_topic, http_child, load, producer_performance
from tests.bench.rankings import causes
from tests.bench.rare import rare
from tests.bench.recovery import recovery
from tests.bench.report import Report, least, most, share
from tests.bench.stages import fill_ingest, processors_rate, raw_insert_rate, sink_rate, subscribe, visibility, visible_at
from tests.bench.volume import volume
from tests.bench.volume_queries import queries
from tests.bench.worker import worker
from tests.stack import Stack, running

CONNECTIONS = (1, 8, 32, 128, 512)
BATCH = "batch:500"
SUBSCRIPTIONS = 10_000
SERVED = "tests.bench.ingest_alone"


@contextmanager
def fresh_broker() -> Iterator[EmbeddedBroker]:
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder:
        broker = EmbeddedBroker(Path(folder))
        broker.start()
        try:
            yield broker
        finally:
            broker.stop()


def ingest(report: Report) -> None:
    """Ingest alone beside the bare application: the same broker, one after the other."""
    with fresh_broker() as broker:
        create_topic(broker.bootstrap, "bare")
        with http_child("tests.bench.bare", broker.bootstrap) as port:
            load(port, 32, 2, "single")
            bare = {c: sweep_point(report, "bare ASGI", port, c) for c in CONNECTIONS}
            bare_batch = load(port, 8, SECONDS, BATCH)["events_per_second"]
        create_topic(broker.bootstrap, INGEST)
        with http_child("tests.bench.ingest_alone", broker.bootstrap, "4") as port:
            load(port, 32, 2, "single")
            for connections in CONNECTIONS:
                rate = sweep_point(report, "native", port, connections)
                aim = share(0.65) if connections == 128 else None
                note = told(report.series["native"][-1])
                report.add(f"native POST, {connections} connections", rate, "events/s", bare[connections], "bare ASGI", note, aim)
            for api in APIS[1:]:
                seen = load(port, 128, SECONDS / 2, "single", api.path)
                note = f"errors {seen['errors']}"
                report.add(f"{api.name} POST, 128 connections", seen["events_per_second"], "events/s", bare[128], "bare ASGI", note)
            seen = load(port, 8, SECONDS, BATCH)
            note = f"errors {seen['errors']}"
            report.add("native batches of 500", seen["events_per_second"], "events/s", bare_batch, "bare ASGI", note, share(0.65))
        with http_child(SERVED, broker.bootstrap, "4") as port, another(port, SERVED, broker.bootstrap, "4"):
            load(port, 128, 2, "single")
            rate = sweep_point(report, "native, two processes", port, 128)
            note = told(report.series["native, two processes"][-1])
            report.add("native POST, 128 connections, two processes", rate, "events/s", bare[128], "bare ASGI", note)
            seen = load(port, 8, SECONDS, BATCH)
            note = f"errors {seen['errors']}"
            report.add("native batches of 500, two processes", seen["events_per_second"], "events/s", bare_batch, "bare ASGI", note)
        report.add("ProducerPerformance, acks=all", producer_performance_of(broker), "records/s")


def sweep_point(report: Report, series: str, port: int, connections: int, path: str = "/v1/events", kind: str = "single") -> float:
    """Measure one point of throughput and p99 against connections."""
    seen = load(port, connections, SECONDS / 2 if connections < 32 else SECONDS, kind, path)
    report.point(series, connections=connections, **seen)
    return seen["events_per_second"]


def told(figures: dict[str, float]) -> str:
    return f"p50 {figures['p50_ms']:.1f} ms, p99 {figures['p99_ms']:.1f} ms, errors {figures['errors']:.0f}"


def peer(report: Report) -> None:
    """Alertmanager beside ingest: the same content, one item and 100 items a request."""
    binary = peers.installed()
    if binary is None:
        report.console.print("  alertmanager is not installed (Debian: prometheus-alertmanager): skipped")
        return
    with peers.alertmanager(binary) as port:
        load(port, 32, 2, "array:1", PEER.path)
        for connections in CONNECTIONS:
            sweep_point(report, "Alertmanager", port, connections, PEER.path, "array:1")
        alone = next(point for point in report.series["Alertmanager"] if point["connections"] == 128)
        hundred = load(port, 8, SECONDS, "array:100", PEER.path)
    version = peers.version(binary).partition(" (")[0]
    with fresh_broker() as broker:
        create_topic(broker.bootstrap, INGEST)
        with http_child("tests.bench.ingest_alone", broker.bootstrap, "4") as port:
            load(port, 32, 2, "single")
            ours = load(port, 128, SECONDS, "single")
            note = told(ours) + f" (peer: {told(alone)})"
            report.add("native POST, 128 connections", ours["events_per_second"], "events/s", alone["events_per_second"], version, note)
            ours = load(port, 8, SECONDS, "array:100")
            rate, ceiling = ours["events_per_second"], hundred["events_per_second"]
            note = told(ours) + f" (peer: {told(hundred)})"
            report.add("native, 100 a request, 8 connections", rate, "events/s", ceiling, version, note, share(1))


def stages(report: Report) -> None:
    """Processors and sink, each alone on a log that was filled before."""
    with fresh_broker() as broker:
        records = int(60_000 * SECONDS)
        written = fill_ingest(broker.bootstrap, records)
        report.add("append to the log from one process", written, "records/s")
        ceiling = producer_performance_of(broker)
        rate = processors_rate(broker.bootstrap, records)
        report.add("processors, exactly once", rate, "events/s", ceiling, "ProducerPerformance", aim=least(50_000))
        insert = raw_insert_rate(min(records, 200_000))
        report.add("sink", sink_rate(broker.bootstrap), "rows/s", insert, "raw insert", aim=least(120_000))
    for one_in in (10, 1):
        with fresh_broker() as broker:
            before = subscribe(broker.bootstrap, SUBSCRIPTIONS, one_in)
            fill_ingest(broker.bootstrap, records)
            seen = processors_rate(broker.bootstrap, before + records, before)
        what = f"processors, {SUBSCRIPTIONS:,} subscriptions, one event in {one_in} wanted"
        report.add(what, seen, "events/s", rate, "without", "the delivery state in the same process", share(0.5))


def producer_performance_of(broker: EmbeddedBroker) -> float:
    """Return the ceiling of writing: Kafka's own producer on a topic like ours."""
    create_topic(broker.bootstrap, "ceiling")
    return producer_performance(broker, "ceiling", 1_000_000, 600)


def bare_single() -> float:
    """Return the bare application's single POST at 128 connections."""
    with fresh_broker() as broker:
        create_topic(broker.bootstrap, "bare")
        with http_child("tests.bench.bare", broker.bootstrap) as port:
            load(port, 32, 2, "single")
            return load(port, 128, SECONDS, "single")["events_per_second"]


def pipeline(report: Report) -> None:
    """The whole stack: sustained means that nothing lags when the load ends."""
    bare = bare_single()
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder, running(Path(folder) / "data") as stack:
        load(stack.http_port, 8, 3, BATCH)
        for name, kind, connections in (("single POST, 128 connections", "single", 128), (f"batches of 500, {8} connections", BATCH, 8)):
            rate, seen, behind = sustained(stack, kind, connections, 2 * SECONDS)
            note = f"accepted {seen['events_per_second']:,.0f}/s, caught up {behind:.1f} s later; {told(seen)}"
            if kind == "single":
                report.add(f"pipeline, {name}", rate, "events/s", bare, "bare ASGI", note, least(7_000))
            else:
                report.add(f"pipeline, {name}", rate, "events/s", note=note, aim=least(30_000))
            half = rate / (500 if kind == BATCH else 1) / 2
            figures = visibility(stack.http_port, 2 * SECONDS, connections, kind, half)
            note = f"p50 {figures['p50_ms']:.0f} ms, {figures['probes']:.0f} probes at half of that load"
            report.add(f"acknowledged to visible, {name}: p99", figures["p99_ms"], "ms", note=note, aim=most(1_000))


def sustained(stack: Stack, kind: str, connections: int, seconds: float) -> tuple[float, dict[str, float], float]:
    """Return (events a second from the first one sent until nothing lags, what the load saw, seconds behind at its end)."""
    began = time.perf_counter()
    seen = load(stack.http_port, connections, seconds, kind)
    ended = time.perf_counter()
    for topic, group in ((INGEST, PROCESSORS_GROUP), (EVENTS, SINK_GROUP)):
        offsets = Offsets(stack.kafka, topic, group)
        patience.asked(offsets.look, lambda look: look[1] >= look[0] - 50, seconds=600, every=0.05)
    done = time.perf_counter()
    return seen["events_per_second"] * seen["seconds"] / (done - began), seen, done - ended


VISIBLE: Final = ((1, 50, 150), (100, 50, 150), (300, 50, 150), (1_000, None, None))
"""Events a second, and what p50 and p99 of acknowledged to visible are to be at most, ms."""


def visible(report: Report) -> None:
    """Acknowledged to visible in a list, at rest and at steady rates, on the embedded default."""
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder, running(Path(folder) / "data") as stack:
        load(stack.http_port, 8, 3, "single", rate=200)
        for rate, *aims in VISIBLE:
            figures = visible_at(stack.http_port, max(4 * SECONDS, 8), rate)
            note = f"{figures['probes']:.0f} probes, {figures['per_second']:,.0f} events/s held, load average {os.getloadavg()[0]:.1f}"
            for name, aim in zip(("p50", "p99"), aims, strict=True):
                report.add(f"visible at {rate:,} events/s: {name}", figures[f"{name}_ms"], "ms", note=note, aim=most(aim) if aim else None)


def start(report: Report) -> None:
    """How long `causeline up` takes until events flow, in a folder that was used before."""
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder:
        stack = Stack(Path(folder) / "data")
        seconds = []
        for _ in range(2):
            began = time.perf_counter()
            stack.start()
            seconds.append(time.perf_counter() - began)
            stack.stop()
        report.add("causeline up to ready, second start", seconds[1], "s", note=f"first start {seconds[0]:.1f} s", aim=most(10))


def delivering(report: Report) -> None:
    """Deliveries of one worker process beside bare posts of httpx, to a receiver that answers at once."""
    with fresh_broker() as broker, receiver() as url:
        bare = bare_posts(url, SECONDS / 2)
        seen = deliveries(broker.bootstrap, url, int(SECONDS * 500))
    note = f"{seen.cpu_s * 1e3:.2f} ms of CPU each"
    report.add("deliveries of one worker", seen.rate, "deliveries/s", bare, "bare httpx", note)
    report.add("handed out → reported, median", seen.median_ms, "ms")
    report.add("handed out → reported, p99", seen.p99_ms, "ms")


TOLD = ((1_000, 10), (500, 2), (500, 1), (1_000, 1))
"""Events a second, and one of how many is told to one of 100 subscriptions: 100, 250, 500 and 1,000 deliveries a second."""


def telling(report: Report) -> None:
    """From the answer to an event until the webhook of a subscription gets it, whole stack, 100 subscriptions."""
    for rate, one_in in TOLD:
        with (
            tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder,
            running(Path(folder) / "data", CAUSELINE_DELIVERY_ALLOW="127.0.0.1") as stack,
        ):
            seen = notified(stack.http_port, 2 * SECONDS, rate, 100, one_in)
        what = f"acknowledged to told, {rate} events/s, one in {one_in} told"
        note = f"{seen['per_second']:,.0f} events/s held, {seen['told']:.0f} to be told, {seen['missing']:.0f} of them missing"
        report.add(f"{what}: p50", seen["p50_ms"], "ms", note=note)
        report.add(f"{what}: p99", seen["p99_ms"], "ms")


SECTIONS = (
    ingest,
    peer,
    stages,
    pipeline,
    visible,
    commands,
    start,
    recovery,
    overload,
    volume,
    queries,
    rare,
    causes,
    dora,
    pages,
    delivering,
    telling,
    worker,
)


def main() -> None:
    report = Report()
    names = [section.__name__ for section in SECTIONS]
    if unknown := [name for name in sys.argv[1:] if name not in names]:
        raise SystemExit(f"there is no section {', '.join(unknown)}; there are {', '.join(names)}")
    report.console.print(f"{os.cpu_count()} cores; loads of {SECONDS:.0f} s")
    try:
        for section in SECTIONS:
            if not sys.argv[1:] or section.__name__ in sys.argv[1:]:
                report.console.rule((section.__doc__ or "").partition("\n")[0])
                section(report)
    finally:  # what was measured before a section failed is worth keeping
        report.print()
        report.console.print(f"written to {report.save()}")


if __name__ == "__main__":
    main()
