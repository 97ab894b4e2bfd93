"""What a terminal is given: texts that anybody may have written, without what it would take for a command."""

from typing import Final

_LONGEST: Final = 2_000
_SPACES: Final = frozenset(" ")


def visible(text: str, limit: int = _LONGEST) -> str:
    """Return one line that a terminal can be given: what does not print is escaped, what is longer than `limit` characters is cut."""
    line = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(c if c.isprintable() or c in _SPACES else c.encode("unicode_escape").decode() for c in line)
