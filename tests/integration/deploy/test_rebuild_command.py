"""`causeline rebuild` as a command on a folder that `causeline up` filled."""

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from clickhouse_connect.driver.client import Client

from causeline.deploy.embedded.parts import causeline_argv
from causeline.processors.adapters.clickhouse import open_server
from causeline.schemas.topics import CAUSES, DELIVERIES_LOG, SINK_GROUP
from causeline.schemas.wire import codec
from tests import patience
from tests.clickhouse_http import ClickHouseHttp
from tests.cto_ai_memory import POSTS
from tests.desk_samples import minimal
from tests.engine import TITLE
from tests.escapekit_samples import CREATE, EVENT
from tests.sink_stack import Progress, delivery, produce, revision
from tests.stack import Stack, running

_TABLES = (
    "events_by_time",
    "events_by_service",
    "event_keys",
    "problem_transitions",
    "problems_open",
    "problems_closed",
    "deliveries",
    "deliveries_newest",
    "cause_revisions",
    "dora_events",
)
_LOST = "lost-by-hand"


class Folder(NamedTuple):
    """A data folder that nothing runs in; `tables` are the rows of each table, `refused` a rebuild beside the running stack."""

    path: Path
    tables: dict[str, int]
    refused: subprocess.CompletedProcess[str]


def rebuild(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    argv = [*causeline_argv("rebuild"), "--data-dir", str(folder), *flags]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def opened(folder: Path) -> Iterator[Client]:
    """The tables of a folder that nothing runs in, by a process of its own."""
    server = ClickHouseHttp(folder / "clickhouse").start()
    try:
        yield open_server(server.url, "causeline")
    finally:
        server.stop()


def counted(client: Client) -> dict[str, int]:
    return {table: client.query(f"SELECT count() FROM {table} FINAL").result_rows[0][0] for table in _TABLES}


def send_all_kinds(url: str) -> None:
    """Send through every event API, a problem that closes and one that stays open, a change and a delete."""
    with httpx.Client(base_url=url, headers={"Causeline-Tenant": "t"}, timeout=30) as http:

        def post(path: str, body: object, method: str = "POST") -> httpx.Response:
            return http.request(method, path, json=body).raise_for_status()

        post("/v1/events", {"kind": "deployment", "title": _LOST, "idempotency_key": _LOST})
        incident = {"type": 4, "service": "s", "status": 7}
        event = post("/api/v1alpha1/event", {"title": "incident", "attributes": incident}).json()
        post("/api/v1alpha1/event", {"id": event["id"], "title": "incident", "attributes": {"status": 8}}, "PUT")
        post("/e/t/api/v1/events", minimal("ERROR_EVENT", start=..., timeoutMinutes=60))
        post("/events", POSTS[0])
        http.post(CREATE, content=EVENT, headers={"Content-Type": "application/json"}).raise_for_status()
        post("/v1/accounts/acc_1/events", {"type": "deployment", "name": "v1"})
        marker = post("/v1/accounts/acc_1/events", {"type": "deployment", "name": "v2"}).json()
        http.delete(f"/v1/accounts/acc_1/events/{marker['sid']}").raise_for_status()


async def applied(stack: Stack) -> None:
    async with Progress(stack.kafka, SINK_GROUP) as progress:
        await progress.wait_until_applied()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    """What `causeline up` left; who harms it has it mended again."""
    path = tmp_path_factory.mktemp("rebuild-command") / "data"
    with running(path, CAUSELINE_CAUSES_PUBLISH="false") as stack:  # a ranking more would be a row more
        send_all_kinds(stack.url)
        stack.wait_flow()  # what was acknowledged before this event went through the processors before it, or with it
        records = [(DELIVERIES_LOG, 0, codec.encode_record(delivery("t", 1, 1))), (CAUSES, 0, codec.encode_record(revision("t", 1, 1)))]
        asyncio.run(produce(stack.kafka, records))
        asyncio.run(applied(stack))
        refused = rebuild(path)
    with opened(path) as client:
        return Folder(path, counted(client), refused)


def test_a_folder_in_use_is_refused(folder: Folder) -> None:
    assert (folder.refused.returncode, folder.refused.stdout) == (2, "")
    assert "stop that one, or choose another --data-dir" in folder.refused.stderr


def test_what_all_apis_stored_is_equal_to_the_log(folder: Folder) -> None:
    assert all(folder.tables.values()), folder.tables
    process = rebuild(folder.path)
    assert (process.returncode, process.stdout, process.stderr) == (0, f"equal: {sum(folder.tables.values())} rows\n", "")


def test_a_lost_row_is_told_after_a_killed_rebuild_too_and_replaced_when_asked(folder: Folder) -> None:
    with opened(folder.path) as client:
        (lost_id,) = client.query(f"SELECT id FROM events_by_time FINAL WHERE {TITLE} = '{_LOST}'").result_rows[0]
        client.command(f"DELETE FROM events_by_time WHERE id = '{lost_id}'")
    killed = subprocess.Popen([*causeline_argv("rebuild"), "--data-dir", str(folder.path), "--apply"])
    metadata = folder.path / "clickhouse/metadata/causeline_rebuild.sql"
    patience.asked(lambda: metadata.exists() or killed.poll() is not None, seconds=60, every=0.005)
    assert killed.poll() is None
    killed.kill()
    assert killed.wait() == -signal.SIGKILL
    process = rebuild(folder.path)
    rows = sum(folder.tables.values()) - 1
    assert process.returncode == 1, process
    assert process.stdout.splitlines()[0] == f"different: 1 rows; equal: {rows} rows"
    assert f"events_by_time: only in the log: t {lost_id} " in process.stdout
    process = rebuild(folder.path, "--apply")
    assert (process.returncode, process.stdout.splitlines()[-1]) == (0, "replaced: causeline is what the log says")
    with opened(folder.path) as client:
        assert counted(client) == folder.tables


def test_a_broken_engine_is_named_and_one_that_is_gone_comes_back_from_the_log(folder: Folder) -> None:
    engine = folder.path / "clickhouse"
    (engine / "metadata/causeline/events.sql").write_text("broken")
    process = rebuild(folder.path, "--apply")
    (line,) = (line for line in process.stderr.splitlines() if line.startswith("causeline: "))
    assert process.returncode == 1
    assert f"move {engine} away and run `causeline rebuild --apply`" in line
    assert "Traceback" not in process.stderr
    shutil.move(engine, folder.path / "moved")
    process = rebuild(folder.path)
    assert (process.returncode, process.stderr) == (
        1,
        f"causeline: {engine} is not there: `causeline rebuild --apply` makes it anew from the log\n",
    )
    assert not engine.exists()
    process = rebuild(folder.path, "--apply")
    assert (process.returncode, process.stdout.splitlines()[-1]) == (0, "replaced: causeline is what the log says"), process
    with running(folder.path, CAUSELINE_CAUSES_PUBLISH="false") as stack:
        events = httpx.get(f"{stack.url}/v1/events", headers={"Causeline-Tenant": "t"}).raise_for_status().json()["events"]
        assert _LOST in {event["title"] for event in events}
    with opened(folder.path) as client:
        assert counted(client) == folder.tables
