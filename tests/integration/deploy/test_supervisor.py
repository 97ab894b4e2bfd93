import asyncio
import signal
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from causeline.deploy.embedded.parts import CommandPart, causeline_argv
from causeline.deploy.embedded.supervisor import Supervisor
from causeline.deploy.exit_codes import CANNOT_RUN, COMMAND_FAILED
from tests import patience

WORKS = """
    import pathlib, signal, sys
    name, diary = sys.argv[1], pathlib.Path(sys.argv[2])
    def note(what):
        with diary.open("a") as file: file.write(f"{name} {what}\\n")
    def stop(*_):
        note("stopped")
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    note("started")
    signal.pause()
"""
DEAF = """
    import pathlib, signal, sys
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open(sys.argv[2], "a") as file: file.write(f"{sys.argv[1]} started\\n")
    while True: signal.pause()
"""


def part(name: str, diary: Path, program: str = WORKS, stop_s: float = 10.0) -> CommandPart:
    return CommandPart(name, [sys.executable, "-c", textwrap.dedent(program), name, str(diary)], {}, stop_s)


def lines(diary: Path) -> list[str]:
    return diary.read_text().splitlines() if diary.exists() else []


async def until(condition: Callable[[], bool]) -> None:
    await patience.holds(condition)  # files and process lists have no event


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


async def test_parts_stop_in_the_reverse_order_of_their_start(diary: Path) -> None:
    announced: list[str] = []
    parts = [part(name, diary) for name in ("broker", "processors", "server")]
    supervisor = Supervisor(parts, ready=lambda: len(lines(diary)) == 3, announce=lambda: announced.append("ready"))
    running = asyncio.create_task(supervisor.run())
    await until(lambda: bool(announced))
    supervisor.stop("test")
    assert await running == 0
    assert lines(diary)[3:] == ["server stopped", "processors stopped", "broker stopped"]
    assert announced == ["ready"]


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
async def test_a_part_that_dies_is_started_again_and_the_others_stay(diary: Path, signum: signal.Signals) -> None:
    first, second = part("first", diary), part("second", diary)
    supervisor = Supervisor([first, second], ready=lambda: len(lines(diary)) == 2, announce=lambda: None)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: len(lines(diary)) == 2)
    assert first.pid
    assert second.pid
    before, untouched = first.pid, second.pid
    psutil.Process(before).send_signal(signum)
    await until(lambda: lines(diary).count("first started") == 2)
    assert first.pid != before
    assert second.pid == untouched
    supervisor.stop("test")
    assert await running == 0


async def test_a_part_that_does_not_stop_is_killed_after_its_deadline(diary: Path) -> None:
    deaf = part("deaf", diary, DEAF, stop_s=0.2)
    supervisor = Supervisor([deaf], ready=lambda: True, announce=lambda: None)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: lines(diary) == ["deaf started"])
    supervisor.stop("test")
    assert await running == 0
    assert deaf.wait() == -signal.SIGKILL


async def test_a_second_request_to_stop_kills_at_once(diary: Path) -> None:
    deaf = part("deaf", diary, DEAF, stop_s=60)
    supervisor = Supervisor([deaf], ready=lambda: True, announce=lambda: None)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: lines(diary) == ["deaf started"])
    supervisor.stop("SIGINT")
    supervisor.stop("SIGINT")
    async with asyncio.timeout(10):
        assert await running == 0


async def test_a_first_part_that_cannot_start_ends_the_supervisor_and_the_rest_is_never_started(diary: Path) -> None:
    class Broken(CommandPart):
        def start(self) -> None:
            raise OSError("no such broker")

    failing_part = Broken("broken", [], {}, 1)
    supervisor = Supervisor([failing_part, part("server", diary)], ready=lambda: False, announce=lambda: None)
    assert await supervisor.run() == COMMAND_FAILED
    assert not lines(diary)


async def test_a_part_that_refuses_its_configuration_before_anything_worked_ends_the_supervisor(diary: Path) -> None:
    refusing = part("server", diary, f"raise SystemExit({CANNOT_RUN})")
    supervisor = Supervisor([part("broker", diary), refusing], ready=lambda: False, announce=lambda: None)
    assert await supervisor.run() == COMMAND_FAILED


async def test_a_signal_stops_in_order(diary: Path) -> None:
    supervisor = Supervisor([part("only", diary)], ready=lambda: True, announce=lambda: None)
    running = asyncio.create_task(supervisor.run())
    await until(lambda: lines(diary) == ["only started"])
    signal.raise_signal(signal.SIGTERM)
    assert await running == 0
    assert lines(diary) == ["only started", "only stopped"]


def test_a_command_is_known_by_its_name_in_the_process_list() -> None:
    assert "causeline server" in " ".join(causeline_argv("server"))
