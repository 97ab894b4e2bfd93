"""The folder in which events wait until a server has them: nothing is sent that does not lie in it first.

An event is a file `<id>.json`, `{"key", "event"}`, written beside, synced, renamed, and its folder synced; so a crash leaves the whole
event or none. `rejected/` holds what a server refused, with its answer; `open/` what `finish` has to know of a `start`; `counts/` how many
events a job sent of each sort, `dropped` how many the bounds cost: files that grow by one byte a time, which is atomic without a lock.

No file is ever claimed by who sends it: two processes may send one, and the server keeps one, because it has one key.
A folder of somebody else, or a link, is not used: who made it could read and forge what lies in it.
"""

from __future__ import annotations

import json
import os
import stat
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SPOOL_FILES = 1000
MOST_BYTES = 10 * 2**20
MOST_AGE_S = 7 * 86400.0
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_STALE_S = 60.0
_SUBFOLDERS = ("rejected", "open", "counts")


class SpoolUnusable(OSError):
    """The folder cannot hold events: read-only, full, of somebody else, or a link."""


class Entry(NamedTuple):
    """A file of the spool: the id of its event, its bytes, and when it was written (s since the epoch)."""

    id: str
    size: int
    mtime: float


class SpoolRecord(NamedTuple):
    """An event with its idempotency key."""

    key: str
    event: dict[str, Any]


