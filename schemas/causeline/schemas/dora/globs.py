"""Globs of a definition: `*` is any text, `?` one character, everything else itself, in any letter case, over the whole of a text.

Tenants write them, and titles may be as long as an event: so no regular expression, which a pattern could send back and forth over a title.
The pieces between stars are looked for from left to right, the first place of each is taken, and nothing is tried twice.
"""

from functools import lru_cache
from typing import Final

MAX_GLOB: Final = 200
"""Characters of a pattern."""
MAX_COMPARED: Final = 1_000
"""Characters of a text that are looked at, the first ones: with the bound of a pattern at most 200,000 comparisons."""


def matches_glob(pattern: str, text: str) -> bool:
    """Return whether a pattern fits the whole of a text."""
    subject = text[:MAX_COMPARED].casefold()
    first, *others = _pieces(pattern)
    if not others:
        return len(first) == len(subject) and _fits(first, subject, 0)
    *middle, last = others
    at, end = len(first), len(subject) - len(last)
    if at > end or not _fits(first, subject, 0) or not _fits(last, subject, end):
        return False
    for piece in middle:
        at = _find(piece, subject, at, end)
        if at < 0:
            return False
        at += len(piece)
    return True


def stem_of(pattern: str) -> str:
    """Return the longest part of a pattern that is itself, folded: a text that it fits holds this, in any letter case."""
    return max(pattern.casefold().replace("?", "*").split("*"), key=len)


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[str, ...]:
    """Return what stands between the stars of a pattern: worked out once, since a history is compared with few of them."""
    return tuple(pattern.casefold().split("*"))


def _find(piece: str, subject: str, begin: int, end: int) -> int:
    """Return the first place between two where a piece fits, -1 without one."""
    if "?" not in piece:
        return subject.find(piece, begin, end)
    return next((at for at in range(begin, end - len(piece) + 1) if _fits(piece, subject, at)), -1)


def _fits(piece: str, subject: str, at: int) -> bool:
    if "?" not in piece:
        return subject.startswith(piece, at)
    return at + len(piece) <= len(subject) and all(one in ("?", other) for one, other in zip(piece, subject[at:], strict=False))
