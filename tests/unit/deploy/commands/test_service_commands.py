"""`causeline services` beside a whole server in memory: what is printed, what is written, and the exit codes."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.services import commands
from causeline.deploy.commands.services.client import IMPORT_PORTION, ServiceClient
from tests.access_server import AccessServer, Sent

Capture = pytest.CaptureFixture[str]


class InMemoryServer(httpx.BaseTransport):
    """A client's way to a server in memory; `asked` lists what it was asked."""

    def __init__(self) -> None:
        self.server = AccessServer()
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Sent(request.method, request.url.path, request.url.query.decode(), request.read(), headers)
        reply = asyncio.run(self.server.send(call))
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)

    def client(self, *scopes: str) -> ServiceClient:
        token = asyncio.run(self.server.issue(*scopes)) if scopes else ""
        return ServiceClient("http://causeline", token, transport=self, pause=lambda _: None)


@pytest.fixture(autouse=True)
def _log_of_the_server() -> Iterator[None]:
    """Keep what the server logs out of what the command prints."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def way() -> InMemoryServer:
    return InMemoryServer()


@pytest.fixture
def client(way: InMemoryServer) -> ServiceClient:
    return way.client("ingest", "read")


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "catalog.json"
    path.write_text(json.dumps(content))
    return path


def test_an_import_keeps_what_the_catalog_does_not_say(client: ServiceClient, tmp_path: Path, capsys: Capture) -> None:
    list(client.put_all([{"name": "web", "paths": ["web/**"], "aliases": ["www"], "tier": 1, "owner": "kim", "depends_on": ["old"]}]))
    path = written(tmp_path, [{"name": "web", "owner": "alex", "dependenciesOut": ["api/v1"]}, {"name": "api/v1"}, {}])
    assert commands.import_catalogs(client, [path], dry_run=False) == 0
    output = capsys.readouterr().out.splitlines()
    assert output == [f"{path}, entry 3: skipped, has no name", "imported 2, refused 0, skipped 1"]
    web = client.one("web")
    assert (web["owner"], web["paths"], web["aliases"], web["tier"], web["depends_on"]) == ("alex", ["web/**"], ["www"], 1, ["api/v1"])
    assert client.one("api/v1")["name"] == "api/v1"


def test_what_the_server_refuses_is_told_with_the_reason(client: ServiceClient, tmp_path: Path, capsys: Capture) -> None:
    list(client.put_all([{"name": "web", "aliases": ["www"]}]))
    path = written(tmp_path, [{"name": "www"}, {"name": "x" * 201}, {"name": "ok"}])
    assert commands.import_catalogs(client, [path], dry_run=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "www: refused, name: is an alias of the service 'web'"
    assert lines[1].endswith("refused, name: must be a text of 1 to 200 characters")
    assert lines[2:] == ["imported 1, refused 2, skipped 0"]


def test_a_long_import_goes_in_portions(way: InMemoryServer, client: ServiceClient, tmp_path: Path) -> None:
    names = [f"s{number:04}" for number in range(2 * IMPORT_PORTION + 1)]
    assert commands.import_catalogs(client, [written(tmp_path, [{"name": name} for name in names])], dry_run=False) == 0
    assert way.asked.count("POST /v1/services") == 3
    assert [one["name"] for one in client.list_services()] == names


def test_a_dry_run_prints_what_would_be_written_and_writes_nothing(client: ServiceClient, tmp_path: Path, capsys: Capture) -> None:
    assert commands.import_catalogs(client, [written(tmp_path, [{"name": "a", "owner": "kim"}])], dry_run=True) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "a", "owner": "kim"}
    assert list(client.list_services()) == []


def test_without_a_service_or_the_scope_nothing_is_imported(way: InMemoryServer, client: ServiceClient, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="no file describes a service"):
        commands.import_catalogs(client, [written(tmp_path, [])], dry_run=False)
    path = written(tmp_path, [{"name": "a"}])
    with pytest.raises(ApiError, match="`ingest`"):
        commands.import_catalogs(way.client("read"), [path], dry_run=False)
    with pytest.raises(ApiError, match="`read`"):
        list(way.client("ingest").list_services())
    with pytest.raises(ApiError, match="CAUSELINE_SERVICES_TOKEN"):
        commands.import_catalogs(way.client(), [path], dry_run=False)


def test_services_are_shown_as_a_table_as_lines_and_as_json(client: ServiceClient, capsys: Capture) -> None:
    list(client.put_all([{"name": "web\x1b[31m", "team": "shop", "depends_on": ["a", "b"]}, {"name": "other", "tier": 2}]))
    assert commands.print_services(client, ["shop"], as_json=False) == 0
    heading, row = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["name", "team", "owner", "tier"]
    assert ("web\\x1b[31m" in row, "a, b" in row) == (True, True)
    assert commands.print_services(client, [], as_json=True) == 0
    assert [json.loads(line)["name"] for line in capsys.readouterr().out.splitlines()] == ["other", "web\x1b[31m"]
    assert commands.print_service(client, "other", as_json=False) == 0
    members = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert set(members) == {"name", "tier", "updated_at"}
    assert commands.print_services(client, ["nobody"], as_json=False) == 0
    assert capsys.readouterr().out == "no services that match\n"
    with pytest.raises(ApiError, match="there is no service nobody"):
        commands.print_service(client, "nobody", as_json=False)
