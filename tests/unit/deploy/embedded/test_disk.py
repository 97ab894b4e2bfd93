from pathlib import Path

import pytest

from causeline.deploy.embedded.disk import DiskFloor, FlooredLog, free_bytes
from causeline.ingest.adapters.memory.log import MemoryEventLog
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.web.errors import Unavailable

FOLDER = Path("/data")
FLOOR = 100 << 20
RECORD = IngestRecord(op="tick", ingest_ts=1)


def floored(*free: int | None) -> DiskFloor:
    """A disk that shows these bytes, one look after the other."""
    looks = iter(free)
    floor = DiskFloor(FOLDER, FLOOR, lambda _: next(looks))
    for _ in free:
        floor.look()
    return floor


@pytest.mark.parametrize(
    ("free", "reason"),
    [
        ((FLOOR,), ""),
        ((FLOOR - 1,), "the disk is almost full: 99 MiB are free, writes need 100 MiB"),
        ((FLOOR - 1, FLOOR), "the disk is almost full: 100 MiB are free, writes need 100 MiB"),  # not before a tenth more is free
        ((FLOOR - 1, 110 << 20), ""),
        ((FLOOR + 1, FLOOR), ""),
        ((None,), ""),  # no embedded part, no folder
    ],
)
def test_writes_are_refused_below_the_floor_until_a_tenth_above_it(free: tuple[int | None, ...], reason: str) -> None:
    floor = floored(*free)
    assert floor.reason == reason
    assert floor.short is bool(reason)


async def test_a_floored_log_takes_records_while_there_is_room_and_refuses_with_a_reason_when_not() -> None:
    log = MemoryEventLog()
    assert len(await FlooredLog(log, floored(FLOOR)).append([RECORD])) == 1
    with pytest.raises(Unavailable, match="almost full: 99 MiB are free, writes need 100 MiB") as refused:
        await FlooredLog(log, floored(FLOOR - 1)).append([RECORD])
    assert refused.value.headers["Retry-After"] == "30"
    assert len(log.records()) == 1


async def test_what_is_told_to_every_partition_needs_room_too() -> None:
    log = MemoryEventLog()
    with pytest.raises(Unavailable, match="almost full"):
        await FlooredLog(log, floored(FLOOR - 1)).broadcast(RECORD)
    assert log.records() == []
    assert len(await FlooredLog(log, floored(FLOOR)).broadcast(RECORD)) == len(log.records()) == 4


def test_a_folder_that_is_not_there_has_no_free_bytes(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "nothing") is None
    assert (free_bytes(tmp_path) or 0) > 0
