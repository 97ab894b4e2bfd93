"""Randomness for ids, fetched from the operating system in blocks: a system call for each id costs more than the rest of the id.

The bytes are those of `secrets`, each handed out once. An id is no secret, so that bytes wait in memory for their turn harms nobody.
"""

import secrets
from typing import Final

_BLOCK: Final = 8_192


class RandomBlocks:
    """RandomBytes out of blocks; for one thread."""

    def __init__(self) -> None:
        self._block = b""
        self._at = 0

    def __call__(self, size: int) -> bytes:
        """Return so many random bytes that nobody else got."""
        begin, end = self._at, self._at + size
        if end > len(self._block):
            if size > _BLOCK:
                return secrets.token_bytes(size)
            self._block = secrets.token_bytes(_BLOCK)
            begin, end = 0, size
        self._at = end
        return self._block[begin:end]
