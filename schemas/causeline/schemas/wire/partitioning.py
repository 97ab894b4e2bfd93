"""Which partition a key belongs to: Kafka's own default (murmur2 of the key), so that a client in any language that knows a key finds it.

It is written out here because the function is on the path of every event: the client library's own takes 3.7 µs for an id, this one 1.9.
"""

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

_SEED: Final = 0x9747B28C
_M: Final = 0x5BD1E995
_U32: Final = 0xFFFFFFFF
_POSITIVE: Final = 0x7FFFFFFF
_ID: Final = 36
_ID_BEGIN: Final = 12
_ID_REST: Final = struct.Struct("<6I").unpack_from
_MANY: Final = 32
"""From so many keys on, hashing them at once is cheaper than one by one (about 60 µs whatever their number)."""


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash as Kafka's default partitioner computes it (org.apache.kafka.common.utils.Utils.murmur2)."""
    size = len(data)
    whole = size & ~3
    h = _SEED ^ size
    for k in struct.unpack_from(f"<{whole >> 2}I", data):
        x = k * _M & _U32
        h = (h * _M & _U32) ^ ((x ^ x >> 24) * _M & _U32)
    if size != whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _U32
    h = (h ^ h >> 13) * _M & _U32
    return h ^ h >> 15


def partition_of(key: bytes, partitions: int) -> int:
    """Return the partition of a key among so many."""
    return ((_murmur2_of_id(key) if len(key) == _ID else murmur2(key)) & _POSITIVE) % partitions


@lru_cache(maxsize=256)
def _begin_id(words: bytes) -> int:
    """Return the hash after the first words of an id, which are its time: those of 16 ms begin alike."""
    h = _SEED ^ _ID
    for k in struct.unpack("<3I", words):
        x = k * _M & _U32
        h = (h * _M ^ (x ^ x >> 24) * _M) & _U32
    return h


def _murmur2_of_id(key: bytes) -> int:
    """Return `murmur2` of 36 bytes, at half of its cost where others of the same time came before."""
    h = _begin_id(key[:_ID_BEGIN])
    for k in _ID_REST(key, _ID_BEGIN):
        x = k * _M & _U32
        h = (h * _M ^ (x ^ x >> 24) * _M) & _U32
    h = (h ^ h >> 13) * _M & _U32
    return h ^ h >> 15


def partitions_of(keys: Sequence[bytes], partitions: int) -> list[int]:
    """Return `partition_of` of each key. Keys of one length (ids have 36 bytes) are hashed all at once: 0.2 µs each instead of 1.9."""
    size = len(keys[0]) if keys else 0
    if len(keys) < _MANY or size % 4 or any(len(key) != size for key in keys):
        return [partition_of(key, partitions) for key in keys]
    words = np.frombuffer(b"".join(keys), "<u4").reshape(len(keys), size // 4)
    return [(h & _POSITIVE) % partitions for h in _murmur2s(words, _SEED ^ size)]


def _murmur2s(words: npt.NDArray[np.uint32], seed: int) -> list[int]:
    """Return what `murmur2` returns for each row of 32-bit words."""
    m, r, last = np.uint32(_M), np.uint32(24), np.uint32(15)
    h: npt.NDArray[np.uint32] = np.full(len(words), seed, np.uint32)
    for k in words.T:
        x = k * m
        h = (h * m) ^ ((x ^ (x >> r)) * m)
    h = (h ^ (h >> np.uint32(13))) * m
    hashes: list[int] = (h ^ (h >> last)).tolist()
    return hashes
