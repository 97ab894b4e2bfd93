"""Whose files changes touched, of a whole window: bounded together, the closest first, and nothing of them changes with the others."""

import json
import sys
import threading
from typing import Any

import msgspec

from causeline.query_api.reading import file_services
from causeline.query_api.reading.file_services import Neighbourhood, changed_files, owners_of_changes, services_of_files
from causeline.schemas.records.event import Event
from causeline.schemas.topology.file_index import MOST_STEPS
from causeline.schemas.topology.service import Service
from causeline.schemas.topology.topology import Topology
from tests.cause_rows import MINUTE, event

TOPOLOGY = Topology([Service(name=f"s{n}", paths=(f"apps/s{n}/**", f"*.{n}")) for n in range(50)])
WIDE = Topology([Service(name=f"s{n}", paths=(f"**/*{n}*/**/*x",)) for n in range(2_000)])


def change(number: int, *files: str, **fields: Any) -> Event:
    raw = json.dumps({"kind": "deployment", "title": "t", "files": files})
    return event(number, MINUTE, **{"service": "", "raw": raw, **fields})


def test_files_are_read_of_native_changes_without_a_service() -> None:
    assert changed_files(change(1, "a", "b")) == ["a", "b"]
    assert changed_files(change(1, raw="{")) == changed_files(change(1, raw="")) == []
    assert changed_files(change(1, "a", service="x")) == changed_files(change(1, "a", dialect="tracker")) == []


def test_what_nobody_described_is_not_even_read() -> None:
    assert owners_of_changes([change(1, "apps/s1/a")], Topology([Service(name="s1")])) == {}


def test_a_change_has_the_same_owners_whatever_is_beside_it() -> None:
    changes = [change(n, f"apps/s{n % 60}/x", f"{n}.{n % 7}") for n in range(1, 200)]
    together = owners_of_changes(changes, TOPOLOGY)
    assert len(together) == 199
    assert together == {one.id: owners for one in changes for owners in owners_of_changes([one], TOPOLOGY).values()}


def test_the_closest_service_is_taken() -> None:
    (owners,) = owners_of_changes([change(1, *(f"apps/s{n}/x" for n in (9, 8, 7, 6, 5)))], TOPOLOGY).values()

    def service(own: str, callees: dict[str, int], *callers: str) -> str:
        return services_of_files({"c": owners}, Neighbourhood(own, callees, frozenset(callers)))["c"].service

    assert service("s7", {"s8": 1}, "s6") == "s7"
    assert service("s1", {"s8": 2, "s9": 1}, "s6") == "s9"
    assert service("s1", {"s2": 1}, "s6", "s9") == "s6"
    assert service("", {}) == "s5"


def test_hostile_wildcards_and_a_window_of_changes_end_after_a_bounded_number_of_steps() -> None:
    files = tuple(f"{n}/" * 60 + "a" for n in range(100))
    changes = [change(n, *files) for n in range(1, 2_001)]
    asked: list[str] = []

    class Counting(Topology):
        def owners_of_files(self, repo: str, files: Any) -> Any:
            answer = WIDE.owners_of_files(repo, files)
            asked.append(repo)
            assert answer.steps <= 2 * MOST_STEPS
            return answer

    owners_of_changes(changes, Counting(WIDE.services.values()))
    assert 1 < len(asked) <= file_services._MOST_STEPS // MOST_STEPS + 1


def test_others_have_their_turn_meanwhile() -> None:
    """Wildcards that try everything never hold the interpreter for long: another thread has turns in between."""
    changes = [change(n, *(f"{m}/" * 60 + "a" for m in range(100))) for n in range(1, 30)]
    turns = 0
    worker = threading.Thread(target=owners_of_changes, args=(changes, WIDE))
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    try:
        worker.start()
        while worker.is_alive():
            turns += 1
            worker.join(0.0005)
    finally:
        sys.setswitchinterval(before)
        worker.join()
    assert turns > 20


def test_a_text_of_a_mebibyte_is_read_whole() -> None:
    files = [f"apps/s1/{n:0100d}" for n in range(9_000)]
    assert changed_files(msgspec.structs.replace(change(1), raw=json.dumps({"files": files}))) == files
