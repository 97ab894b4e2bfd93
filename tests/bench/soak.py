"""`make soak`: an hour at half of the sustained rate, and whether anything grows.

    python -m tests.bench.soak [MINUTES] [EVENTS_A_SECOND]

A whole stack takes batches of the native API at a held rate (measured first where none is given: half of what it sustains), and
beside them what a fleet does too: keyed events that are repeated, DESK problems that time out, and readers. Every 10 s the memory, file
handles and threads of each process, the lag of both stages, and the disk are noted; the verdict is the slope of each over the second
half, where the window of dedup (set to 10 minutes here) and the caches are full. At the end every acknowledged event must be in the
table, once.
"""

import asyncio
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests import patience
from tests.bench.load import percentile
from tests.bench.parts import load
from tests.bench.report import Report, most
from tests.bench.soak_fleet import Beside
from tests.bench.soak_verdict import PROCESSES, Sample, exact, growth, visible
from tests.ports import free_port
from tests.stack import Stack

SAMPLE_S = 10.0
BATCH = 500
CONNECTIONS = 4


def look(stack: Stack, metrics: tuple[str, str], began: float) -> Sample:
    children = {name: stack.child(words) for name, words in PROCESSES.items()}
    lag: dict[str, float] = {}
    for url in metrics:
        for family in text_string_to_metric_families(httpx.get(url, timeout=10).text):
            if family.name == "causeline_lag_seconds":
                for one in family.samples:
                    stage = one.labels.get("stage", "")
                    lag[stage] = max(lag.get(stage, 0.0), one.value)
    return Sample(
        at=time.monotonic() - began,
        memory={name: child.memory_info().rss for name, child in children.items()},
        handles={name: child.num_fds() for name, child in children.items()},
        threads={name: child.num_threads() for name, child in children.items()},
        lag=lag,
        disk=disk_used(stack.data_dir),
    )


def disk_used(folder: Path) -> int:
    """Return the bytes of all files below a folder, while files come and go."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):
                total += (Path(parent) / name).lstat().st_size
    return total


def soak(minutes: float, rate: float, report: Report) -> bool:
    """Run it; return whether nothing was lost or doubled."""
    metrics_port = free_port()
    with tempfile.TemporaryDirectory(prefix="causeline-soak-") as folder:
        settings = {
            "CAUSELINE_DEDUP_WINDOW": "10m",
            "CAUSELINE_PROCESSORS_METRICS_PORT": str(metrics_port),
            "CAUSELINE_LOG_LEVEL": "warning",
        }
        stack = Stack(Path(folder) / "data", **settings)
        stack.start()
        try:
            return _soak(stack, metrics_port, minutes, rate or _half_of_sustained(stack, report), report)
        finally:
            stack.stop()


def _half_of_sustained(stack: Stack, report: Report) -> float:
    from tests.bench.__main__ import sustained  # noqa: PLC0415 - only where no rate is given

    load(stack.http_port, 8, 5, f"batch:{BATCH}")
    rate, _, behind = sustained(stack, f"batch:{BATCH}", 8, 20)
    report.add("sustained before the soak, batches of 500", rate, "events/s", note=f"caught up {behind:.1f} s after the load")
    return rate / 2


def _soak(stack: Stack, metrics_port: int, minutes: float, rate: float, report: Report) -> bool:
    seconds = minutes * 60
    metrics = (f"{stack.url}/metrics", f"http://127.0.0.1:{metrics_port}/metrics")
    began = time.monotonic()
    before = visible(stack.url, "default")
    beside = Beside(stack.url)
    samples: list[Sample] = []
    with ThreadPoolExecutor(2) as threads:
        loading = threads.submit(load, stack.http_port, CONNECTIONS, seconds, f"batch:{BATCH}", "/v1/events", rate / BATCH)
        others = threads.submit(lambda: asyncio.run(beside.run(seconds)))
        while not loading.done():
            patience.pause(SAMPLE_S, "the interval of samples")
            try:
                sample = look(stack, metrics, began)
            except (LookupError, OSError, httpx.HTTPError, psutil.Error) as error:
                beside.errors.append(f"a look at {(time.monotonic() - began) / 60:.1f} min failed: {error!r}")
                continue
            samples.append(sample)
            report.point("soak", at=sample.at, disk=float(sample.disk), **_flat(sample))
            if len(samples) % 30 == 1:
                memory_text = ", ".join(f"{name} {size / 2**20:.0f} MiB" for name, size in sample.memory.items())
                report.console.print(f"  {sample.at / 60:5.1f} min: {memory_text}; lag {sample.lag}; disk {sample.disk / 2**30:.2f} GiB")
        seen = loading.result()
        others.result()
    growth(report, samples)
    report.add("held rate", seen["events_per_second"], "events/s", note=f"p50 {seen['p50_ms']:.0f}, p99 {seen['p99_ms']:.0f} ms")
    reads = sorted(beside.reads)
    note = f"p50 {percentile(reads, 0.5) * 1e3:.0f} ms, {len(reads)} reads"
    report.add("reads beside it, p99", percentile(reads, 0.99) * 1e3, "ms", note=note)
    note = "; ".join(beside.errors[:3])
    report.add("errors of requests", seen["errors"] + len(beside.errors), "requests", note=note, aim=most(0))
    sent = int(seen["requests"] - seen["errors"]) * BATCH
    grown = samples[-1].disk - samples[0].disk
    report.add("bytes on disk an event", grown / max(sent, 1), "bytes", note=f"{samples[-1].disk / 2**30:.2f} GiB at the end")
    return exact(report, stack.url, beside, before + sent)


def _flat(sample: Sample) -> dict[str, float]:
    values = {f"memory {name}": float(value) for name, value in sample.memory.items()}
    values |= {f"handles {name}": float(value) for name, value in sample.handles.items()}
    values |= {f"threads {name}": float(value) for name, value in sample.threads.items()}
    return values | {f"lag {name}": value for name, value in sample.lag.items()}


def main() -> None:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    rate = float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    report = Report()
    report.console.print(f"{os.cpu_count()} cores; {minutes:.0f} minutes")
    nothing_lost = soak(minutes, rate, report)
    report.print()
    report.console.print(f"written to {report.save('soak')}")
    if not nothing_lost:
        raise SystemExit("events were lost or doubled")


if __name__ == "__main__":
    main()
