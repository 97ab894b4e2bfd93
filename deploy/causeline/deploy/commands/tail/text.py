"""What `causeline tail` prints: one line a message, the same columns for events and problems. Pure."""

import json
from collections.abc import Mapping
from typing import Any, Final

_DIM: Final = "2"
_BOLD: Final = "1"
_COLOURS: Final[Mapping[str, str]] = {
    "opened": "31",
    "reopened": "31",
    "closed": "32",
    "timed_out": "33",
    "deleted": "35",
    "failure": "31",
    "failed": "31",
}
_WIDTHS: Final = (24, 24, 20, 14)


def line_of(kind: str, data: str, *, colours: bool) -> str:
    """Return the line of a message: time, kind or transition, service, environment, title."""
    message: dict[str, Any] = json.loads(data)
    if kind == "gap":
        return _paint("-- " + _plain(message["detail"]), "33", colours)
    what = "deleted" if message.get("deleted") else str(message["transition"] if kind == "problem" else message["status"])
    time = message["at"] if kind == "problem" else message["ts"]
    label = f"problem {what}" if kind == "problem" else " ".join(part for part in (message["kind"], what) if part)
    columns = [
        _plain(str(text)).ljust(width)
        for text, width in zip((time, label, message["service"], message["environment"]), _WIDTHS, strict=True)
    ]
    columns[0] = _paint(columns[0], _DIM, colours)
    columns[1] = _paint(columns[1], _COLOURS.get(what, _BOLD), colours)
    return " ".join([*columns, _plain(message["title"])]).rstrip()


def _plain(text: str) -> str:
    """Return a text without what a terminal would take for a command: a title is written by whoever may send events."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _paint(text: str, code: str, colours: bool) -> str:  # noqa: FBT001 - it says whether there are colours at all
    return f"\x1b[{code}m{text}\x1b[0m" if colours else text
