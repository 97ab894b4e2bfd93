"""What `causeline tail` prints: one line a message, the same columns for events, problems and rankings of causes. Pure."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from causeline.deploy.commands.distances import short_distance

_DIM: Final = "2"
_BOLD: Final = "1"
_COLOURS: Final[Mapping[str, str]] = {
    "opened": "31",
    "reopened": "31",
    "closed": "32",
    "timed_out": "33",
    "deleted": "35",
    "likely": "31",
    "failure": "31",
    "failed": "31",
}
_WIDTHS: Final = (24, 24, 20, 14)


def line_of(kind: str, data: str, *, colours: bool) -> str:
    """Return the line of a message: time, kind or transition or verdict, service, environment, title."""
    message: dict[str, Any] = json.loads(data)
    if kind == "gap":
        return _paint("-- " + _plain(message["detail"]), "33", colours)
    line = _LINES.get(kind, _event_line)(message)
    what = "deleted" if message.get("deleted") else line.what
    label = " ".join(part for part in (line.subject, what) if part)
    columns = [
        _plain(str(text)).ljust(width)
        for text, width in zip((line.time, label, line.about["service"], line.about["environment"]), _WIDTHS, strict=True)
    ]
    columns[0] = _paint(columns[0], _DIM, colours)
    columns[1] = _paint(columns[1], _COLOURS.get(what, _BOLD), colours)
    return " ".join([*columns, _plain(line.title)]).rstrip()


class _Line(NamedTuple):
    """What a line says; `about` has the service and the environment."""

    time: str
    subject: str
    what: str
    about: Mapping[str, Any]
    title: str


def _event_line(message: Mapping[str, Any]) -> _Line:
    return _Line(message["ts"], str(message["kind"]), str(message["status"]), message, message["title"])


def _problem_line(message: Mapping[str, Any]) -> _Line:
    return _Line(message["at"], "problem", message["transition"], message, message["title"])


def _causes_line(message: Mapping[str, Any]) -> _Line:
    """Return a line with the number of the revision, and the likeliest change before the problem's title, where one did it or may have."""
    problem, causes = message["problem"], message["causes"]
    title = problem["title"]
    if causes and message["verdict"] in ("likely", "possible"):
        first = causes[0]
        change = first["event"]
        of = f" of {change['service']}" if change["service"] else ""
        title = f"{first['probability']:.0%} {change['title'] or change['kind']}{of}, {short_distance(first['offset_seconds'])}: {title}"
    return _Line(message["computed_at"], f"causes #{message['revision']}", message["verdict"], problem, title)


_LINES: Final[Mapping[str, Callable[[Mapping[str, Any]], _Line]]] = {"problem": _problem_line, "causes": _causes_line}


def _plain(text: str) -> str:
    """Return a text without what a terminal would take for a command: a title is written by whoever may send events."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _paint(text: str, code: str, colours: bool) -> str:  # noqa: FBT001 - it says whether there are colours at all
    return f"\x1b[{code}m{text}\x1b[0m" if colours else text
