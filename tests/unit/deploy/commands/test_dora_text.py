"""DORA metrics in words and rows: what was counted, what was left out and how much it says, whatever a service is called."""

import re
from typing import Any

from rich.console import Console
from rich.table import Table

from causeline.deploy.commands.dora.text import definition_line, group_table, metric_table, scope_line, step_table

WINDOW = {"from": "2024-01-01T00:00:00.000Z", "to": "2024-01-15T00:00:00.000Z", "tz": "UTC"}


def metric(value: float | None, unit: str, n: int = 6, **fields: Any) -> dict[str, Any]:
    return {"value": value, "unit": unit, "n": n, "interval": None, "excluded": {}, "state": "ok", **fields}


def golden(**fields: Any) -> dict[str, Any]:
    return {
        "deployment_frequency": metric(6 / 14, "per_day", excluded={"failed_attempts": 1}, median_days_per_week=2.5),
        "change_lead_time": metric(64_800.0, "seconds", excluded={"not_positive": 0, "unknown_time": 2}, partial=True),
        "change_fail_rate": metric(1 / 6, "ratio", interval=[0.0301, 0.5635]),
        "failed_deployment_recovery_time": metric(5_400.0, "seconds", 1, state="too_few"),
        "deployment_rework_rate": metric(1 / 6, "ratio", interval=[0.0301, 0.5635]),
        "time_to_restore": metric(None, "seconds", 0, state="too_few"),
        **fields,
    }


def definition(**fields: Any) -> dict[str, Any]:
    attribution = {"rule": "causes", "window": "24h"}
    return {"version": 3, "production": ["production", "eu"], "attribution": attribution, "replaced": [], **fields}


def printed(table: Table) -> list[str]:
    console = Console(width=400, color_system=None)
    with console.capture() as capture:
        console.print(table, markup=False)
    return [re.sub(" {2,}", " | ", line.strip()) for line in capture.get().splitlines()]


def test_a_row_is_a_metric_with_its_interval_its_number_what_was_left_out_and_what_it_says() -> None:
    assert printed(metric_table(golden())) == [
        "metric | value | 95 % | n | excluded",
        "deployment frequency | 0.43 a day | - | 6 | 1 failed before production | on 2.5 days of a median week",
        "change lead time | 18.0 h | - | 6 | 2 of unknown time | of some deployments only the newest commit is known",
        "change fail rate | 16.7% | 3.0% to 56.4% | 6 | -",
        "failed deployment recovery time | 90.0 min | - | 1 | - | too few to say much",
        "deployment rework rate | 16.7% | 3.0% to 56.4% | 6 | -",
        "time to restore | - | - | 0 | - | nothing to measure",
    ]


def test_what_nobody_reports_is_unknown_and_not_zero() -> None:
    rows = printed(metric_table(golden(change_fail_rate=metric(None, "ratio", state="no_source"))))
    assert rows[3] == "change fail rate | - | - | 6 | - | unknown: nobody ever reported a problem here"


def test_whose_numbers_of_when_and_by_which_definition_stands_above() -> None:
    line = scope_line({"window": WINDOW}, [("service", "checkout"), ("from", "now-14d"), ("team", "T")])
    assert line == "2024-01-01T00:00:00.000Z to 2024-01-15T00:00:00.000Z (UTC), service checkout, team T"
    assert scope_line({"window": WINDOW}, []).endswith(", every service")
    own = definition_line(definition())
    assert own == "definition 3: production, eu; problems are given by feedback and likely causes, at most 24h after it"
    naive = definition_line(definition(attribution={"rule": "latest", "window": None}, replaced=["attribution"]))
    assert naive.endswith("problems are given to the latest deployment, any time after it; replaced for this answer: attribution")


def test_a_group_or_a_step_is_a_row_of_values() -> None:
    rows = printed(group_table([{"service": "", "metrics": golden()}, {"service": "pay\x1b[2J", "metrics": golden()}]))
    assert rows[0] == "n | deployments | lead time | fail rate | recovery | rework | restore"
    assert rows[1] == "(none) | 6 | 0.43 a day | 18.0 h | 16.7% | 90.0 min | 16.7% | -"
    assert rows[2].startswith("pay\\x1b[2J | 6 | ")
    (_, step) = printed(step_table([{**WINDOW, "metrics": golden()}]))
    assert step.startswith("2024-01-01T00:00:00.000Z | 6 | 0.43 a day | ")
