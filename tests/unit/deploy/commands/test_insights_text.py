"""Insights in rows, whatever a client called its stages."""

from typing import Any

from rich.console import Console

from causeline.deploy.commands.insights.text import stage_table, window_line


def stage(name: str, **fields: Any) -> dict[str, Any]:
    rate = {"value": 0.9, "n": 10, "numerator": 9, "denominator": 10, "interval": [0.596, 0.982]}
    duration = {"n": 9, "p50": 90.0, "p90": 5_400.0, "p95": 259_200.0}
    base = {
        "stage": name,
        "counts": {"initiated": 11, "": 2},
        "success_rate": rate,
        "duration": duration,
        "running": 1,
        "never_finished": 3,
    }
    return {**base, **fields}


def answer(*stages: dict[str, Any], **fields: Any) -> dict[str, Any]:
    window = {"from": "2026-11-01T00:00:00.000Z", "to": "2026-12-01T00:00:00.000Z", "tz": "UTC", "step": "day"}
    return {"window": window, "stages": list(stages), "flow": [], "series": [], "heatmap": [], **fields}


def printed(view: dict[str, Any]) -> list[list[str]]:
    console = Console(width=400, color_system=None)
    with console.capture() as capture:
        console.print(stage_table(view), markup=False)
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in capture.get().splitlines()]


def test_a_stage_is_a_row_with_its_interval_its_durations_and_the_time_from_the_commit() -> None:
    heading, row = printed(answer(stage("build"), flow=[{"stage": "build", "n": 3, "p50": 7_200.0}]))
    assert heading == ["stage", "ended", "success", "95 %", "p50", "p90", "p95", "running", "never finished", "from commit", "events"]
    assert row == [
        *("build", "10", "90.0%", "59.6% to 98.2%", "90.0 s", "90.0 min", "3.0 d", "1", "3", "2.0 h"),
        "11 initiated, 2 without action",
    ]


def test_what_is_not_known_is_a_dash_and_a_name_steers_no_terminal() -> None:
    unknown = {"value": None, "n": 0, "numerator": 0, "denominator": 0, "interval": None}
    row = printed(answer(stage("\x1b[31mred", success_rate=unknown, duration={"n": 0, "p50": None, "p90": None, "p95": None})))[1]
    assert "\x1b" not in row[0]
    assert row[1:7] == ["0", "-", "-", "-", "-", "-"]


def test_the_window_stands_above_and_says_where_nothing_was_counted() -> None:
    assert window_line(answer(stage("build"))) == "2026-11-01T00:00:00.000Z to 2026-12-01T00:00:00.000Z (UTC)"
    assert window_line(answer()).endswith("no lifecycle events")
