"""The built wheel as a user gets it: installed into a new environment, started in an empty folder, one event through each API."""

import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pytest

from tests import patience
from tests.stack import Stack

ROOT: Final = Path(__file__).parents[2]
ACCOUNT: Final = "acc_abc123def456ghi789jkl012"
TEAM: Final = "02f71e12-fa48-45aa-a1f2-956b425e5bee"


class Api(NamedTuple):
    """One event of an API, where it is sent, where it is read again, and words that only it says."""

    write: str
    event: dict[str, Any]
    read: str
    words: str


APIS: Final = {
    "tracker": Api(
        "/api/v1alpha1/event",
        {"title": "tracker-event", "attributes": {"message": "m", "type": 1, "priority": 2, "service": "s", "status": 3, "environment": 7}},
        "/api/v1alpha1/events/search?type=1&environment=7",
        "tracker-event",
    ),
    "desk": Api(
        "/api/v1/events",
        {
            "eventType": "CUSTOM_ANNOTATION",
            "timeoutMinutes": 0,
            "attachRules": {"entityIds": ["SERVICE-FEF50497752EF96E"]},
            "source": "wheel",
            "annotationType": "defect",
            "annotationDescription": "desk-event",
        },
        "/api/v1/events?relativeTime=hour",
        "desk-event",
    ),
    "cto_ai": Api(
        "/events",
        {"event_name": "build", "event_action": "succeeded", "branch": "cto-event", "repo": "api", "team_id": TEAM},
        f"/api/v1/events?team_id={TEAM}",
        "cto-event",
    ),
    "escapekit": Api(
        "/internal/create-event",
        {
            "id": "escapekit-event",
            "inventory_project": "test",
            "timestamp": 12343434343434,
            "type": "CREATE_INVENTORY_PROJECT",
            "username": "user",
        },
        "/api/v1/events/query/inventory/test/",
        "escapekit-event",
    ),
    "apitraffic": Api(
        f"/v1/accounts/{ACCOUNT}/events",
        {"type": "incident", "name": "apitraffic-event", "bucketSids": ["bkt_abc123"]},
        f"/v1/accounts/{ACCOUNT}/events?type=incident",
        "apitraffic-event",
    ),
    "native": Api("/v1/events", {"kind": "deployment", "title": "native-event"}, "/v1/events?kind=deployment", "native-event"),
}


class Installed(Stack):
    """A stack of the wheel, started in a folder where nothing lies."""

    def __init__(self, environment: Path, folder: Path) -> None:
        super().__init__(folder / "causeline-data")
        self.environment = environment
        self.cwd = folder
        self._env.pop("PYTHONPATH", None)

    def command(self) -> list[str]:
        return [str(self.environment / "bin" / "causeline"), "up", "--free-ports"]


def python(environment: Path, *arguments: str) -> str:
    """What the environment's Python prints; it knows no folder of the tree."""
    command = [str(environment / "bin" / "python"), *arguments]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(command, cwd=environment, env=env, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel. What the wheel depends on is that of the tests, which are not installed again.

    A folder that a `.pth` file names is no site folder: the editable install that lies in it, which is such a file itself, is not seen.
    """
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    root = folder / "environment"
    venv.create(root, symlinks=True)
    install = [sys.executable, "-m", "pip", "--python", str(root / "bin" / "python"), "install", "--quiet", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    site = Path(python(root, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    site.joinpath("dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return root


@pytest.fixture(scope="module")
def installed(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    stack = Installed(environment, tmp_path_factory.mktemp("empty"))
    try:
        stack.start()
        yield stack
    finally:
        if stack.alive():
            stack.stop()


def test_every_portion_is_that_of_the_wheel(environment: Path) -> None:
    program = (
        "import causeline, importlib\n"
        "print(*causeline.__path__)\n"
        "for name in ('schemas', 'ingest', 'processors', 'query_api', 'deploy', 'deploy.cli'):\n"
        "    print(importlib.import_module(f'causeline.{name}').__file__)\n"
    )
    places = python(environment, "-c", program).split()
    assert len(places) == 7
    assert all(Path(place).is_relative_to(environment) for place in places)


def test_the_command_of_the_wheel_answers(environment: Path) -> None:
    process = subprocess.run([environment / "bin" / "causeline", "--help"], check=True, capture_output=True, text=True, cwd=environment)
    assert "up" in process.stdout


def test_every_process_of_the_stack_runs_the_wheel(installed: Installed) -> None:
    for words in ("causeline server", "causeline processors", "causeline deliver"):
        assert str(installed.environment) in " ".join(installed.child(words).cmdline())


@pytest.mark.parametrize("name", APIS)
def test_an_event_of_each_api_is_stored_and_read_again(installed: Installed, name: str) -> None:
    api = APIS[name]
    with httpx.Client(base_url=installed.url, timeout=10) as http:
        assert http.post(api.write, json=api.event).is_success
        answer = patience.asked(lambda: http.get(api.read), lambda told: api.words in told.text)
        assert answer.is_success
