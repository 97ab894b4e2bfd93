"""Services on a whole stack: names with slashes, several at once, other tenants, and the command beside the server."""

import json
import subprocess
import uuid
from pathlib import Path

import httpx

from causeline.deploy.embedded.parts import causeline_argv
from tests.stack import Stack

PATH = "/v1/services"
CATALOG = """\
kind: Component
metadata: {name: web, annotations: {github.com/project-slug: acme/web}}
spec: {owner: shop, dependsOn: ["component:default/checkout", "resource:default/db"]}
---
kind: API
metadata: {name: www}
"""


def command(stack: Stack, tenant: str, *args: str) -> subprocess.CompletedProcess[str]:
    words = [*causeline_argv("services"), *args, "--url", stack.url, "--tenant", tenant]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_what_is_put_is_what_the_next_read_shows_to_this_tenant_alone(stack: Stack) -> None:
    tenants = [f"t{uuid.uuid4().hex}" for _ in range(2)]
    own, other = (httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": tenant}, timeout=20) for tenant in tenants)
    with own, other:
        name = f"{PATH}/team%2Fcheckout"
        service = own.put(name, json={"depends_on": ["payments"], "aliases": ["co"], "tier": 1}).raise_for_status().json()
        assert (service["name"], own.get(name).json()) == ("team/checkout", service)
        assert other.get(name).status_code == 404
        lines = "\n".join(json.dumps({"name": f"s{number:03}", "team": "x"}) for number in range(500)) + '\n{"name": "co"}\n'
        answer = own.post(PATH, content=lines, headers={"Content-Type": "application/x-ndjson"}).raise_for_status().json()
        assert (answer["accepted"], answer["rejected"]) == (500, 1)
        assert "'team/checkout'" in answer["results"][500]["errors"][0]["message"]
        page = own.get(PATH, params={"team": "x", "limit": 400}).json()
        rest = own.get(PATH, params={"team": "x", "cursor": page["next_cursor"]}).json()
        assert [one["name"] for one in (*page["services"], *rest["services"])] == [f"s{number:03}" for number in range(500)]
        assert [own.delete(name).status_code for _ in range(2)] == [204, 404]
        assert other.get(PATH).json() == {"services": [], "next_cursor": None}
        refused = own.put(f"{PATH}/web", json={"name": "app", "colour": "red"})
        assert (refused.status_code, {error["field"] for error in refused.json()["errors"]}) == (422, {"name", "colour"})


def test_a_name_that_is_not_utf_8_is_refused_and_one_that_is_comes_as_it_is(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": f"t{uuid.uuid4().hex}"}, timeout=20) as api:
        for method in ("PUT", "GET", "DELETE"):
            answer = api.request(method, f"{PATH}/%ff", json={} if method == "PUT" else None)
            assert (answer.status_code, [error["field"] for error in answer.json()["errors"]]) == (400, ["name"]), method
        assert api.get("/api/v1alpha1/event/%ff").json()["code"] == 3
        assert api.get("/v1/events/%c3").status_code == 400
        assert api.put(f"{PATH}/%C3%A4%2F%E2%82%AC", json={}).json()["name"] == "ä/€"
        assert api.get(PATH, params={"cursor": "ä/€"}).status_code == 400


def test_the_command_imports_a_catalog_and_shows_it(stack: Stack, tmp_path: Path) -> None:
    tenant = f"t{uuid.uuid4().hex}"
    httpx.put(f"{stack.url}{PATH}/web", json={"aliases": ["www"]}, headers={"Causeline-Tenant": tenant}).raise_for_status()
    path = tmp_path / "catalog-info.yaml"
    path.write_text(CATALOG)
    process = command(stack, tenant, "import", str(path))
    assert (process.returncode, process.stdout.splitlines()) == (
        1,
        [
            "www: refused, name: is an alias of the service 'web'",
            f"{path}, document 1: skipped, depends on resource:default/db, which is no service",
            "imported 1, refused 1, skipped 1",
        ],
    )
    shown = json.loads(command(stack, tenant, "show", "web", "--json").stdout)
    assert (shown["depends_on"], shown["repo"], shown["team"], shown["aliases"]) == (["checkout"], "acme/web", "shop", ["www"])
    assert "acme/web" in command(stack, tenant, "list").stdout
    missing = command(stack, tenant, "show", "nobody")
    assert (missing.returncode, missing.stderr) == (1, "causeline: there is no service nobody\n")
