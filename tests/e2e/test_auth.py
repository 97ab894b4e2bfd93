"""`causeline up` with authentication required: tokens from their making to their end, tenants and groups, and no secret in a log."""

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from confluent_kafka.schema_registry import SchemaRegistryClient, SchemaRegistryError

from causeline.schemas.kafka_address import parse_address
from tests import patience
from tests.receiver import receiving
from tests.stack import Stack, running

SECRET = "the-secret-of-jwts-in-this-test-32-bytes"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("guarded") / "data"
    env = {"CAUSELINE_AUTH": "required", "CAUSELINE_JWT_SECRET": SECRET, "CAUSELINE_DELIVERY_ALLOW": "127.0.0.1"}
    with running(folder, CAUSELINE_LOG_LEVEL="debug", **env) as stack:
        yield stack


def token(stack: Stack, *arguments: str, code: int = 0) -> str:
    command = [
        str(Path(sys.executable).with_name("causeline")),
        "token",
        *arguments,
        "--data-dir",
        str(stack.data_dir),
        "--kafka-port",
        str(stack.kafka_port),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ))
    assert ran.returncode == code, ran.stderr
    return (ran.stdout if code == 0 else ran.stderr).strip()


def created(stack: Stack, tenant: str, *arguments: str) -> str:
    secret = token(stack, "create", "--tenant", tenant, *arguments)
    assert "\n" not in secret
    return secret


def client(stack: Stack, secret: str) -> httpx.Client:
    return httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {secret}"}, timeout=30)


def basic(secret: str) -> str:
    return f"Basic {base64.b64encode(f'any:{secret}'.encode()).decode()}"