class Spool:
    """A folder of waiting events, of this user alone. Methods raise SpoolUnusable where the folder does not do."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make the folder (for its owner alone) if there is none, and check whose it is."""
        try:
            os.makedirs(os.path.dirname(self.folder), mode=0o700, exist_ok=True)
            for path in (self.folder, *(os.path.join(self.folder, name) for name in _SUBFOLDERS)):
                if not _make_folder(path):
                    _check_owner(path)
        except SpoolUnusable:
            raise
        except OSError as error:
            raise SpoolUnusable(f"{self.folder}: {error.strerror or error}") from error

    def add(self, event_id: str, record: SpoolRecord) -> None:
        """Write an event so that it outlives a crash. One that lies there already under this id stays: it is the same."""
        path = self._path(event_id)
        if os.path.lexists(path):
            return
        text = json.dumps({"key": record.key, "event": record.event}, ensure_ascii=False, separators=(",", ":"))
        self._drop(len(text.encode()))
        self._write(path, text)

    def entries(self) -> list[Entry]:
        """Return the waiting events, oldest first."""
        entries = []
        try:
            with os.scandir(self.folder) as files:
                for file in files:
                    if file.name.endswith(".json") and not file.name.startswith("."):
                        try:
                            status = file.stat(follow_symlinks=False)
                        except FileNotFoundError:
                            continue
                        if stat.S_ISREG(status.st_mode) and _is_own(status):
                            entries.append(Entry(file.name[:-5], status.st_size, status.st_mtime))
        except OSError as error:
            raise SpoolUnusable(f"{self.folder}: {error.strerror or error}") from error
        return sorted(entries, key=lambda entry: (entry.mtime, entry.id))

    def read(self, event_id: str) -> SpoolRecord | None:
        """Return a waiting event, or None if it is gone or no event (a file that somebody cut)."""
        content = _read_json(self._path(event_id))
        if content and isinstance(content.get("key"), str) and isinstance(content.get("event"), dict):
            return SpoolRecord(content["key"], content["event"])
        return None

    def remove(self, event_id: str) -> None:
        """Forget an event that a server has."""
        _unlink(self._path(event_id, "rejected"))
        _unlink(self._path(event_id))

    def reject(self, event_id: str, status: int, answer: str) -> None:
        """Set an event aside with what the server answered. First it lies there, then no longer here: no crash loses it."""
        record = self.read(event_id)
        if record is not None:
            content = {"status": status, "answer": answer, "key": record.key, "event": record.event}
            self._write(self._path(event_id, "rejected"), json.dumps(content, ensure_ascii=False))
        _unlink(self._path(event_id))
        rejections = sorted(_names_by_age(os.path.join(self.folder, "rejected")))
        for _, name in rejections[: max(0, len(rejections) - MOST_SPOOL_FILES)]:
            _unlink(os.path.join(self.folder, "rejected", name))

    def count_rejections(self) -> int:
        """Return how many events lie in `rejected/`."""
        return sum(1 for _ in _names_by_age(os.path.join(self.folder, "rejected")))

    def count_up(self, name: str) -> int:
        """Return the how-manieth call for this name it is, from 1, also among processes that call at once."""
        return self._grow(os.path.join(self.folder, "counts", name))

    def open_pair(self, pair_id: str, facts: dict[str, Any]) -> None:
        """Remember what `finish` has to know of a `start`."""
        self._write(self._path(pair_id, "open"), json.dumps(facts, ensure_ascii=False))

    def pairs(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the pairs that are open with their facts, newest first."""
        names = sorted(_names_by_age(os.path.join(self.folder, "open")), reverse=True)
        pairs = [(name[:-5], _read_json(os.path.join(self.folder, "open", name))) for _, name in names if name.endswith(".json")]
        return [(pair_id, facts) for pair_id, facts in pairs if facts is not None]

    def close_pair(self, pair_id: str) -> None:
        """Forget a pair: its end lies in the spool."""
        _unlink(self._path(pair_id, "open"))

    def take_dropped(self, event_id: str) -> int:
        """Return how many events were dropped that no event told of, for the event `event_id` to tell it; `tell_dropped` ends it.

        What a process that died had taken is taken again after a minute: a crash may tell of a loss twice, never of none.
        """
        total = 0
        for mtime, name in list(_names_by_age(self.folder)):
            path = os.path.join(self.folder, name)
            if name == "dropped" or (name.startswith("dropped-") and abs(time.time() - mtime) > _STALE_S):
                try:
                    size = os.lstat(path).st_size
                    os.replace(path, os.path.join(self.folder, f"dropped-{event_id}-{name[-8:]}"))
                except OSError:
                    continue
                total += size
        return total

    def tell_dropped(self, event_id: str) -> None:
        """Forget what `take_dropped` gave this event: it lies in the spool and tells of it."""
        for _, name in list(_names_by_age(self.folder)):
            if name.startswith(f"dropped-{event_id}-"):
                _unlink(os.path.join(self.folder, name))

    def prune(self) -> None:
        """Drop events of more than 7 days, and forget what else is as old. A clock that went back drops none."""
        now = time.time()
        for entry in self.entries():
            if now - entry.mtime > MOST_AGE_S:
                self._discard(entry.id)
        for folder in ("", *_SUBFOLDERS):
            path = os.path.join(self.folder, folder)
            for mtime, name in list(_names_by_age(path)):
                if now - mtime > MOST_AGE_S and (folder or name.startswith(".")):
                    _unlink(os.path.join(path, name))

    def _drop(self, size: int) -> None:
        """Drop the oldest until an event of so many bytes has room."""
        entries = self.entries()
        total = sum(entry.size for entry in entries) + size
        while entries and (len(entries) >= MOST_SPOOL_FILES or total > MOST_BYTES):
            oldest = entries.pop(0)
            total -= oldest.size
            self._discard(oldest.id)

    def _discard(self, event_id: str) -> None:
        try:
            os.unlink(self._path(event_id))
        except OSError:
            return  # another process was first, and counts it
        self._grow(os.path.join(self.folder, "dropped"))

    def _path(self, event_id: str, folder: str = "") -> str:
        return os.path.join(self.folder, folder, f"{event_id}.json")

    def _write(self, path: str, text: str) -> None:
        beside = os.path.join(self.folder, f".{os.path.basename(path)}.{os.getpid()}.{time.monotonic_ns()}")
        try:
            number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NOFOLLOW, 0o600)
            try:
                with os.fdopen(number, "wb") as file:
                    file.write(text.encode())
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(beside, path)
            except OSError:
                _unlink(beside)
                raise
            _sync_folder(os.path.dirname(path))
        except OSError as error:
            raise SpoolUnusable(f"{self.folder}: {error.strerror or error}") from error

    def _grow(self, path: str) -> int:
        try:
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _NOFOLLOW, 0o600)
            try:
                os.write(number, b".")
                position = os.lseek(number, 0, os.SEEK_CUR)
                os.fsync(number)
            finally:
                os.close(number)
        except OSError as error:
            raise SpoolUnusable(f"{self.folder}: {error.strerror or error}") from error
        return position


def _is_own(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def _make_folder(path: str) -> bool:
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        return False
    return True


def _check_owner(path: str) -> None:
    status = os.lstat(path)
    if not stat.S_ISDIR(status.st_mode):
        raise SpoolUnusable(f"{path}: not a folder, or a link")
    if not _is_own(status):
        raise SpoolUnusable(f"{path}: belongs to somebody else")
    if hasattr(os, "geteuid") and status.st_mode & 0o022:
        raise SpoolUnusable(f"{path}: others may write into it (chmod 700)")


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        number = os.open(path, os.O_RDONLY | _NOFOLLOW)
        with os.fdopen(number, encoding="utf-8") as file:
            content = json.load(file)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _names_by_age(folder: str) -> Iterator[tuple[float, str]]:
    """Yield when each file of a folder was written, with its name."""
    try:
        with os.scandir(folder) as files:
            for file in files:
                try:
                    status = file.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield status.st_mtime, file.name
    except OSError:
        return


def _unlink(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def _sync_folder(folder: str) -> None:
    if os.name == "posix":
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
