"""The disk below a filled folder: how long one read of it takes, how what was read is forgotten, and a copy that takes no room.

A query whose pages are not in memory costs so many reads of the disk, so a cold figure says little without the disk's own of the same run.
"""

import mmap
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.load import percentile

READ_BYTES: Final = 16 << 10
"""A granule's packed text or a few marks: what the engine fetches to answer for one event."""
_DROP: Final = Path("/proc/sys/vm/drop_caches")
_LINKED_BYTES: Final = 1 << 20


class Latency(NamedTuple):
    """Times of single reads of `READ_BYTES` at random places, ms; `how` says how memory was kept out of it."""

    reads: int
    p50_ms: float
    p99_ms: float
    how: str


def files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, while files come and go."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent) / name for name in names)


def latency(folder: Path, seconds: float, most: int = 2_000) -> Latency:
    """Read at random places of the folder's files, one after the other, past the page cache.

    By O_DIRECT, or where the file system has none, with the pages given up before. A folder without a file of `READ_BYTES` is an error.
    """
    sized = [(file, size) for file in files(folder) if (size := _size(file)) >= READ_BYTES]
    rng = random.Random(0)
    chosen = rng.choices([file for file, _ in sized], [size for _, size in sized], k=most)
    flags = os.O_DIRECT if _takes_direct(chosen[0]) else 0
    times: list[float] = []
    until = time.perf_counter() + seconds
    for file in chosen:
        with _opened(file, flags) as descriptor:
            if not flags:
                _forget(descriptor)
            at = rng.randrange(os.fstat(descriptor).st_size // READ_BYTES) * READ_BYTES
            times.append(_read(descriptor, at))
        if time.perf_counter() > until:
            break
    times.sort()
    how = "O_DIRECT" if flags else "posix_fadvise before each"
    return Latency(len(times), percentile(times, 0.5) * 1e3, percentile(times, 0.99) * 1e3, how)


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return 0


def _takes_direct(file: Path) -> bool:
    try:
        with _opened(file, os.O_DIRECT) as descriptor:
            _read(descriptor, 0)
    except OSError:
        return False
    return True


@contextmanager
def _opened(file: Path, flags: int = 0) -> Iterator[int]:
    descriptor = os.open(file, os.O_RDONLY | flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _forget(descriptor: int) -> None:
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def _read(descriptor: int, at: int) -> float:
    """Return the seconds of one read. A map is aligned to pages, as O_DIRECT demands."""
    with mmap.mmap(-1, READ_BYTES) as buffer:
        began = time.perf_counter()
        os.preadv(descriptor, [buffer], at)
        return time.perf_counter() - began


class Forgetting(NamedTuple):
    """How pages leave the memory: `drop` does it, `how` says by what."""

    drop: Callable[[], None]
    how: str


def forgetting(folder: Path) -> Forgetting:
    """Return what makes the next read of a folder's files come from the disk: the machine's whole page cache where that may be dropped."""
    os.sync()  # what is not written yet stays in memory
    if os.access(_DROP, os.W_OK):
        with suppress(OSError):
            _drop_all()
            return Forgetting(_drop_all, "drop_caches")
    return Forgetting(lambda: _drop_files(folder), "posix_fadvise")


def _drop_all() -> None:
    _DROP.write_text("3")


def _drop_files(folder: Path) -> None:
    for file in files(folder):
        with suppress(FileNotFoundError), _opened(file) as descriptor:
            _forget(descriptor)


def linked(source: Path, target: Path) -> None:
    """Copy a folder: its large files, which the engine never changes, by a link, the small ones truly."""
    shutil.copytree(source, target, symlinks=True, copy_function=_link_or_copy)


def _link_or_copy(source: str, target: str) -> None:
    if Path(source).stat().st_size >= _LINKED_BYTES:
        os.link(source, target)
    else:
        shutil.copy2(source, target)
