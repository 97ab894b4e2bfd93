"""`causeline causes` beside a whole server in memory: what people said becomes weights in a file, and the setting that uses them."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from pydantic import ValidationError

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.causes import fitting
from causeline.deploy.commands.causes.client import CauseClient
from causeline.deploy.commands.causes.use import print_setting
from causeline.deploy.settings import Settings
from causeline.query_api.causes.model import DEFAULT_MODEL, Model, read_model, write_model
from causeline.schemas.values import ids
from tests.access_server import TENANT, AccessServer, Sent
from tests.cause_rows import DAY, MINUTE, ONSET, event, problem

Capture = pytest.CaptureFixture[str]


class CauseServer(httpx.BaseTransport):
    """A client's way to a server in memory in which six problems had the same: a change nearby, and a rolled back one that did it."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.server = AccessServer(settings=settings)
        self.server.now = ONSET + MINUTE
        self.problems: list[str] = []
        self.culprits: list[str] = []
        for number in range(6):
            shift = number * 2 * DAY
            row = problem(tenant=TENANT, id=ids.uuid7(ONSET - shift, b"P" + bytes(8) + bytes([number])), start=ONSET - shift)
            culprit = event(number, shift + 5 * MINUTE, tenant=TENANT, service="far", status="rolled_back")
            for one in (culprit, event(50 + number, shift + 10 * MINUTE, tenant=TENANT)):
                self.server.store.put_event(one)
            self.server.store.put_problem(row)
            self.problems.append(row.id)
            self.culprits.append(culprit.id)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Sent(request.method, request.url.path, request.url.query.decode(), request.read(), headers)
        reply = asyncio.run(self.server.send(call))
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)

    def token(self, *scopes: str) -> str:
        return asyncio.run(self.server.issue(*scopes, name="ann"))

    def client(self, *scopes: str) -> CauseClient:
        return CauseClient("http://causeline", self.token(*scopes), transport=self, pause=lambda _: None)

    def say(self, number: int, target: str = "", verdict: str = "confirmed") -> None:
        path = f"http://causeline/v1/problems/{self.problems[number]}/causes/{target or self.culprits[number]}/feedback"
        with httpx.Client(transport=self, headers={"Authorization": f"Bearer {self.token('ingest')}"}) as http:
            http.put(path, json={"verdict": verdict}).raise_for_status()


@pytest.fixture(autouse=True)
def _log_of_the_server() -> Iterator[None]:
    """Keep what the server logs out of what the command prints."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def way() -> CauseServer:
    return CauseServer()


def figures(shown: str) -> dict[str, list[str]]:
    rows = [line.split() for line in shown.splitlines()[1:] if line]
    return {row[0]: row[1:] for row in rows}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let three problems be enough."""
    monkeypatch.setattr(fitting, "LEAST_EXAMPLES", 3)


def test_too_little_feedback_makes_no_weights(way: CauseServer, tmp_path: Path) -> None:
    way.say(0)
    output = tmp_path / "model.json"
    with pytest.raises(ApiError, match=r"1 problems have feedback .* fewer than 20 say nothing of others"):
        fitting.fit_weights(way.client("admin"), None, output, 500)
    assert not output.exists()


@pytest.mark.usefixtures("few")
def test_what_people_said_moves_weights_and_every_figure_is_shown(way: CauseServer, tmp_path: Path, capsys: Capture) -> None:
    for number in range(5):
        way.say(number)
    way.say(5, "none")
    output = tmp_path / "model.json"
    assert fitting.fit_weights(way.client("admin"), None, output, 500) == 0
    shown = capsys.readouterr().out
    assert [name for name in figures(shown) if name != "fitted"] == [
        "first",
        "first_three",
        "mrr",
        "none",
        "false_blame",
        "rejected_first",
        "loss",
    ]
    before, after, unseen = map(float, figures(shown)["loss"])
    assert after < before
    assert after <= unseen
    assert figures(shown)["rejected_first"] == ["-", "-", "-"]
    assert "fitted to 6 of 6 problems" in shown
    model = read_model(output.read_bytes())
    assert model.version == f"{DEFAULT_MODEL.version}+6"
    assert model.weights["outcome.rolled_back"] > DEFAULT_MODEL.weights["outcome.rolled_back"]


