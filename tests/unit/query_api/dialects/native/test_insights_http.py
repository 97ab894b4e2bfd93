"""`GET /v1/insights` over what CTO.ai's clients sent, from the door to the answer."""

import csv
import io
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from causeline.ingest.dialects.cto_ai import http as writes
from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE
from causeline.query_api.dialects.native import insights_http
from tests.memory_server import MemoryServer, Reply

NOW = 1_764_579_600_000
"""2025-12-01T09:00Z, a Monday."""
TEAM = "team-1"


class InsightsServer(MemoryServer):
    """CTO.ai's events in, insights out."""

    def __init__(self) -> None:
        super().__init__(lambda service, reader: [*writes.routes(service), *insights_http.routes(reader)], NOW)

    async def send(self, at: int, name: str, action: str, commit: str = "c1", repo: str = "api", team: str = TEAM, **more: Any) -> None:
        self.now = at
        body = {"event_name": name, "event_action": action, "commit": commit, "repo": repo, "team_id": team, **more}
        assert (await self.request("POST", "/events", json.dumps(body).encode())).status == 200

    async def ask(self, accept: str = "", **parameters: Any) -> Reply:
        await self.reach()
        headers = {"accept": accept} if accept else {}
        return await self.request("GET", "/v1/insights", query=urlencode(parameters, doseq=True), headers=headers)


def stage(answer: Reply, name: str) -> dict[str, Any]:
    (own,) = (one for one in answer.body["stages"] if one["stage"] == name)
    return dict(own)


async def test_posts_alone_feed_every_member() -> None:
    server = InsightsServer()
    await server.send(NOW - 2 * DAY, "commit", "succeeded", repo="")
    await server.send(NOW - 2 * DAY + MINUTE, "build", "initiated")
    await server.send(NOW - 2 * DAY + 3 * MINUTE, "Build", "Succeeded")
    await server.send(NOW - 25 * HOUR, "e2e_test", "initiated")
    await server.send(NOW - HOUR, "e2e_test", "initiated", "c2")
    await server.send(NOW - HOUR, "deployment", "succeeded")
    await server.send(NOW - MINUTE, "nightly sweep", "swept")
    server.now = NOW
    answer = await server.ask(team_id=TEAM)
    assert answer.status == 200
    assert [one["stage"] for one in answer.body["stages"]] == ["commit", "build", "e2e_test", "deployment", "nightly sweep"]
    build = stage(answer, "build")
    assert build["counts"] == {"initiated": 1, "succeeded": 1}
    assert build["success_rate"]["value"] == 1
    assert build["success_rate"]["interval"][0] == pytest.approx(0.2065, abs=1e-4)
    assert build["duration"] == {"n": 1, "p50": 120.0, "p90": 120.0, "p95": 120.0}
    assert (stage(answer, "e2e_test")["running"], stage(answer, "e2e_test")["never_finished"]) == (1, 1)
    assert stage(answer, "nightly sweep")["counts"] == {"swept": 1}
    flow = {step["stage"]: step["p50"] for step in answer.body["flow"]}
    assert flow == {"commit": 0.0, "build": 180.0, "deployment": 47 * 3_600.0}
    assert len(answer.body["series"]) == 31
    assert {"stage": "deployment", "weekday": 1, "hour": 8, "n": 1} in answer.body["heatmap"]


async def test_teams_and_repositories_are_apart_and_team_id_is_team() -> None:
    server = InsightsServer()
    for team, repo in (("a", "x"), ("a", "y"), ("b", "x")):
        await server.send(NOW - HOUR, "build", "succeeded", team=team, repo=repo)
    server.now = NOW
    for parameters, n in (({}, 3), ({"team": "a"}, 2), ({"team_id": ["a", "b"]}, 3), ({"team": "a", "team_id": "b", "repo": "x"}, 2)):
        assert stage(await server.ask(**parameters), "build")["success_rate"]["n"] == n


async def test_a_date_is_its_first_instant_in_the_zone_and_weeks_are_cut_at_the_window() -> None:
    answer = await InsightsServer().ask(**{"from": "2025-10-25", "to": "2025-11-05", "tz": "Europe/Berlin", "step": "week"})
    assert answer.body["window"] == {
        "from": "2025-10-24T22:00:00.000Z",
        "to": "2025-11-04T23:00:00.000Z",
        "tz": "Europe/Berlin",
        "step": "week",
    }
    assert [part["from"] for part in answer.body["series"]] == [
        *("2025-10-24T22:00:00.000Z", "2025-10-26T23:00:00.000Z", "2025-11-02T23:00:00.000Z")
    ]


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"service": "x"}, ["service"]),
        ({"tz": "Mars/Olympus", "step": "year", "from": "soon"}, ["step", "tz", "from"]),
        ({"tz": "../../etc/passwd"}, ["tz"]),
        ({"from": "2025-01-01", "to": "2025-01-01"}, ["from"]),
        ({"from": "2020-01-01", "step": "month"}, ["from"]),
        ({"from": "0001-01-01"}, ["from"]),
        ({"from": "now-500d"}, ["step"]),
        ({"team": [str(n) for n in range(60)], "team_id": [str(n) for n in range(60, 120)]}, ["team"]),
        ({"tz": ["UTC", "Europe/Berlin"]}, ["tz"]),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_name(parameters: dict[str, Any], names: list[str]) -> None:
    answer = await InsightsServer().ask(**parameters)
    assert answer.status == 400
    assert [error["field"] for error in answer.body["errors"]] == names


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        *[
            ("text/csv", True),
            ("text/csv, */*", True),
            ("text/csv;q=0.9, application/json;q=0.8", True),
            ("text/csv, application/json", True),
        ],
        *[("", False), ("*/*", False), ("application/json, text/csv", False), ("text/csv;q=0", False), ("text/csv;q=x, */*", False)],
    ],
)
async def test_the_stages_are_csv_for_who_prefers_it(accept: str, *, is_csv: bool) -> None:
    server = InsightsServer()
    await server.send(NOW - HOUR, '=cmd|"/c calc"', "succeeded")
    server.now = NOW
    answer = await server.ask(accept)
    assert answer.headers["Vary"] == "Accept"
    assert answer.headers["Content-Type"].startswith("text/csv") is is_csv
    if is_csv:
        (line,) = csv.DictReader(io.StringIO(answer.body))
        assert line["stage"] == """'=cmd|"/c calc\""""
        assert (line["ended"], line["success_rate"], line["p50"]) == ("1", "1.0", "")


@pytest.mark.parametrize(("format", "accept", "is_csv"), [("csv", "text/html", True), ("json", "text/csv", False), (" ", "text/csv", True)])
async def test_an_address_chooses_the_table_before_the_header_does(format: str, accept: str, *, is_csv: bool) -> None:  # noqa: A002
    answer = await InsightsServer().ask(accept, format=format)
    assert answer.headers["Content-Type"].startswith("text/csv") is is_csv
    assert (await InsightsServer().ask(format="xml")).body["errors"][0]["field"] == "format"
