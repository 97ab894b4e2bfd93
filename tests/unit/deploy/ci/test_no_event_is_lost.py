"""Whatever ends a client, whatever a server does: an event that was acknowledged or spooled is there once, or set aside."""

import json
import tempfile
import threading
from pathlib import Path

import pytest
from causeline_ci.delivery import Courier
from causeline_ci.providers import CiJob
from causeline_ci.settings import ClientSettings
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ci_client import GITHUB, KILLED, call_client, environment_of, run_doomed
from tests.ci_server import BEHAVIOURS, CiServer, ci_server


def titles(folder: Path) -> list[str]:
    """Return the titles of the events in a folder."""
    return [json.loads(path.read_text())["event"]["title"] for path in folder.glob("[!.]*.json")]


def flush(server: CiServer, folder: Path) -> None:
    """Send what waits while the server is good, until nothing does."""
    server.expect([])
    result = Courier(ClientSettings(url=server.url), CiJob(), str(folder)).flush(20.0)
    assert result.waiting == 0, result


@settings(max_examples=8)
@given(
    clients=st.lists(st.tuples(st.integers(1, 40), st.lists(st.sampled_from(BEHAVIOURS), max_size=3)), min_size=1, max_size=3),
    job=st.sampled_from([{}, GITHUB]),
)
def test_no_step_at_which_a_client_dies_loses_or_doubles_an_event(clients: list[tuple[int, list[str]]], job: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as parent, ci_server() as server:
        folder = Path(parent) / "spool"
        environment = environment_of(server.url, folder, **job)
        kept: set[str] = set()
        for number, (step, plan) in enumerate(clients):
            title = f"event {number}"
            server.expect(plan)
            code = run_doomed(environment, folder, step, "send", "build", "--title", title)
            assert code in (0, KILLED)
            kept |= {title} if code == 0 else set()
            kept |= set(titles(folder)) | {event["title"] for event in server.events.values()}
        flush(server, folder)
        for number in range(len(clients)):
            title = f"event {number}"
            fates = len(server.by_title(title)) + titles(folder / "rejected").count(title)
            assert fates == 1 if title in kept else fates <= 1
        assert titles(folder) == []


@pytest.mark.parametrize("step", range(2, 60, 15))
def test_a_flush_that_dies_is_done_again(step: int, server: CiServer, folder: Path) -> None:
    courier = Courier(ClientSettings(url=server.url), CiJob(), str(folder))
    for number in range(4):
        courier.prepare_event(f"id-{number}", {"kind": "build", "title": f"event {number}"})
    server.expect(["201", "reset", "400", "500"])
    run_doomed(environment_of(server.url, folder), folder, step, "flush")
    flush(server, folder)
    places = [len(server.by_title(f"event {number}")) + titles(folder / "rejected").count(f"event {number}") for number in range(4)]
    assert places == [1, 1, 1, 1]


def test_two_that_flush_at_once_send_each_event_once(server: CiServer, folder: Path) -> None:
    couriers = [Courier(ClientSettings(url=server.url), CiJob(), str(folder)) for _ in range(2)]
    for number in range(12):
        couriers[0].prepare_event(f"id-{number}", {"kind": "build", "title": f"event {number}"})
    threads = [threading.Thread(target=courier.flush, args=(20.0,)) for courier in couriers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.events) == sorted(f"id-{number}" for number in range(12))
    assert titles(folder) == titles(folder / "rejected") == []


def test_what_a_server_took_without_saying_so_is_a_repeat(server: CiServer, folder: Path) -> None:
    environment = environment_of(server.url, folder)
    server.expect(["reset"])
    first = call_client(environment, "send", "build", "--title", "one")
    assert (first.returncode, titles(folder)) == (0, ["one"])
    second = call_client(environment, "flush")
    assert second.stdout == "1 delivered, 0 refused, 0 waiting\n"
    assert len(server.by_title("one")) == 1


def test_the_client_of_these_tests_dies_where_it_should(server: CiServer, folder: Path) -> None:
    environment = environment_of(server.url, folder)
    assert run_doomed(environment, folder, 1, "send", "build", "--title", "one") == KILLED
    assert run_doomed(environment, folder, 10_000, "send", "build", "--title", "one") == 0
