"""The commands as a job calls them: exit codes, what is printed, what is sent, and what a child notices, which is nothing."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from causeline_ci.delivery import Courier

from tests.ci_client import GITHUB, TOKEN, call_client, environment_of, run_client
from tests.ci_server import CiServer
from tests.patience import asked

AWAY = "http://127.0.0.1:1"


def spooled(folder: Path) -> list[Path]:
    return sorted(folder.glob("[!.]*.json"))


@pytest.mark.parametrize(
    ("behaviour", "code", "strict_code", "waiting", "text"),
    [
        ("201", 0, 0, 0, ""),
        ("400", 0, 77, 0, "refused, HTTP 400: so it is"),
        ("401", 0, 77, 1, "NOT ACCEPTED"),
        ("429", 0, 75, 1, "not delivered (HTTP 429"),
        ("500", 0, 75, 1, "not delivered (HTTP 500"),
    ],
)
def test_a_job_fails_only_where_it_asks_for_it(
    behaviour: str, code: int, strict_code: int, waiting: int, text: str, server: CiServer, folder: Path
) -> None:
    for more, expected in (({}, code), ({"CAUSELINE_STRICT": "1"}, strict_code)):
        server.expect([behaviour])
        result = call_client(environment_of(server.url, folder, **more), "send", "build")
        assert result.returncode == expected
        assert text in result.stderr
        assert len(result.stderr.splitlines()) == bool(text)
        assert len(spooled(folder)) == waiting
        for path in spooled(folder):
            path.unlink()


def test_a_server_that_is_away_costs_no_build(folder: Path) -> None:
    result = call_client(environment_of(AWAY, folder, **GITHUB), "send", "deployment")
    assert (result.returncode, result.stdout, len(spooled(folder))) == (0, "", 1)
    assert result.stderr.startswith("::warning title=causeline-ci::not delivered")
    assert TOKEN not in "".join(path.read_text() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "arguments",
    [
        ["send"],
        ["send", "build", "--title", "x" * 2000],
        ["finish", "--status", "odd"],
        ["run", "build"],
        ["flush", "--wait", "soon"],
        ["odd"],
        [],
    ],
)
def test_what_is_typed_wrong_is_2_and_writes_nothing(arguments: list[str], folder: Path) -> None:
    assert call_client(environment_of(AWAY, folder), *arguments).returncode == 2
    assert not folder.exists()


@pytest.mark.parametrize(("url", "code"), [("", 78), ("odd", 78)])
def test_without_an_address_nothing_is_sent(url: str, code: int, folder: Path) -> None:
    assert call_client(environment_of(url, folder), "send", "build").returncode == 0
    assert call_client(environment_of(url, folder), "send", "build", "--strict").returncode == code
    assert run_client(environment_of(url, folder), "run", "build", "--", sys.executable, "-c", "exit(3)").returncode == 3


def test_a_spool_that_does_not_do_costs_no_build_and_is_told(server: CiServer, folder: Path) -> None:
    folder.write_text("a file where a folder should be")
    result = call_client(environment_of(server.url, folder), "send", "build", "--title", "one")
    assert (result.returncode, len(server.by_title("one"))) == (0, 1)
    assert "the spool does not do" in result.stderr


def test_a_full_disk_costs_no_build(server: CiServer, folder: Path) -> None:
    program = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
    program += "from causeline_ci.cli import main; main(['send', 'build', '--title', 'one'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment_of(server.url, folder), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0
    assert len(server.by_title("one")) == 1


def test_a_pair_is_found_again(server: CiServer, folder: Path) -> None:
    environment = environment_of(server.url, folder, **GITHUB)
    started = call_client(environment, "start", "deployment", "--service", "checkout", "--version", "1.4")
    call_client(environment, "finish", "--status", "failure")
    begin, end = server.events.values()
    assert started.stdout.strip() == begin["tags"]["run_id"] == end["tags"]["run_id"]
    assert (begin["status"], end["status"], end["service"], end["release"]) == ("started", "failure", "checkout", "1.4")
    assert (begin["start"], begin["title"]) == (end["start"], end["title"])
    assert list((folder / "open").iterdir()) == []


def test_an_end_without_a_begin_is_told_all_the_same(server: CiServer, folder: Path) -> None:
    assert call_client(environment_of(server.url, folder), "finish", "some-id", "--status", "cancelled").returncode == 0
    (event,) = server.events.values()
    assert (event["kind"], event["status"], event["tags"]["run_id"]) == ("deployment", "cancelled", "some-id")


@pytest.mark.parametrize("url", ["", AWAY])
def test_the_streams_and_the_code_of_a_child_are_the_jobs(url: str, server: CiServer, folder: Path) -> None:
    program = "import sys; sys.stdout.write(sys.stdin.read().upper()); sys.stderr.write('err'); sys.exit(7)"
    environment = environment_of(url or server.url, folder)
    result = run_client(environment, "run", "build", "--service", "a", "--", sys.executable, "-c", program, stdin="text")
    assert (result.returncode, result.stdout) == (7, "TEXT")
    assert result.stderr.startswith("err")
    if not url:
        begin, end = server.events.values()
        assert (begin["status"], end["status"], end["tags"]["exit_code"]) == ("started", "failure", "7")
        assert float(end["tags"]["duration_seconds"]) >= 0


def test_a_child_that_is_not_there_or_no_program(server: CiServer, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("text")
    environment = environment_of(server.url, folder)
    assert run_client(environment, "run", "build", "--", str(tmp_path / "nothing")).returncode == 127
    assert run_client(environment, "run", "build", "--", str(tmp_path / "text")).returncode == 126


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_are_passed_on(number: signal.Signals, server: CiServer, folder: Path, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    program = f"import signal, pathlib; signal.signal({int(number)}, signal.SIG_DFL); pathlib.Path({str(ready)!r}).touch(); signal.pause()"
    command = [sys.executable, "-m", "causeline_ci", "run", "build", "--", sys.executable, "-c", program]
    with subprocess.Popen(command, env=environment_of(server.url, folder), stdin=subprocess.DEVNULL) as process:
        asked(ready.exists)
        os.kill(process.pid, number)
        assert process.wait(60) == 128 + number
    assert [event["status"] for event in server.events.values()] == ["started", "failure"]


def test_lines_are_sent_each_once(server: CiServer, folder: Path) -> None:
    environment = environment_of(server.url, folder)
    lines = "".join(json.dumps({"kind": "build", "title": f"t{number}", "idempotency_key": f"k{number}"}) + "\n" for number in range(3))
    for _ in range(2):
        server.expect([])
        result = run_client(environment, "send", "-", stdin=lines)
        assert result.returncode == 0
    assert sorted(server.events) == ["k0", "k1", "k2"]


def test_what_is_turned_off_does_nothing(folder: Path) -> None:
    result = call_client(environment_of(AWAY, folder, CAUSELINE_DISABLED="1"), "send", "build", "--strict")
    assert (result.returncode, result.stderr, folder.exists()) == (0, "", False)


def test_no_token_is_shown(server: CiServer, folder: Path) -> None:
    environment = environment_of(server.url, folder, **GITHUB)
    shown = call_client(environment, "env")
    assert "token        set" in shown.stdout
    looked = call_client(environment, "doctor")
    assert [line[:3] for line in looked.stdout.splitlines()] == ["ok "] * 5, looked.stdout
    assert TOKEN not in shown.stdout + shown.stderr + looked.stdout + looked.stderr
    assert server.events == {}


def test_a_doctor_names_what_is_wrong(folder: Path) -> None:
    result = call_client(environment_of(AWAY, folder), "doctor", "--strict")
    assert result.returncode == 75
    assert "BAD connection" in result.stdout


def test_a_mistake_of_the_clients_own_fails_no_build(folder: Path, server: CiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError(f"odd {TOKEN}")

    monkeypatch.setattr(Courier, "send", fail)
    environment = environment_of(server.url, folder)
    result = call_client(environment, "send", "build")
    assert (result.returncode, result.stderr) == (0, "causeline-ci: RuntimeError: odd ***\n")
    assert len(spooled(folder)) == 1
    assert call_client(environment, "send", "build", "--strict").returncode == 75


def test_a_reader_that_went_away_fails_no_build(server: CiServer, folder: Path) -> None:
    command = [sys.executable, "-m", "causeline_ci", "start", "build"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(command, env=environment_of(server.url, folder), check=False, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == 0
    assert len(done.stderr.splitlines()) == 1


def test_more_lines_than_a_spool_holds_are_refused(server: CiServer, folder: Path) -> None:
    result = run_client(environment_of(server.url, folder), "send", "-", stdin='{"kind": "build"}\n' * 1001)
    assert (result.returncode, folder.exists(), server.events) == (2, False, {})
