"""Subscriptions on a whole stack: they outlive a killed server, every partition is told of them again, and no file shows a secret.

Services, which lie on the same log, outlive it too.
"""

import asyncio
import json
import stat
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from causeline.deploy.embedded.parts import causeline_argv
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import INGEST
from tests.kafka_topics import read_committed, until
from tests.stack import Stack, running
from tests.subscribing import told_by

SECRETS: Final = (b"t0ps3cret-query", b"s3cr3t-h3ader", b"B0SECRETPATH")
WEBHOOK: Final[dict[str, Any]] = {
    "type": "webhook",
    "url": f"https://hooks.example/in?token={SECRETS[0].decode()}",
    "headers": {"Authorization": SECRETS[1].decode()},
}
SLACK: Final = {"type": "slack", "url": f"https://hooks.slack.com/services/{SECRETS[2].decode()}"}
PATH: Final = "/v1/subscriptions"
SET: Final = "/api/v1/events/subscriptions/project/shop/"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of this module's own: its server is killed."""
    with running(tmp_path_factory.mktemp("subscriptions") / "data", CAUSELINE_LOG_LEVEL="debug") as own_stack:
        yield own_stack


async def shown(http: httpx.AsyncClient) -> list[dict[str, Any]]:
    """Return the subscriptions without their health, which goes on."""
    subscriptions = (await http.get(PATH)).raise_for_status().json()["subscriptions"]
    return [{name: value for name, value in one.items() if name != "health"} for one in subscriptions]


async def told(stack: Stack, partition: int, subscription_id: str) -> list[Rule]:
    """Return the rules of a subscription that lie on a partition of the ingest log, in order."""
    lines = await read_committed(stack.kafka, INGEST, partition)
    return [rule for _, value in lines if value is not None and (rule := told_by(value)) is not None and rule.id == subscription_id]


async def test_a_killed_server_comes_back_with_its_subscriptions_and_tells_them_again(own: Stack) -> None:
    async with httpx.AsyncClient(base_url=own.url, headers={"Causeline-Tenant": f"t{uuid.uuid4().hex}"}, timeout=20) as http:
        subscription = (await http.post(PATH, json={"name": "n", "target": WEBHOOK})).raise_for_status().json()
        ended = (await http.post(PATH, json={"name": "n", "target": SLACK})).raise_for_status().json()
        members = (await http.put(SET, json=[SLACK])).raise_for_status().json()
        assert (await http.delete(f"{PATH}/{ended['id']}")).status_code == 204
        service = (await http.put("/v1/services/checkout", json={"aliases": ["co"]})).raise_for_status().json()
        before = await shown(http)
        assert [len(await told(own, partition, subscription["id"])) for partition in range(4)] == [1] * 4

        own.child("causeline server").kill()
        await asyncio.to_thread(own.wait_flow)
        assert await shown(http) == before
        assert (await http.get("/v1/services/checkout")).json() == service
        assert (await http.get(SET)).json() == members
        assert (await http.get(f"{PATH}/{ended['id']}")).status_code == 404

        async def told_again() -> bool:
            return all([len(await told(own, partition, subscription["id"])) == 2 for partition in range(4)])

        await until(told_again)
        assert [rule.gone for rule in await told(own, 0, ended["id"])] == [False, True, True]

        rotated = (await http.post(f"{PATH}/{subscription['id']}/rotate-secret")).raise_for_status().json()
        secrets = [one["target"]["secret"] for one in (subscription, rotated)]
    assert secrets[0] != secrets[1]
    files = [own.log, *(path for path in own.data_dir.rglob("*") if path.is_file())]
    for secret in (*SECRETS, *(one.encode() for one in secrets)):
        assert [path for path in files if holds(path, secret)] == []
    assert holds_any(files, subscription["id"].encode())


async def test_the_key_is_made_in_the_data_folder_for_its_owner_alone(own: Stack) -> None:
    path = own.data_dir / "secrets.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not holds(own.log, path.read_bytes().strip())


def test_the_command_shows_what_the_server_knows(own: Stack) -> None:
    tenant = f"t{uuid.uuid4().hex}"
    with httpx.Client(base_url=own.url, headers={"Causeline-Tenant": tenant}, timeout=20) as http:
        subscription = http.post(PATH, json={"name": "to the shop", "target": WEBHOOK}).raise_for_status().json()
    list_process = command("list", "--url", own.url, "--tenant", tenant)
    assert (list_process.returncode, "to the shop" in list_process.stdout) == (0, True)
    process = command("show", subscription["id"], "--url", own.url, "--tenant", tenant, "--json")
    expected = {**subscription, "target": {**subscription["target"], "secret": "***"}}
    del expected["health"]
    assert {name: value for name, value in json.loads(process.stdout).items() if name != "health"} == expected
    missing = command("show", subscription["id"], "--url", own.url, "--tenant", "other")
    assert (missing.returncode, missing.stderr.startswith("causeline: there is no subscription")) == (1, True)


def command(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*causeline_argv("subscriptions"), *args], capture_output=True, text=True, timeout=60, check=False)


def holds(path: Path, text: bytes) -> bool:
    """Return whether a file holds a text; one that was merged away meanwhile does not, and what it became is a file too."""
    try:
        return text in path.read_bytes()
    except FileNotFoundError:
        return False


def holds_any(paths: list[Path], text: bytes) -> bool:
    return any(holds(path, text) for path in paths)