@pytest.mark.usefixtures("few")
def test_pairs_of_a_file_are_as_good_as_those_of_the_server(way: CauseServer, tmp_path: Path, capsys: Capture) -> None:
    for number in range(3):
        way.say(number)
    lines = [{"problem_id": way.problems[n], "event_id": way.culprits[n].upper(), "verdict": "confirmed"} for n in range(3)]
    lines.append({"problem_id": ids.uuid7(ONSET, b"Q" * 10), "event_id": "none", "verdict": "confirmed"})
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    outputs = [tmp_path / name for name in ("server.json", "file.json")]
    fitting.fit_weights(way.client("admin"), None, outputs[0], 500)
    fitting.fit_weights(way.client("read"), path, outputs[1], 500)
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    assert "fitted to 3 of 4 problems" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"problem_id": "p", "event_id": "e", "verdict": "perhaps"}', "line 1: "),
        ('\n{"problem_id": "p"}', "line 2: "),
        ("", "nothing to fit to"),
    ],
)
def test_what_cannot_be_fitted_to_is_said_in_one_line(way: CauseServer, tmp_path: Path, text: str, words: str) -> None:
    path, output = tmp_path / "pairs.jsonl", tmp_path / "model.json"
    path.write_text(text)
    with pytest.raises(ApiError, match=words):
        fitting.fit_weights(way.client("read"), path, output, 500)
    assert not output.exists()


def test_what_was_said_is_listed_for_admins_alone(way: CauseServer, tmp_path: Path) -> None:
    way.say(0)
    with pytest.raises(ApiError, match="admin"):
        fitting.fit_weights(way.client("read", "ingest"), None, tmp_path / "model.json", 500)
    (listed,) = way.client("admin").list_feedback()
    assert (listed["problem_id"], listed["event_id"], listed["verdict"], listed["by"]) == (
        way.problems[0],
        way.culprits[0],
        "confirmed",
        "ann",
    )


def test_a_server_ranks_by_the_file_that_its_setting_names(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(write_model(Model("ours", {**DEFAULT_MODEL.weights, "outcome.rolled_back": 30.0})))
    assert print_setting(path) == 0
    assert f"CAUSELINE_CAUSES_MODEL={path}" in capsys.readouterr().out.splitlines()
    way = CauseServer(Settings(causes_model=str(path)))
    view: Any = way.client("read").terms(way.problems[0])
    assert view["model"]["version"] == "ours"
    with httpx.Client(transport=way, headers={"Authorization": f"Bearer {way.token('read')}"}) as http:
        ranking = http.get(f"http://causeline/v1/problems/{way.problems[0]}/causes").json()
        (effect,) = http.get(f"http://causeline/v1/events/{way.culprits[0]}/effects").json()["effects"]
    first = ranking["causes"][0]
    assert (ranking["model"], first["event"]["id"], first["probability"]) == ("ours", way.culprits[0], effect["probability"])
    for change, cause in zip(view["changes"], ranking["causes"], strict=True):
        weights = view["model"]["weights"]
        assert sum(weights[name] * value for name, value in change["terms"].items()) == pytest.approx(cause["score"], abs=0.001)


def test_a_file_without_weights_is_refused_by_the_command_and_by_the_setting(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "model.json"
    path.write_text('{"version": "1", "weights": {"luck": 1}}')
    for file, words in ((path, "unknown weight 'luck'"), (tmp_path / "nothing.json", "cannot be read")):
        with pytest.raises(SystemExit) as end:
            print_setting(file)
        assert end.value.code == 2
        assert words in capsys.readouterr().err
        with pytest.raises(ValidationError, match=words):
            Settings(causes_model=str(file))
