"""The golden fortnight through each API into a whole stack: every number of the table, and each one taken apart to what it counted.

What an API cannot carry: EscapeKit's events say who asked for a deployment, so it has none. DESK takes no problem that began more than an
hour ago and ends them by timeout alone, so the fortnight's incidents, hence time to restore, cannot be said with it; what its rollback says
can. CTO.ai knows neither environment (the definition's default one) nor release. Tracker marks by title and relation alone.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from causeline.deploy.embedded.parts import causeline_argv
from causeline.schemas.values.times import rfc3339
from tests import patience
from tests.fortnight_senders import FORTNIGHT, INCIDENTS, ROLLOUTS, SENDERS, SERVICE, Sender
from tests.stack import Stack

GOLDEN: Final = {
    "deployment_frequency": 6 / 14,
    "change_lead_time": 18 * 3_600,
    "change_fail_rate": 1 / 6,
    "failed_deployment_recovery_time": 90 * 60,
    "deployment_rework_rate": 1 / 6,
    "time_to_restore": 80 * 60,
}
NAIVE: Final = {"attribution": "latest", "attribution_window": "none"}


@pytest.fixture(scope="module", params=SENDERS)
def sender(request: pytest.FixtureRequest, stack: Stack) -> Iterator[Sender]:
    own: Sender = SENDERS[request.param](stack.url)
    with own.http:
        own.send()
        deployments = patience.asked(lambda: rows_of(own), lambda rows: len(rows) == len(ROLLOUTS))
        if own.carries_old_incidents:
            confirm(own, next(row["id"] for row in deployments if row["end"] == own.time(ROLLOUTS[3].at)))
        yield own


def ask(sender: Sender, path: str, **parameters: str) -> Any:
    window = {"from": rfc3339(sender.monday), "to": rfc3339(sender.monday + FORTNIGHT), "service": SERVICE}
    answer = sender.http.get(path, params={**window, **parameters})
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


def rows_of(sender: Sender, **parameters: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = ask(sender, "/v1/dora/deployments", **parameters)["deployments"]
    return rows


def confirm(sender: Sender, deployment: str) -> None:
    """Say of the first two incidents that the fourth deployment did them."""
    span = {"from": rfc3339(sender.monday), "to": rfc3339(sender.monday + FORTNIGHT)}
    problems = patience.asked(
        lambda: sender.http.get("/v1/problems", params=span).raise_for_status().json()["problems"],
        lambda found: [problem["state"] for problem in found] == ["closed"] * len(INCIDENTS),
    )
    for incident in INCIDENTS[:2]:
        (problem,) = (one["id"] for one in problems if one["start"] == sender.time(incident.opened))
        sender.http.put(f"/v1/problems/{problem}/causes/{deployment}/feedback", json={"verdict": "confirmed"}).raise_for_status()


def values(metrics: dict[str, Any]) -> dict[str, float | None]:
    return {name: metric["value"] for name, metric in metrics.items()}


def test_every_number_of_the_golden_table(sender: Sender) -> None:
    answer = patience.asked_by(lambda: ask(sender, "/v1/dora"), lambda now: now["metrics"]["change_fail_rate"]["value"] == 1 / 6)
    metrics = answer["metrics"]
    expected = GOLDEN if sender.carries_old_incidents else GOLDEN | {"time_to_restore": None}
    assert values(metrics) == pytest.approx(expected)
    assert metrics["deployment_frequency"]["median_days_per_week"] == 2.5
    assert metrics["deployment_frequency"]["excluded"] == {"failed_attempts": 1}
    assert (metrics["change_lead_time"]["n"], metrics["change_lead_time"]["partial"]) == (6, False)
    assert metrics["change_fail_rate"]["interval"] == pytest.approx([0.0301, 0.5635], abs=1e-4)
    assert metrics["time_to_restore"]["n"] == (len(INCIDENTS) if sender.carries_old_incidents else 0)
    assert (answer["definition"]["version"], answer["window"]["tz"]) == (1, "UTC")


def test_the_naive_rule_finds_two_failures(sender: Sender) -> None:
    rate = ask(sender, "/v1/dora", **NAIVE)["metrics"]["change_fail_rate"]
    assert (rate["numerator"], rate["denominator"]) == (2, 6)


def test_numbers_are_taken_apart_to_what_they_counted(sender: Sender) -> None:
    for rule in ({}, NAIVE):
        metrics, rows = ask(sender, "/v1/dora", **rule)["metrics"], rows_of(sender, **rule)
        assert [row["end"] for row in rows] == [sender.time(one.at) for one in ROLLOUTS]
        counted = [row for row in rows if row["excluded"] is None]
        assert metrics["deployment_frequency"]["numerator"] == len(counted)
        assert metrics["change_fail_rate"]["numerator"] == sum(row["failed"] for row in counted)
        assert metrics["deployment_rework_rate"]["numerator"] == sum(bool(row["rework"]) for row in counted)
        assert metrics["change_lead_time"]["n"] == sum(len(row["commits"]) for row in counted)
        assert metrics["failed_deployment_recovery_time"]["n"] == sum(row["recovery_time"] is not None for row in counted)
    attempt = rows[5]
    assert (attempt["excluded"], attempt["failed"]) == ("failed_attempt", False)
    failed, rollback = rows[3], rows[4]
    assert {"type": "rollback", "id": rollback["id"]} in failed["failures"]
    assert rollback["rework"][0] == "rollback"
    assert sender.http.get(f"/v1/events/{failed['id']}").raise_for_status().json()["service"] == SERVICE


def test_pages_and_steps_sum_to_the_whole(sender: Sender) -> None:
    whole = rows_of(sender)
    pages: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = ask(sender, "/v1/dora/deployments", limit="3", cursor=cursor)
        pages, cursor = pages + page["deployments"], page["next_cursor"]
    assert pages == whole
    weeks = ask(sender, "/v1/dora", step="week")["series"]
    assert [week["metrics"]["deployment_frequency"]["numerator"] for week in weeks] == [3, 3]
    days = ask(sender, "/v1/dora/series", step="day", metric="deployment_frequency")
    assert [point[0] for point in days[0]["datapoints"]] == [0, 1, 1, 1, 0, 0, 0, 0, 2, 0, 1, 0, 0, 0]


def test_the_terminal_shows_what_was_counted(sender: Sender) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    command = [*causeline_argv("dora"), "--url", str(sender.http.base_url), "--tenant", sender.tenant, "--service", SERVICE]
    shown = subprocess.run([*command, "--last", "30d"], env=clean, capture_output=True, text=True, timeout=120, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    (rate,) = (line for line in shown.stdout.splitlines() if line.startswith("change fail rate"))
    assert "16.7%" in rate
    whole = subprocess.run(
        [*command, "--group-by", "service", "--json"], env=clean, capture_output=True, text=True, timeout=120, check=True
    )
    assert [group["service"] for group in json.loads(whole.stdout)["groups"]] == [SERVICE]
