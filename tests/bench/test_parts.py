"""What the benchmarks compute of what they saw, and the copy that a run may change."""

from pathlib import Path

import pytest

from tests.bench.disk import READ_BYTES, files, latency, linked
from tests.bench.notify import second_half
from tests.bench.worker import LOAD, Look, cpu_shares, limit


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "store").mkdir(parents=True)
    (folder / "store" / "large.bin").write_bytes(b"x" * (1 << 20))
    (folder / "store" / "small.txt").write_text("small")
    (folder / "data").symlink_to("store")
    return folder


def test_a_copy_holds_what_the_folder_holds(source: Path, tmp_path: Path) -> None:
    linked(source, tmp_path / "copy")
    for file in files(source):
        assert (tmp_path / "copy" / file.relative_to(source)).read_bytes() == file.read_bytes()
    assert (tmp_path / "copy" / "data").readlink() == Path("store")


def test_only_large_files_of_a_copy_are_those_of_the_folder(source: Path, tmp_path: Path) -> None:
    linked(source, tmp_path / "copy")
    copied = tmp_path / "copy" / "store"
    assert copied.joinpath("large.bin").samefile(source / "store" / "large.bin")
    copied.joinpath("small.txt").write_text("changed")
    copied.joinpath("large.bin").unlink()
    assert source.joinpath("store", "small.txt").read_text() == "small"
    assert source.joinpath("store", "large.bin").stat().st_size == 1 << 20


def test_the_disk_is_read_as_often_as_asked_for(source: Path) -> None:
    seen = latency(source, seconds=60, most=7)
    assert seen.reads == 7
    assert 0 < seen.p50_ms <= seen.p99_ms
    assert READ_BYTES % 4_096 == 0


def test_rates_are_those_of_the_second_half_of_a_load() -> None:
    acks = [0.5, 2.0, 3.0, 4.5, 5.0, 6.0]
    arrivals = [1.0, 4.0, 7.0]
    assert second_half(acks, arrivals, began=0.0, ended=8.0) == {
        "half": 4.0,
        "ended": 8.0,
        "acknowledged_per_second": 0.75,
        "told_per_second": 0.5,
        "behind": 3,
        "behind_per_second": (3 - 2) / 4,
    }


def test_cores_are_counted_between_the_first_and_the_last_look() -> None:
    looks = [Look(10.0, {"worker": 1.0}, 50.0), Look(11.0, {"worker": 9.0}, 51.0), Look(14.0, {"worker": 3.0}, 58.0)]
    assert cpu_shares(looks) == ({"worker": 0.5}, 2.0)


@pytest.mark.parametrize(
    ("worker", "machine", "said"),
    [
        (0.95, 2.0, "limited by the loop of worker"),
        (0.5, 1.9, "limited by the machine: 1.9 of 2 cores busy, 0.9 of them with something else"),
        (0.5, 1.2, "no process and no core is busy all the time (1.2 of 2 cores)"),
    ],
)
def test_what_limits_is_a_busy_loop_then_a_busy_machine(worker: float, machine: float, said: str) -> None:
    shares = {"worker": worker, "processors": 0.2, "server": 0.1, "broker": 0.1, LOAD: 0.1}
    assert limit(shares, machine, 2) == said
