"""A disk that runs full: a small file system of its own under the data folder, and a ballast file that takes its room."""

import asyncio
import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests import patience
from tests.crash.faults import Fault
from tests.crash.signs import Sign
from tests.stack import Stack

SIZE_MIB: Final = 1_024
_LOOK_S: Final = 0.25
_NOTICED_S: Final = 10.0
_SIGNS: Final = (
    Sign("server", r'causeline_ready\{part="disk"\} 0'),
    Sign("server", r"causeline_data_free_bytes "),
    Sign("log", "server: disk almost full"),
)
_FULL: Final = (
    Sign("log", "server: disk almost full"),
    Sign("server", "causeline_data_free_bytes 0"),
    Sign("log", "supervisor: child ended .*child=broker"),
)


@contextmanager
def small_disk(at: Path, mebibytes: int = SIZE_MIB) -> Iterator[Path]:
    """Mount a small file system; skips the test where this user may not mount."""
    at.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(at)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def below_the_floor(free_mib: int, seconds: float) -> Fault:
    """Leave less than writes need and more than the parts need: writes are refused, reads go on, no part is harmed."""

    async def do(stack: Stack) -> None:
        children = {stack.child(words).pid for words in ("causeline server", "causeline processors", "kafka.Kafka")}
        with _ballast(stack.data_dir, leave=free_mib << 20):
            await _refused(stack, seconds)
        assert children == {stack.child(words).pid for words in ("causeline server", "causeline processors", "kafka.Kafka")}

    return Fault(f"disk below the floor, {seconds:.0f} s", do, _SIGNS)


def full(seconds: float) -> Fault:
    """Take all of the room, as another program on the same disk would: the broker halts, and nothing can be promised but safety.

    What the parts give back meanwhile (merged parts of a table, rolled logs) is taken too: the disk stays full for the whole time.
    """

    async def do(stack: Stack) -> None:
        with _ballast(stack.data_dir, leave=0) as fill:
            for _ in range(int(seconds / _LOOK_S)):
                await patience.lasting(_LOOK_S, "how long the disk is full, in steps")
                fill()

    return Fault(f"disk full, {seconds:.0f} s", do, _FULL)


@contextmanager
def _ballast(folder: Path, leave: int) -> Iterator[Callable[[], None]]:
    """Leave so many bytes for the length of a with block; what it gives takes what has become free since."""
    file = folder / "ballast"
    with file.open("wb", buffering=0) as ballast:

        def fill() -> None:
            try:
                while (room := _free(folder) - leave) > 0:
                    ballast.write(bytes(min(room, 16 << 20)))
            except OSError as error:  # the last bytes went to somebody else
                if error.errno != errno.ENOSPC:
                    raise

        try:
            fill()
            yield fill
        finally:
            file.unlink()


def _free(folder: Path) -> int:
    stats = os.statvfs(folder)
    return stats.f_bavail * stats.f_frsize


async def _refused(stack: Stack, seconds: float) -> None:
    """See that writes are refused as unavailable, that readiness says why and that lists are still served."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    refused = 0
    async with httpx.AsyncClient(base_url=stack.url, timeout=10, headers={"Causeline-Tenant": "disk"}) as http:
        while loop.time() - began < seconds:
            written = await http.post("/v1/events", json={"kind": "probe", "title": "disk"})
            if written.status_code == 201 and not refused:
                assert loop.time() - began < _NOTICED_S, "writes are taken on a disk that is almost full"
            else:
                assert (written.status_code, "Retry-After" in written.headers) == (503, True), written.text
                assert "the disk is almost full" in written.text
                assert any("disk" in reason for reason in (await http.get("/readyz")).json()["reasons"])
                assert (await http.get("/v1/events", params={"limit": 1})).status_code == 200
                refused += 1
            await patience.lasting(_LOOK_S, "the pace of the probes")
    assert refused
