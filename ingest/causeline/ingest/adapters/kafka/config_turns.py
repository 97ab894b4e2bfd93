"""Whose configuration is written next: in pieces, a turn for each tenant, so that an import of thousands waits for itself. Pure."""

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

PIECE_BYTES: Final = 64 << 10
PIECE_RECORDS: Final = 100
BATCH_BYTES: Final = 128 << 10
"""What is written at once while one tenant waits: who comes meanwhile waits for no more than this. While several wait, a piece of each."""


class KeyedValue(NamedTuple):
    """A record; its partition is that of its key (None), or where its readers look for it."""

    key: bytes
    value: bytes
    partition: int | None = None


class Piece(NamedTuple):
    """Records of one write. `offsets` is done with the last offset of each partition once the broker has them, or with what failed."""

    records: Sequence[KeyedValue]
    size: int
    offsets: "asyncio.Future[dict[int, int]]"


def pieces(records: Sequence[KeyedValue]) -> Iterator[Piece]:
    """Cut the records of a write. A record that is larger than a piece is one by itself."""
    loop = asyncio.get_running_loop()
    begin = size = 0
    for place, record in enumerate(records):
        length = len(record.key) + len(record.value)
        if place > begin and (size + length > PIECE_BYTES or place - begin >= PIECE_RECORDS):
            yield Piece(records[begin:place], size, loop.create_future())
            begin, size = place, 0
        size += length
    if records:
        yield Piece(records[begin:], size, loop.create_future())


class ConfigTurns:
    """What waits to be written, in the order of turns."""

    def __init__(self) -> None:
        self._queues: Final[dict[str, deque[Piece]]] = {}

    def add(self, tenant: str, piece: Piece) -> None:
        """Let a piece wait behind the others of its tenant."""
        self._queues.setdefault(tenant, deque()).append(piece)

    def next_batch(self) -> list[Piece]:
        """Take what is written next: a piece of each tenant in turn, up to a batch. What nobody waits for any more is left out."""
        batch: list[Piece] = []
        tenants: set[str] = set()
        size = 0
        while self._queues and size < BATCH_BYTES:
            tenant = next(iter(self._queues))
            if tenant in tenants and len(tenants) > 1:
                break
            queue = self._queues.pop(tenant)
            piece = queue.popleft()
            if queue:
                self._queues[tenant] = queue  # behind the others
            if not piece.offsets.done():
                batch.append(piece)
                tenants.add(tenant)
                size += piece.size
        return batch
