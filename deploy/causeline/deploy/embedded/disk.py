"""Room on the disk of the embedded parts: writes are refused while there is still enough of it for what was accepted.

Kafka halts when its log cannot be written, and the engine refuses inserts: both come back once there is room, but until then nothing is
served. So the server stops taking writes earlier, at a floor; reads go on, and what is on the log is still processed and stored.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from causeline.ingest.ports import EventLog, Position
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.telemetry import DATA_FREE_BYTES
from causeline.schemas.web.errors import Unavailable

_log: Final = structlog.get_logger(__name__)

_RETRY_AFTER_S: Final = 30
_REOPEN: Final = 10
"""Writes are taken again a tenth above the floor: at the floor itself they would be refused and taken in turns."""


def free_bytes(folder: Path) -> int | None:
    """Return what a process may still write where the folder is, None where there is no folder: no part is embedded then."""
    try:
        stats = os.statvfs(folder)
    except FileNotFoundError:
        return None
    return stats.f_bavail * stats.f_frsize


class DiskFloor:
    """Folds looks at the disk into one answer: whether writes may be taken. A floor of 0 bytes is never reached."""

    def __init__(self, folder: Path, floor: int, free: Callable[[Path], int | None] = free_bytes) -> None:
        self._folder, self._floor, self._measure = folder, floor, free
        self._free: int | None = None
        self.short = False

    def look(self) -> None:
        """Measure, tell the metric, and log where the answer changed."""
        self._free = self._measure(self._folder)
        if self._free is None:
            return
        DATA_FREE_BYTES.set(self._free)
        short = self._free < self._floor + (self._floor // _REOPEN if self.short else 0)
        if short != self.short:
            self.short = short
            tell = _log.error if short else _log.info
            tell("disk almost full" if short else "disk has room again", folder=str(self._folder), free=self._free, floor=self._floor)

    @property
    def reason(self) -> str:
        """Say what is wrong, for readiness and for clients; empty where nothing is."""
        if not self.short or self._free is None:
            return ""
        return f"the disk is almost full: {self._free >> 20} MiB are free, writes need {self._floor >> 20} MiB"


class FlooredLog:
    """The ingest log as long as the disk has room for it; refuses with Unavailable otherwise. See EventLog."""

    def __init__(self, log: EventLog, floor: DiskFloor) -> None:
        self._inner, self._disk = log, floor

    async def append(self, records: Sequence[IngestRecord]) -> list[Position]:
        """Append, or raise Unavailable before anything is sent."""
        self._refuse()
        return await self._inner.append(records)

    async def broadcast(self, record: IngestRecord) -> list[Position]:
        """Append to every partition, or raise Unavailable before anything is sent."""
        self._refuse()
        return await self._inner.broadcast(record)

    def _refuse(self) -> None:
        if self._disk.short:
            raise Unavailable(self._disk.reason, _RETRY_AFTER_S)
