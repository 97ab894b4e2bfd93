"""Texts as Slack wants them: three characters escaped, lengths cut without cutting an escape in two."""

from typing import Final
from urllib.parse import quote, urlsplit

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_ELLIPSIS: Final = "…"
_MAX_LINK: Final = 500
_URL_SAFE: Final = ":/?#[]@!$&'()*+,;=%~"
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def cut(text: str, limit: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= limit else text[: limit - 1] + _ELLIPSIS


def escape(text: str, limit: int) -> str:
    """Return a text in which `&<>` mean themselves, at most `limit` characters as Slack counts them: escaped."""
    pieces: list[str] = []
    size = 0
    for character in text:
        piece = _ESCAPES.get(character, character)
        if size + len(piece) >= limit:
            return "".join(pieces) + _ELLIPSIS
        pieces.append(piece)
        size += len(piece)
    return "".join(pieces)


def link(url: str, label: str) -> str:
    """Return a link, empty where the URL is none of the web or too long to be shown."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not parts.netloc or len(url) > _MAX_LINK:
        return ""
    return f"<{quote(url, safe=_URL_SAFE).replace('&', '&amp;')}|{escape(label.replace('|', '/'), 100)}>"


def distance(seconds: float) -> str:
    """Return how far something lies from the start of a problem: `4 min before`."""
    if seconds == 0:
        return "at its start"
    return f"{duration(int(abs(seconds) * 1_000))} {'before' if seconds < 0 else 'after'}"


def duration(ms: int) -> str:
    """Return a duration in its two largest units: `2 h 5 min`."""
    rest = max(0, ms) // 1_000
    parts: list[str] = []
    for size, unit in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count} {unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "less than 1 s"
