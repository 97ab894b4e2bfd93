"""The demo on a whole stack, by the command: filled, explained by rankings, counted by DORA, taken away again."""

import os
import subprocess
from typing import Any

import httpx

from causeline.deploy.embedded.parts import causeline_argv
from tests import patience
from tests.e2e.stream_client import a_tenant
from tests.stack import Stack

RANKED = 10
"""Problems whose rankings are looked at, the newest ones: the scenes of the day among them."""


def demo(stack: Stack, tenant: str, *args: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    command = [*causeline_argv("demo"), "--url", stack.url, "--tenant", tenant, *args]
    process = subprocess.run(command, env=clean, capture_output=True, text=True, timeout=180, check=False)
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_a_demo_is_filled_explained_and_taken_away(stack: Stack) -> None:
    tenant = a_tenant()
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=60) as http:

        def get(path: str) -> Any:
            return http.get(path).raise_for_status().json()

        output = demo(stack, tenant)
        assert output.startswith("40 services, ")

        count = int(output.split("events, ")[1].split()[0])
        incidents, problems = patience.asked_by(
            lambda: (get("/v1/events?tag=demo:problem&limit=1000")["events"], get("/v1/problems?limit=1000")["problems"]),
            lambda lists: [len(rows) for rows in lists] == [count, count],
        )
        assert (len(incidents), len(problems)) == (count, count)
        assert {problem["id"] for problem in problems} == {incident["id"] for incident in incidents}
        assert {problem["service"] for problem in problems if problem["state"] == "open"} == {"checkout", "search-api", "images"}

        causes = {incident["id"]: incident["raw"]["demo"]["cause"] for incident in incidents[:RANKED]}
        rankings = {name: get(f"/v1/problems/{name}/causes?limit=1") for name in causes}
        planted = [name for name, cause in causes.items() if cause != "none"]
        right = [name for name in planted if rankings[name]["causes"][0]["event"]["raw"]["demo"]["key"] == causes[name]]
        assert len(planted) > RANKED / 2
        assert len(right) > 0.8 * len(planted)

        patience.asked(
            lambda: get("/v1/dora?from=now-84d")["metrics"]["change_fail_rate"]["numerator"], lambda count: count > 5, seconds=90
        )

        removal = demo(stack, tenant, "--remove")
        assert removal.startswith(f"removed {output.split()[2]} events, 40 services"), (output, removal)
        assert [get(f"/v1/{name}")[name] for name in ("events", "problems", "services", "feedback")] == [[], [], [], []]
