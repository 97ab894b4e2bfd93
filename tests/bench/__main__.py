"""`make bench`: throughput and latency beside their ceilings of the same run, on this machine, printed as one table.

Every figure is measured now, on the same cores, by the same load; a ratio compares two figures of one run. A ceiling is what the
same work costs without Causeline: a bare ASGI application for ingest, Kafka's own ProducerPerformance for the log, an insert of prepared
containers for the sink. `SECONDS=4 make bench` shortens every load;
`python -m tests.bench ingest stages pipeline` runs the sections that are named.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from causeline.deploy.broker import EmbeddedBroker
from causeline.schemas.topics import EVENTS, INGEST, PROCESSORS_GROUP, SINK_GROUP
from tests.bench.bodies import APIS
from tests.bench.parts import Offsets, create_topic, http_child, load, producer_performance
from tests.bench.stages import fill_ingest, processors_rate, raw_insert_rate, sink_rate, visibility
from tests.stack import running

SECONDS = float(os.environ.get("SECONDS", "8"))
CONNECTIONS = (1, 32, 128)
BATCH = "batch:500"
RESULTS = Path(__file__).parent / "results"


class Report:
    """The table: one row a figure, its ceiling and the ratio."""

    def __init__(self) -> None:
        self.rows: list[dict[str, object]] = []
        self.console = Console(width=150)

    def add(self, what: str, reached: float, unit: str, ceiling: float | None = None, of: str = "", note: str = "") -> None:
        ratio = reached / ceiling if ceiling else None
        self.rows.append({"what": what, "reached": reached, "unit": unit, "ceiling": ceiling, "of": of, "ratio": ratio, "note": note})
        told = f" ({ratio:.0%} of {ceiling:,.0f} {of})" if ratio is not None else ""
        self.console.print(f"  {what}: {reached:,.1f} {unit}{told} {note}")

    def print(self) -> None:
        table = Table(title="Causeline beside its ceilings, one run")
        for heading in ("what", "reached", "unit", "ceiling", "of", "ratio", "note"):
            table.add_column(heading, justify="right" if heading in ("reached", "ceiling", "ratio") else "left")
        for row in self.rows:
            ceiling, ratio = row["ceiling"], row["ratio"]
            table.add_row(
                str(row["what"]),
                f"{row['reached']:,.1f}",
                str(row["unit"]),
                f"{ceiling:,.0f}" if ceiling else "",
                str(row["of"]),
                f"{ratio:.0%}" if ratio is not None else "",
                str(row["note"]),
            )
        self.console.print(table)

    def save(self) -> Path:
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{time.strftime('%Y%m%dT%H%M%S')}.local.json"
        path.write_text(json.dumps(self.rows, indent=1))
        return path


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
    report.console.rule("ingest alone")
    with fresh_broker() as broker:
        create_topic(broker.bootstrap, "bare")
        with http_child("tests.bench.bare", broker.bootstrap) as port:
            load(port, 32, 2, "single")
            bare = {c: load(port, c, SECONDS, "single")["events_per_second"] for c in CONNECTIONS}
            bare_batch = load(port, 8, SECONDS, BATCH)["events_per_second"]
        create_topic(broker.bootstrap, INGEST)
        with http_child("tests.bench.ingest_alone", broker.bootstrap, "4") as port:
            load(port, 32, 2, "single")
            for connections in CONNECTIONS:
                seen = load(port, connections, SECONDS, "single")
                note = f"p50 {seen['p50_ms']:.1f} ms, p99 {seen['p99_ms']:.1f} ms, errors {seen['errors']}"
                name = f"native POST, {connections} connections"
                report.add(name, seen["events_per_second"], "events/s", bare[connections], "bare ASGI", note)
            for api in APIS[1:]:
                seen = load(port, 128, SECONDS, "single", api.path)
                note = f"errors {seen['errors']}"
                report.add(f"{api.name} POST, 128 connections", seen["events_per_second"], "events/s", bare[128], "bare ASGI", note)
            seen = load(port, 8, SECONDS, BATCH)
            report.add("native batches of 500", seen["events_per_second"], "events/s", bare_batch, "bare ASGI", f"errors {seen['errors']}")
        create_topic(broker.bootstrap, "ceiling")
        report.add("ProducerPerformance, acks=all", producer_performance(broker, "ceiling", 1_000_000, 600), "records/s")


def stages(report: Report) -> None:
    """Processors and sink, each alone on a log that was filled before."""
    report.console.rule("processors and sink alone")
    with fresh_broker() as broker:
        records = int(60_000 * SECONDS)
        written = fill_ingest(broker.bootstrap, records)
        report.add("append to the log from one process", written, "records/s")
        ceiling = producer_performance_of(broker)
        report.add("processors, exactly once", processors_rate(broker.bootstrap, records), "events/s", ceiling, "ProducerPerformance")
        insert = raw_insert_rate(min(records, 200_000))
        report.add("sink", sink_rate(broker.bootstrap), "rows/s", insert, "raw insert")


def producer_performance_of(broker: EmbeddedBroker) -> float:
    """Return the ceiling of writing: Kafka's own producer on a topic like ours."""
    create_topic(broker.bootstrap, "ceiling")
    return producer_performance(broker, "ceiling", 1_000_000, 600)


def pipeline(report: Report) -> None:
    """The whole stack: sustained means that nothing lags when the load ends."""
    report.console.rule("whole pipeline")
    with tempfile.TemporaryDirectory(prefix="causeline-bench-") as folder, running(Path(folder) / "data") as stack:
        load(stack.http_port, 8, 2, BATCH)
        for name, kind, connections in (("single POST, 128 connections", "single", 128), (f"batches of 500, {8} connections", BATCH, 8)):
            began = time.perf_counter()
            seen = load(stack.http_port, connections, 2 * SECONDS, kind)
            behind = time.perf_counter()
            for topic, group in ((INGEST, PROCESSORS_GROUP), (EVENTS, SINK_GROUP)):
                offsets = Offsets(stack.kafka, topic, group)
                while (look := offsets.look())[1] < look[0] - 50:
                    time.sleep(0.05)
            done = time.perf_counter()
            events = seen["events_per_second"] * seen["seconds"]
            note = f"caught up {done - behind:.1f} s after the load; p99 {seen['p99_ms']:.0f} ms, errors {seen['errors']}"
            report.add(f"pipeline, {name}", events / (done - began), "events/s", seen["events_per_second"], "accepted", note)
            rate = events / (done - began) / (500 if kind == BATCH else 1) / 2
            seen_at_half = visibility(stack.http_port, SECONDS, connections, kind, rate)
            note = f"p50 {seen_at_half['p50_ms']:.0f} ms, {seen_at_half['probes']:.0f} probes at half of that load"
            report.add(f"acknowledged to visible, {name}: p99", seen_at_half["p99_ms"], "ms", note=note)


def main() -> None:
    report = Report()
    report.console.print(f"{os.cpu_count()} cores; loads of {SECONDS:.0f} s")
    for section in (ingest, stages, pipeline):
        if not sys.argv[1:] or section.__name__ in sys.argv[1:]:
            section(report)
    report.print()
    report.console.print(f"written to {report.save()}")


if __name__ == "__main__":
    main()
