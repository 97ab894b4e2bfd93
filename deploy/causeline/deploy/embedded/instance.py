"""One Causeline per data folder: a lock that the kernel drops when its owner ends, however it ends.

Two brokers or two database engines on one folder would destroy it. The lock is `flock` on a file that holds the owner's process id for
the message; the file stays, so a lock file alone means nothing. What lies in the folder is for its owner alone.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

_LOCK: Final = "causeline.lock"
_OWNER_ONLY: Final = 0o700
_PARTS: Final = ("kafka", "clickhouse", "logs")
"""What lies in the folder: events, and in the broker's log the hashes of tokens and sealed secrets."""


class InstanceError(Exception):
    """The data folder cannot be used; the message says why and what to do."""


@contextmanager
def hold_folder(data_dir: Path) -> Iterator[None]:
    """Own the data folder (made where it is absent) for the length of a with block. Raises InstanceError."""
    with _open_lock(data_dir) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
            message = f"{data_dir} is in use by another Causeline (process {owner}): stop that one, or choose another --data-dir"
            raise InstanceError(message) from None
        _close_to_others(data_dir)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode("ascii"), 0)
        yield


def _close_to_others(data_dir: Path) -> None:
    """Let nobody else read what earlier versions left open.

    The folder itself may be anything (`/srv`, `.`) and is closed only where it is new.
    """
    for part in (data_dir / name for name in _PARTS):
        if part.is_dir() and not part.is_symlink() and part.stat().st_uid == os.geteuid():
            part.chmod(_OWNER_ONLY)


@contextmanager
def _open_lock(data_dir: Path) -> Iterator[int]:
    try:
        data_dir.mkdir(mode=_OWNER_ONLY, parents=True, exist_ok=True)
        lock = os.open(data_dir / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except (FileExistsError, NotADirectoryError):
        raise InstanceError(f"{data_dir} is not a folder: choose another --data-dir") from None
    except OSError as error:
        raise InstanceError(f"{data_dir} cannot be written ({error.strerror}): choose another --data-dir") from None
    try:
        yield lock
    finally:
        os.close(lock)
