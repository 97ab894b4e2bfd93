"""Idempotency keys that a partition has seen within a window, and what their requests contained.

Five million keys must fit into one GiB, and a lookup lies on the way of every keyed event. So there is one dictionary from the key (128
bits as an integer) to the fingerprint, and beside it one list of keys per bucket of task time: a bucket is forgotten as a whole, at its
end plus the window. A key is therefore remembered for at least the window and at most one bucket (a sixtieth of the window) longer.
The changelog gets one record per round and bucket, all keys of it packed, and one tombstone for each when the bucket goes: a
record per key would double what the broker writes.
"""

import hashlib
import struct
from collections.abc import Callable, Iterator
from typing import Final, Literal

import msgspec

from causeline.processors.events.state import DEDUP
from causeline.schemas.records.event import Event

_SEGMENT_KEY: Final = struct.Struct(">cqI")  # letter, bucket, segment
_BUCKET_KEY: Final = struct.Struct(">cq")
_PAIR: Final = struct.Struct(">16sq")
_BUCKETS: Final = 60

DedupVerdict = Literal["new", "repeat", "conflict"]


class ContentWindow(msgspec.Struct, frozen=True):
    """Opt-in dedup by content: within a tumbling window an event that agrees in all `fields` with an earlier one is a repeat."""

    fields: tuple[str, ...]
    window_ms: int


def content_key(event: Event, rule: ContentWindow, now: int) -> int:
    """Return the 128-bit key of an event's content within the tumbling window that `now` (ms UTC) lies in."""
    values = [event.tenant, event.dialect, now // rule.window_ms, *(getattr(event, name) for name in rule.fields)]
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(values, order="deterministic"), digest_size=16).digest())


class _Bucket:
    """The keys first seen in one span of task time, and how many segments of the changelog hold them."""

    __slots__ = ("keys", "segments")

    def __init__(self) -> None:
        self.keys: list[int] = []
        self.segments = 0


class Dedup:
    """The committed keys of one partition: `fingerprints` by key, `buckets` by their number, each `width` ms wide."""

    def __init__(self, window_ms: int) -> None:
        if window_ms < 1:
            raise ValueError("a dedup window is at least one millisecond")
        self.window_ms = window_ms
        self.width = max(window_ms // _BUCKETS, 1)
        self.fingerprints: dict[int, int] = {}
        self.buckets: dict[int, _Bucket] = {}

    def __len__(self) -> int:
        return len(self.fingerprints)

    def items(self) -> Iterator[tuple[int, int]]:
        """Yield every key with its fingerprint."""
        yield from self.fingerprints.items()

    def restore(self, key: bytes, value: bytes | None) -> bytes | None:
        """Apply one changelog record; return the timer key of a bucket that is new. Tombstones of a bucket come together."""
        _, number, segment = _SEGMENT_KEY.unpack(key)
        if value is None:
            self._forget(number)
            return None
        pairs = _PAIR.iter_unpack(value)  # raises before anything is taken over
        is_new = number not in self.buckets
        bucket = self.buckets.setdefault(number, _Bucket())
        bucket.segments = max(bucket.segments, segment + 1)
        for key_bytes, fingerprint in pairs:
            dedup_key = int.from_bytes(key_bytes)
            bucket.keys.append(dedup_key)
            self.fingerprints[dedup_key] = fingerprint
        return _BUCKET_KEY.pack(DEDUP, number) if is_new else None

    def wake_at(self, timer_key: bytes) -> int:
        """Return when the bucket of a timer key is forgotten (task time, ms UTC)."""
        _, number = _BUCKET_KEY.unpack(timer_key)
        return (int(number) + 1) * self.width + self.window_ms

    def adopt(self, view: "DedupView") -> None:
        """Take over what a round saw and forgot."""
        for number in view.expired_buckets:
            self._forget(number)
        self.fingerprints |= view.new_fingerprints
        for number, keys in view.buckets.items():
            bucket = self.buckets.setdefault(number, _Bucket())
            bucket.keys += keys
            bucket.segments += 1

    def _forget(self, number: int) -> None:
        bucket = self.buckets.pop(number, None)
        for key in bucket.keys if bucket else ():
            self.fingerprints.pop(key, None)


class DedupView:
    """The keys as one round sees them: what it added and forgot, over the committed ones."""

    def __init__(self, dedup: Dedup, schedule: Callable[[int, bytes], None]) -> None:
        self._base = dedup
        self._schedule = schedule
        self._forgotten_keys: set[int] = set()
        self.new_fingerprints: dict[int, int] = {}
        self.buckets: dict[int, list[int]] = {}
        self.expired_buckets: list[int] = []

    def check(self, key: int, fingerprint: int, now: int) -> DedupVerdict:
        """Say whether a key is new at `now` (task time), and remember it if it is."""
        known_fingerprint = self.new_fingerprints.get(key)
        if known_fingerprint is None and key not in self._forgotten_keys:
            known_fingerprint = self._base.fingerprints.get(key)
        if known_fingerprint is not None:
            return "repeat" if known_fingerprint == fingerprint else "conflict"
        self.new_fingerprints[key] = fingerprint
        number = now // self._base.width
        keys = self.buckets.get(number)
        if keys is None:
            keys = self.buckets[number] = []
            if number not in self._base.buckets:
                timer_key = _BUCKET_KEY.pack(DEDUP, number)
                self._schedule(self._base.wake_at(timer_key), timer_key)
        keys.append(key)
        return "new"

    def expire(self, timer_key: bytes) -> None:
        """Forget the bucket of a timer key."""
        _, number = _BUCKET_KEY.unpack(timer_key)
        for key in self.buckets.pop(number, ()):
            del self.new_fingerprints[key]
        bucket = self._base.buckets.get(number)
        if bucket is not None:
            self.expired_buckets.append(number)
            self._forgotten_keys.update(bucket.keys)

    def changes(self) -> dict[bytes, bytes | None]:
        """Return the changelog records of the round: tombstones first, for a forgotten key may have come again."""
        changes: dict[bytes, bytes | None] = {}
        for number in self.expired_buckets:
            for segment in range(self._base.buckets[number].segments):
                changes[_SEGMENT_KEY.pack(DEDUP, number, segment)] = None
        for number, keys in self.buckets.items():
            bucket = self._base.buckets.get(number)
            segment = bucket.segments if bucket else 0
            pairs = b"".join(_PAIR.pack(key.to_bytes(16), self.new_fingerprints[key]) for key in keys)
            changes[_SEGMENT_KEY.pack(DEDUP, number, segment)] = pairs
        return changes
