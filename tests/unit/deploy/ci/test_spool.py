"""The folder of waiting events: whose it may be, what it holds at most, and what the bounds cost."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from causeline_ci import spool as module
from causeline_ci.delivery import Courier
from causeline_ci.providers import CiJob
from causeline_ci.settings import ClientSettings
from causeline_ci.spool import Spool, SpoolRecord, SpoolUnusable

RECORD = SpoolRecord("key", {"kind": "build", "title": "ünïcode \U0001f680"})


@pytest.fixture
def spool(folder: Path) -> Spool:
    spool = Spool(str(folder))
    spool.prepare()
    return spool


def test_what_is_added_is_read_until_it_is_removed(spool: Spool) -> None:
    spool.add("a", RECORD)
    assert spool.read("a") == RECORD
    spool.remove("a")
    assert (spool.read("a"), spool.entries()) == (None, [])


def test_what_lies_there_under_an_id_stays(spool: Spool) -> None:
    spool.add("a", RECORD)
    spool.add("a", SpoolRecord("key", {"kind": "other"}))
    assert spool.read("a") == RECORD


def test_only_its_owner_reads_it(spool: Spool, folder: Path) -> None:
    spool.add("a", RECORD)
    assert folder.stat().st_mode & 0o077 == 0
    assert (folder / "a.json").stat().st_mode & 0o077 == 0


def test_beyond_the_bounds_the_oldest_go_and_the_next_event_tells_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SPOOL_FILES", 3)
    courier = Courier(ClientSettings(url="http://127.0.0.1:1"), CiJob(), str(folder))
    for number in range(5):
        courier.prepare_event(f"id-{number}", {"kind": "build", "title": "t"})
        os.utime(folder / f"id-{number}.json", (number + time.time() - 100,) * 2)
    events = [courier.spool.read(entry.id) for entry in courier.spool.entries()] if courier.spool else []
    assert [event.event.get("tags") for event in events if event] == [None, None, {"spool_dropped": "1"}]
    last = courier.prepare_event("last", {"kind": "build", "title": "t", "tags": {"a": "b"}})
    assert last.record.event["tags"] == {"a": "b", "spool_dropped": "1"}


def test_bytes_are_bounded_as_files_are(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 3000)
    for number in range(4):
        spool.add(f"{number}", SpoolRecord("key", {"text": "x" * 1000}))
    assert len(spool.entries()) == 2


def test_events_of_more_than_seven_days_go(spool: Spool, folder: Path) -> None:
    for name, age in (("old", 8 * 86400), ("new", 6 * 86400)):
        spool.add(name, RECORD)
        os.utime(folder / f"{name}.json", (time.time() - age,) * 2)
    spool.prune()
    assert [entry.id for entry in spool.entries()] == ["new"]
    assert spool.take_dropped("next") == 1


def test_a_clock_that_went_back_drops_nothing(spool: Spool, folder: Path) -> None:
    spool.add("a", RECORD)
    os.utime(folder / "a.json", (time.time() + 30 * 86400,) * 2)
    spool.prune()
    assert [entry.id for entry in spool.entries()] == ["a"]


def test_each_who_counts_at_once_gets_a_number_of_its_own(spool: Spool) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(spool.count_up, ["n"] * 100)) == list(range(1, 101))


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "spool").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(SpoolUnusable, match="a link"):
        Spool(str(tmp_path / "spool")).prepare()


def test_a_link_among_the_events_is_not_read(spool: Spool, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('{"key": "k", "event": {}}')
    (folder / "a.json").symlink_to(tmp_path / "secret")
    assert (spool.entries(), spool.read("a")) == ([], None)


def test_a_folder_into_which_others_write_is_not_used(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(SpoolUnusable, match="others may write"):
        Spool(str(folder)).prepare()


def test_a_folder_of_somebody_else_is_not_used(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(SpoolUnusable, match="somebody else"):
        spool.prepare()


def test_a_file_that_somebody_cut_is_no_event(spool: Spool, folder: Path) -> None:
    (folder / "a.json").write_text('{"key": "k", "eve')
    assert spool.read("a") is None


def test_a_refusal_lies_beside_with_the_answer(spool: Spool, folder: Path) -> None:
    spool.add("a", RECORD)
    spool.reject("a", 422, "title is missing")
    assert spool.entries() == []
    assert "title is missing" in (folder / "rejected" / "a.json").read_text("utf-8")
