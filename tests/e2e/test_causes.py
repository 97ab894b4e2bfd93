"""Which change did a problem, asked over HTTP and by the command line of a whole stack."""

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from causeline.deploy.embedded.parts import causeline_argv
from tests import patience
from tests.e2e.stream_client import a_tenant
from tests.stack import Stack

TITLES = ["Deploy checkout 1.4", "Deploy elsewhere"]


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
    post(stack, tenant, title=TITLES[0], service="checkout", environment="production")
    post(stack, tenant, title=TITLES[1], service="search", environment="staging")
    post(stack, tenant, title="Build", kind="build", service="checkout")
    post(stack, tenant, title="Checkout answers slowly", kind="incident", status="open", service="checkout", environment="production")
    (problem,) = patience.asked(lambda: get(stack, tenant, "/v1/problems?state=open")["problems"])
    ranking = patience.asked(
        lambda: get(stack, tenant, f"/v1/problems/{problem['id']}/causes"), lambda answer: len(answer["causes"]) == len(TITLES)
    )
    assert [cause["event"]["title"] for cause in ranking["causes"]] == TITLES
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


def test_a_change_of_files_stands_where_its_service_would(stack: Stack) -> None:
    tenant = a_tenant()
    for service in ({"name": "checkout", "repo": "acme/shop", "paths": ["apps/checkout/**", "!*.md"]}, {"name": "web", "paths": ["*.css"]}):
        url = f"{stack.url}/v1/services/{service['name']}"
        assert httpx.put(url, json=service, headers={"Causeline-Tenant": tenant}, timeout=30).is_success
    files = ["README.md", "apps/checkout/README.md", "apps/checkout/cart.py"]
    post(stack, tenant, title="Deploy main", repo="https://github.com/acme/shop.git", files=files)
    post(stack, tenant, title="Deploy the styles", files=["styles/a.css"])
    post(stack, tenant, title="Checkout answers slowly", kind="incident", status="open", service="checkout")
    (problem,) = patience.asked(lambda: get(stack, tenant, "/v1/problems?state=open")["problems"])
    path = f"/v1/problems/{problem['id']}/causes"
    causes = patience.asked(lambda: get(stack, tenant, path), lambda answer: len(answer["causes"]) == len(TITLES))["causes"]
    assert [(cause["event"]["title"], cause["relation"]) for cause in causes] == [
        ("Deploy main", "same_service"),
        ("Deploy the styles", "other"),
    ]
    reasons = [{reason["feature"]: reason["text"] for reason in cause["reasons"]} for cause in causes]
    assert reasons[0]["scope"] == "changed files of checkout: apps/checkout/cart.py"
    assert reasons[1]["scope"] == "changed files of web, no known relation: styles/a.css"
    assert causes[0]["event"]["raw"]["files"] == files
    (effect,) = get(stack, tenant, f"/v1/events/{causes[0]['event']['id']}/effects")["effects"]
    assert (effect["problem"]["id"], effect["relation"]) == (problem["id"], "same_service")
    assert "changed files of checkout" in around(stack, tenant, problem["id"]).stdout


def test_without_a_problem_a_service_and_a_moment_are_ranked(stack: Stack) -> None:
    tenant = a_tenant()
    services = {"name": "checkout", "aliases": ["checkout-svc"]}
    assert httpx.put(f"{stack.url}/v1/services/checkout", json=services, headers={"Causeline-Tenant": tenant}, timeout=30).is_success
    at = datetime.now(UTC)
    post(stack, tenant, title="Deploy checkout 1.4", service="checkout", ts=(at - timedelta(minutes=8)).isoformat())
    post(stack, tenant, title="Deploy elsewhere", service="search", ts=(at - timedelta(minutes=8)).isoformat())
    patience.asked(lambda: len(get(stack, tenant, "/v1/events")["events"]), lambda count: count == 2)
    shown = around(stack, tenant, "--service", "checkout-svc", "--at", at.isoformat())
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.splitlines()[0].endswith("Z  checkout")
    assert "8 min before" in next(line for line in shown.stdout.splitlines() if "Deploy" in line)
    whole = json.loads(around(stack, tenant, "--service", "checkout", "--at", at.isoformat(), "--json").stdout)
    assert [cause["event"]["title"] for cause in whole["causes"]] == ["Deploy checkout 1.4", "Deploy elsewhere"]
    assert "problem" not in whole
    for wrong in ((), ("01a2245f-e1bb-7000-8000-6b1f1c2d0e5a", "--service", "checkout")):
        refused = around(stack, tenant, *wrong)
        assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "at: is in the future" in around(stack, tenant, "--service", "checkout", "--at", "now+1h").stderr


def test_what_is_wrong_with_a_question_is_said_in_one_line(stack: Stack) -> None:
    tenant = a_tenant()
    unknown = around(stack, tenant, "01a2245f-e1bb-7000-8000-6b1f1c2d0e5a")
    assert unknown.returncode != 0
    assert "there is no problem" in unknown.stderr
    refused = httpx.get(f"{stack.url}/v1/problems/x/causes?limit=0&after=1h", headers={"Causeline-Tenant": tenant}, timeout=30)
    assert refused.status_code == 400
    assert {error["field"] for error in refused.json()["errors"]} == {"limit", "after"}
    assert "limit" in around(stack, tenant, "x", "--limit", "101").stderr