def accepted(http: httpx.Client, status: int = 200) -> None:
    """Wait until the server has followed what the command wrote."""
    until(lambda: http.get("/v1/events").status_code == status)


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for what another process does and nothing announces."""
    patience.asked(holds, seconds=seconds)


def test_a_token_works_from_its_making_to_its_revocation(guarded: Stack) -> None:
    assert httpx.get(f"{guarded.url}/v1/events").status_code == 401
    secret = created(guarded, "lifecycle", "--scope", "ingest", "--scope", "read", "--name", "ci", "--expires", "90d")
    with client(guarded, secret) as http:
        accepted(http)
        creation = http.post("/v1/events", json={"kind": "deployment", "title": "Deploy"})
        assert creation.status_code == 201
        assert creation.json()["tenant"] == "lifecycle"
        assert http.get(f"/v1/events/{creation.json()['id']}").status_code == 200
        output = token(guarded, "list")
        line = next(line for line in output.splitlines() if " lifecycle " in line)
        assert "ingest read" in line
        assert " ci " in line
        assert secret not in output
        token(guarded, "revoke", line.split()[0])
        accepted(http, 401)
    assert " lifecycle " not in token(guarded, "list")
    assert "there is no token" in token(guarded, "revoke", line.split()[0], code=1)


def test_scopes_tenants_and_groups_hold_over_http(guarded: Stack) -> None:
    writer = client(guarded, created(guarded, "acc_tenantone", "--scope", "ingest"))
    reader = client(guarded, created(guarded, "acc_tenantone", "--scope", "read"))
    member = client(guarded, created(guarded, "acc_tenantone", "--scope", "read", "--group", "sre"))
    admin = client(guarded, created(guarded, "acc_tenantone", "--scope", "admin"))
    foreign = client(guarded, created(guarded, "acc_tenanttwo", "--scope", "ingest", "--scope", "read"))
    for http, status in ((writer, 403), (reader, 200), (member, 200), (admin, 200), (foreign, 200)):
        accepted(http, status)
    body = {"kind": "deployment", "title": "Restricted", "allowed_groups": ["sre"], "service": "shop"}
    assert reader.post("/v1/events", json=body).status_code == 403
    event_id = writer.post("/v1/events", json=body).json()["id"]
    path = f"/v1/events/{event_id}"
    assert {"member": member.get(path).status_code, "admin": admin.get(path).status_code} == {"member": 200, "admin": 200}
    assert {"reader": reader.get(path).status_code, "foreign": foreign.get(path).status_code} == {"reader": 404, "foreign": 404}
    for listing in (
        "/v1/events",
        "/v1/changes?service=shop",
        "/v1/causes?service=shop",
        "/v1/histogram?from=now-1h",
        "/v1/annotations?from=now-1h",
    ):
        assert "Restricted" not in reader.get(listing).text
        assert "Restricted" not in foreign.get(listing).text
    assert "Restricted" in member.get("/v1/events").text
    assert "Restricted" in member.get("/v1/causes?service=shop").text
    assert foreign.get("/v1/accounts/acc_tenantone/events").status_code == 403
    assert foreign.get("/v1/events", headers={"Causeline-Tenant": "acc_tenantone"}).status_code == 403
    for http in (writer, reader, member, admin, foreign):
        http.close()


def test_restricted_events_are_told_to_subscriptions_that_share_a_group(guarded: Stack) -> None:
    writer = client(guarded, created(guarded, "told", "--scope", "ingest", "--scope", "read", "--scope", "admin"))
    accepted(writer)
    with receiving() as receiver:

        def subscribe(name: str, **groups: list[str]) -> httpx.Response:
            target = {"type": "webhook", "url": receiver.url(f"/{name}")}
            return writer.post("/v1/subscriptions", json={"name": name, "target": target, **groups})

        answers = [
            subscribe("sre", groups=["sre", "web"]),
            subscribe("ops", groups=["ops"]),
            subscribe("none", groups=[]),
            subscribe("all"),
        ]
        assert [answer.status_code for answer in answers] == [201] * 4
        restricted = {"kind": "incident", "status": "open", "title": "Restricted", "allowed_groups": ["sre"], "service": "shop"}
        for body in (restricted, {"kind": "deployment", "title": "Open to all"}):
            assert writer.post("/v1/events", json=body).status_code == 201
        everything = ["event.created", "event.created", "problem.opened"]
        for name, types in {"sre": everything, "all": everything, "ops": everything[1:], "none": everything[1:]}.items():
            deliveries = receiver.until(f"/{name}", len(types))
            assert sorted(json.loads(each.body)["type"] for each in deliveries) == sorted(types)
        for name in ("ops", "none"):
            bodies = [each.body for each in receiver.until(f"/{name}", 2)]
            assert [b"Restricted" in body or b"shop" in body for body in bodies] == [False, False]
    writer.close()


def test_a_lost_scope_name_or_tenant_is_refused_by_the_command(guarded: Stack) -> None:
    assert "--scope takes" in token(guarded, "create", "--tenant", "t", "--scope", "write", code=1)
    assert "--tenant takes" in token(guarded, "create", "--tenant", "a/b", "--scope", "read", code=1)
    assert "--expires" in token(guarded, "create", "--tenant", "t", "--scope", "read", "--expires", "soon", code=1)


def test_confluents_registry_client_shows_a_token_as_basic_or_as_bearer(guarded: Stack) -> None:
    secret = created(guarded, "consumers", "--scope", "read")
    with client(guarded, secret) as http:
        accepted(http)
    writer = created(guarded, "consumers", "--scope", "ingest")
    with client(guarded, writer) as http:
        accepted(http, 403)
    bearer = {"bearer.auth.credentials.source": "STATIC_TOKEN", "bearer.auth.logical.cluster": "", "bearer.auth.identity.pool.id": ""}
    for options in ({"basic.auth.user.info": f"any:{secret}"}, {**bearer, "bearer.auth.token": secret}):
        with SchemaRegistryClient({"url": guarded.url, **options}) as registry:
            assert "causeline.events-value" in registry.get_subjects()
    for credentials, status in ((f"any:{secret}x", 401), (f"{secret}:any", 401), (f"any:{writer}", 403)):
        with SchemaRegistryClient({"url": guarded.url, "basic.auth.user.info": credentials}) as registry:
            with pytest.raises(SchemaRegistryError) as caught:
                registry.get_subjects()
            assert (caught.value.http_status_code, caught.value.error_code) == (status, status)


def test_nothing_secret_is_logged(guarded: Stack) -> None:
    right = created(guarded, "logs", "--scope", "ingest", "--scope", "read")
    wrong = "clt_wrongwrongwrongwrongwrongwrongwrongwrong"
    with client(guarded, right) as http:
        accepted(http)
        http.post("/v1/events", content=b"{", headers={"Content-Type": "application/json"})
    for secret in (right, wrong):
        for headers in (
            {"Authorization": f"Bearer {secret}"},
            {"Authorization": f"Api-token {secret}"},
            {"Authorization": basic(secret)},
            {},
        ):
            httpx.get(f"{guarded.url}/api/v1/events", params={"Api-Token": secret}, headers=headers)
            httpx.get(f"{guarded.url}/nothing/here", params={"api-token": secret}, headers=headers)
            httpx.get(f"{guarded.url}/subjects", headers=headers)
    httpx.get(f"{guarded.url}/v1/events/marker-of-the-last-request", headers={"Authorization": f"Bearer {wrong}"})

    until(lambda: "marker-of-the-last-request" in guarded.log.read_text(errors="replace"))
    text = guarded.log.read_text(errors="replace")
    assert "request refused" in text
    for secret in (right, wrong, SECRET, parse_address(guarded.kafka).password):
        assert secret not in text
        assert secret.removeprefix("clt_") not in text
        assert basic(secret) not in text
