"""Draws what the benchmarks wrote, as SVG in `docs/`.

Throughput and p99 against connections; query time against the events stored; the reads that have aims against the same, cold and warm,
alone and beside a writer; a rare service against what came in; a soak's course.

    python -m tests.bench.plots

Each picture is made of the newest run that holds its series; one without a run is left as it is.
"""

from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from tests.bench.rare import AIM_MS
from tests.bench.report import newest_series
from tests.bench.volume import AIMS

DOCS = Path(__file__).parents[2] / "docs"
SWEPT = ("bare ASGI", "native", "Alertmanager")
DRAWN = (
    "event by id",
    "events, service, 24 h",
    "events",
    "events, entity",
    "events, words, 24 h",
    "changes, service",
    "problem's changes",
    "problem's causes",
    "problems",
    "histogram, 24 h",
    "histogram, a year",
    "Tracker: search, service, 7 d",
    "DESK: list, 2 h",
    "CTO.ai: team",
    "EscapeKit: project",
    "ApiTraffic: list",
)
"""One or two queries of each kind: all of them are in the table that the benchmark prints."""

mpl.rcParams.update({"svg.hashsalt": "causeline", "svg.fonttype": "none", "axes.grid": True, "grid.alpha": 0.3, "figure.autolayout": True})


def connections() -> Figure | None:
    """Draw throughput and p99 of single POSTs against connections."""
    series = newest_series("bench", *SWEPT)
    if not series:
        return None
    figure, (rate, delay) = plt.subplots(1, 2, figsize=(10, 4))
    for name in SWEPT:
        points = sorted(series.get(name, []), key=lambda point: point["connections"])
        at = [point["connections"] for point in points]
        rate.plot(at, [point["events_per_second"] for point in points], marker="o", label=name)
        delay.plot(at, [point["p99_ms"] for point in points], marker="o", label=name)
    rate.set(title="single POST, one item", xlabel="connections", ylabel="requests/s", xscale="log", ylim=(0, None))
    delay.set(title="p99 of the same", xlabel="connections", ylabel="ms", xscale="log", yscale="log")
    for axes in (rate, delay):
        axes.set_xticks(at, [str(int(x)) for x in at])
        axes.legend()
    return figure


def query_time() -> Figure | None:
    """Draw the p99 of each query against the events stored."""
    series = newest_series("volume", "queries")
    if not series:
        return None
    figure, axes = plt.subplots(figsize=(10, 6))
    by_query: dict[str, list[dict[str, Any]]] = {}
    for point in series["queries"]:
        by_query.setdefault(str(point["query"]), []).append(point)
    for name, points in ((name, by_query[name]) for name in DRAWN if name in by_query):
        points.sort(key=lambda point: point["rows"])
        axes.plot([p["rows"] for p in points], [p["p99_ms"] for p in points], marker="o", label=name)
    axes.set(title="p99 of a query against the events stored", xlabel="events", ylabel="ms", xscale="log", yscale="log")
    axes.legend(fontsize="x-small", ncols=2)
    return figure


STATES: Final = {
    ("cold", "alone"): ("C0", "-"),
    ("cold", "beside"): ("C0", "--"),
    ("warm", "alone"): ("C1", "-"),
    ("warm", "beside"): ("C1", "--"),
}
"""How a state of memory and load is drawn: the colour and the line."""


def reads() -> Figure | None:
    """Draw the p99 of each read that has an aim against the events stored, a line for each state, and the aim."""
    points = newest_series("volume", "reads").get("reads", [])
    if not points:
        return None
    figure, panels = plt.subplots(2, 3, figsize=(13, 8), sharex=True)
    for axes, (name, aim) in zip(panels.flat, AIMS.items(), strict=True):
        for (memory, load), (color, line) in STATES.items():
            of = [p for p in points if (p["query"], p["memory"], p["load"]) == (name, memory, load)]
            of.sort(key=lambda point: point["rows"])
            at, p99 = [p["rows"] for p in of], [p["p99_ms"] for p in of]
            axes.plot(at, p99, marker="o", color=color, linestyle=line, label=f"{memory}, {load}")
        axes.axhline(aim, color="grey", linestyle=":", label="aim, alone")
        axes.set(title=f"{name}: p99", xlabel="events", ylabel="ms", xscale="log", yscale="log")
    panels[0][0].legend(fontsize="small")
    return figure


def rare() -> Figure | None:
    """Draw what a rare service takes against the events of others that came in before."""
    points = newest_series("bench", "rare").get("rare", [])
    if not points:
        return None
    figure, axes = plt.subplots(figsize=(7, 4))
    for name in ("p50_ms", "p99_ms"):
        axes.plot([p["came"] for p in points], [p[name] for p in points], marker="o", label=name.removesuffix("_ms"))
    axes.axhline(AIM_MS, color="grey", linestyle=":", label="aim, p99")
    axes.set(title="one rare service's last hour, eight at once", xlabel="events of others that came in", ylabel="ms", ylim=(0, None))
    axes.legend()
    return figure


def soak() -> Figure | None:
    """Draw memory, handles and lag over the time of a soak."""
    series = newest_series("soak", "soak")
    if not series:
        return None
    points = series["soak"]
    minutes = [point["at"] / 60 for point in points]
    figure, panels = plt.subplots(1, 3, figsize=(13, 4))
    for axes, kind, unit, scale in zip(panels, ("memory", "handles", "lag"), ("MiB", "open", "s"), (2**20, 1, 1), strict=True):
        for name in sorted({key for point in points for key in point if key.startswith(kind)}):
            axes.plot(minutes, [point.get(name, 0.0) / scale for point in points], label=name.removeprefix(f"{kind} "))
        axes.set(title=kind, xlabel="minutes", ylabel=unit, ylim=(0, None))
        axes.legend(fontsize="small")
    return figure


DRAWINGS: Final = {"connections": connections, "query-time": query_time, "reads": reads, "rare": rare, "soak": soak}
"""What draws each file of `docs/`."""


def main() -> None:
    DOCS.mkdir(exist_ok=True)
    for name, draw in DRAWINGS.items():
        if (figure := draw()) is None:
            print(f"{name}: no run to draw")
            continue
        path = DOCS / f"{name}.svg"
        figure.savefig(path, metadata={"Date": None})
        print(f"drew {path}")


if __name__ == "__main__":
    main()
