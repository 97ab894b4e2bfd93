"""Which change did a problem, asked over HTTP and by the command line of a whole stack."""

import json
import os
import subprocess
from typing import Any

import httpx

from causeline.deploy.embedded.parts import causeline_argv
from tests.e2e.stream_client import a_tenant
from tests.stack import Stack


def post(stack: Stack, tenant: str, **fields: object) -> None:
    body = {"kind": "deployment", "title": "t", **fields}
    assert httpx.post(f"{stack.url}/v1/events", json=body, headers={"Causeline-Tenant": tenant}, timeout=30).status_code == 201


def get(stack: Stack, tenant: str, path: str) -> Any:
    return httpx.get(f"{stack.url}{path}", headers={"Causeline-Tenant": tenant}, timeout=30).raise_for_status().json()


def around(stack: Stack, tenant: str, *args: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    command = [*causeline_argv("around"), *args, "--url", stack.url, "--tenant", tenant]
    return subprocess.run(command, env=clean, capture_output=True, text=True, timeout=60, check=False)


def test_the_change_of_the_service_stands_first_over_http_and_in_the_terminal(stack: Stack) -> None:
    tenant = a_tenant()
    post(stack, tenant, title="Deploy checkout 1.4", service="checkout", environment="production")
    post(stack, tenant, title="Deploy elsewhere", service="search", environment="staging")
    post(stack, tenant, title="Build", kind="build", service="checkout")
    post(stack, tenant, title="Checkout answers slowly", kind="incident", status="open", service="checkout", environment="production")
    (problem,) = get(stack, tenant, "/v1/problems?state=open")["problems"]
    ranking = get(stack, tenant, f"/v1/problems/{problem['id']}/causes")
    assert [cause["event"]["title"] for cause in ranking["causes"]] == ["Deploy checkout 1.4", "Deploy elsewhere"]
    assert ranking["causes"][0]["relation"] == "same_service"
    assert ranking["provisional"]
    shown = around(stack, tenant, problem["id"])
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert "Checkout answers slowly (checkout, production)" in lines[0]
    assert next(line for line in lines if "Deploy" in line).count("Deploy checkout 1.4") == 1
    whole = json.loads(around(stack, tenant, problem["id"], "--json", "--limit", "1").stdout)
    assert len(whole["causes"]) == 1
    assert whole["candidates"] == 2


def test_what_is_wrong_with_a_question_is_said_in_one_line(stack: Stack) -> None:
    tenant = a_tenant()
    unknown = around(stack, tenant, "01a2245f-e1bb-7000-8000-6b1f1c2d0e5a")
    assert unknown.returncode != 0
    assert "there is no problem" in unknown.stderr
    refused = httpx.get(f"{stack.url}/v1/problems/x/causes?limit=0&after=1h", headers={"Causeline-Tenant": tenant}, timeout=30)
    assert refused.status_code == 400
    assert {error["field"] for error in refused.json()["errors"]} == {"limit", "after"}
    assert "limit" in around(stack, tenant, "x", "--limit", "101").stderr
