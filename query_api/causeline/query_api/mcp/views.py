"""What a language model is shown: rows cut to what it needs to reason and to ask on, as data and as one line of text each.

A model pays for every character and reads everything it is given, so blanks are left out, long texts are cut (with a note of the whole
length), and the number of rows is bounded by the tools' schemas. Every row keeps its id and a link to the whole of it. Rows come in as
the native API and ApiTraffic show them, so that a model sees exactly what any other client may see.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import accumulate
from typing import Any, Final
from urllib.parse import quote, urlencode

from causeline.schemas.dialects.apitraffic import sids

MAX_ROWS: Final = 50
"""Rows of one result; 50 rows of about 400 characters are some 5,000 tokens."""
MAX_CHARACTERS: Final = 30_000
"""Characters of the rows of one result: 50 rows that are full of tags and links do not fit, and the result says so."""
_TITLE: Final = 160
_TEXT: Final = 240
_WHOLE_TEXT: Final = 2_000
_MEMBERS: Final = 12
_TRANSITIONS: Final = 20

Row = Mapping[str, Any]
ToolView = dict[str, Any]

_EVENT: Final = (
    *("id", "ts", "kind", "status", "title", "service", "environment", "priority", "severity", "start", "end"),
    *("dialect", "source", "owner", "actor", "commit", "branch", "release", "problem_id", "relation", "offset_seconds"),
)
_PROBLEM: Final = (
    *("id", "state", "title", "kind", "start", "end", "service", "environment", "priority", "severity", "owner", "source"),
    *("refresh_count", "deadline", "event_id", "previous_id"),
)
_VERDICT: Final = ("verdict", "none_probability", "candidates", "truncated", "provisional")
_MOST_KINDS: Final = 50
_STRONGEST: Final = 2
_MARKER: Final = ("sid", "type", "name", "source", "bucketSids", "environmentSids", "startedAt", "endedAt", "createdAt")


def shorten(text: str, limit: int) -> str:
    """Return a text of at most `limit` characters and a note of how long the whole is."""
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


def event(row: Row, base: str, text: int = _TEXT) -> ToolView:
    """Return an event of the native API, or a change with its relation. `base` is the public address of the server."""
    return {**_some(row, _EVENT), **_description(row, text), "url": _link(base, "v1/events", row["id"])}


def problem(row: Row, base: str, text: int = _TEXT) -> ToolView:
    """Return a problem of the native API."""
    return {**_some(row, _PROBLEM), **_description(row, text), "url": _link(base, "v1/problems", row["id"])}


def history(row: Row, base: str) -> ToolView:
    """Return one problem with its latest transitions, the oldest of them first, and the problem that reopened it."""
    transitions = row["transitions"]
    view = problem(row, base, _WHOLE_TEXT) | _some(row, ("next_id",))
    if len(transitions) > _TRANSITIONS:
        view["transitions_left_out"] = len(transitions) - _TRANSITIONS
    return view | {"transitions": [_some(one, ("transition", "at", "cause")) for one in transitions[-_TRANSITIONS:]]}


def causes(row: Row, base: str) -> ToolView:
    """Return a ranking: the verdict, its first causes, each as a line of what it was and why, and what was not seen."""
    rows = [event(cause["event"], base) | _weight(cause, len(cause["reasons"])) for cause in row["causes"]]
    fitting = _fitting(rows)
    view = {**_some(row, _VERDICT), "problem": problem(row["problem"], base), "causes": rows[:fitting], "blind_spots": _blind_spots(row)}
    view |= _kinds_looked_for(row)
    return view | ({"left_out": f"{len(rows) - fitting} causes that do not fit"} if fitting < len(rows) else {})


def few_causes(row: Row, base: str) -> ToolView:
    """Return a ranking in short: the verdict, its first causes with the two strongest reasons of each, and where to look further."""
    about = row["problem"]
    return {
        **_some(row, _VERDICT),
        "problem": _some(about, ("id", "state", "title", "start", "service", "environment"))
        | {"url": _link(base, "v1/problems", about["id"])},
        "causes": [_some(cause["event"], ("id", "kind", "title", "service")) | _weight(cause, _STRONGEST) for cause in row["causes"]],
        "blind_spots": _blind_spots(row),
        **_kinds_looked_for(row),
        "more": "find_causes with this problem_id has more causes, each in whole and with all reasons;"
        " what_changed with at and service lists every change around a time, those that came later too",
    }


def _weight(cause: Row, reasons: int) -> ToolView:
    """Return how likely a change is the cause, and why."""
    because = [shorten(reason["text"], _TEXT) for reason in cause["reasons"][:reasons]]
    return _some(cause, ("probability", "relation", "offset_seconds", "feedback")) | {"because": because}


def _kinds_looked_for(row: Row) -> ToolView:
    """Return which kinds of events a ranking looked for, where it found none: what happened may be of another kind."""
    kinds = [] if row["candidates"] else row.get("kinds", [])[:_MOST_KINDS]
    return {"kinds_looked_for": [shorten(kind, _TITLE) for kind in kinds]} if kinds else {}


def _blind_spots(row: Row) -> list[str]:
    spots = row["blind_spots"][:_MEMBERS]
    return [f"no {spot['kind']} of {shorten(spot['service'], _TITLE)} was reported in 30 days" for spot in spots]


def dora_summary(row: Row, base: str) -> ToolView:
    """Return the six metrics of a window, what they were counted by, and where each can be taken apart to its deployments."""
    window, definition = row["window"], row["definition"]
    pairs = [("from", window["from"]), ("to", window["to"]), ("tz", window["tz"])]
    pairs += [(name, value) for name, values in row["scope"].items() for value in values]
    pairs += [("environment", name) for name in definition["production"] if "production" in definition["replaced"]]
    return {
        "window": window,
        "metrics": [_metric(name, metric) for name, metric in row["metrics"].items()],
        "definition": _some(definition, ("version", "production", "attribution", "timeouts")) | {"url": f"{base}{definition['url']}"},
        "deployments": f"{base}/v1/dora/deployments?{urlencode(pairs)}",
    }


def _metric(name: str, metric: Row) -> ToolView:
    """Return a metric: what is null or zero of it is left out, its state where it says less than it seems to."""
    view = {"metric": name} | _some(metric, ("value", "unit", "n", "numerator", "denominator", "interval", "median_days_per_week"))
    exclusions = {reason: count for reason, count in metric["excluded"].items() if count}
    return view | ({"excluded": exclusions} if exclusions else {}) | ({"state": metric["state"]} if metric["state"] != "ok" else {})


def marker(row: Row, base: str) -> ToolView:
    """Return an event marker in the words of ApiTraffic ("Event Object")."""
    view = _some(row, _MARKER)
    if row.get("description"):
        view["description"] = shorten(row["description"], _TEXT)
    if row.get("metadata"):
        view["metadata"] = _members(row["metadata"])
    event_id = sids.id_of_sid(row["sid"]) or ""  # the sid of a stored event always is one
    return view | {"id": event_id, "url": _link(base, "v1/events", event_id)}


def page(name: str, rows: Iterable[Row], show: Callable[[Row, str], ToolView], base: str, cursor: str | None) -> ToolView:
    """Return rows and the cursor of the next page, where there is one; the last rows are left out where they are too long in sum."""
    views = [show(row, base) for row in rows]
    fitting = _fitting(views)
    view: ToolView = {name: views[:fitting]}
    if fitting < len(views):
        view["left_out"] = f"{len(views) - fitting} rows that do not fit: ask again with limit {fitting}, then go on by next_cursor"
    elif cursor:
        view["next_cursor"] = cursor
    return view


def _fitting(views: Iterable[ToolView]) -> int:
    """Return how many of these rows a result has room for."""
    return sum(1 for length in accumulate(len(_line(row)) for row in views) if length <= MAX_CHARACTERS)


def result_text(view: ToolView) -> str:
    """Return a result as text: a line for each row, or for each member of a single object."""
    parts = []
    for name, value in view.items():
        if isinstance(value, list) and (not value or isinstance(value[0], dict)):
            parts.append(f"{len(value)} {name}{':' if value else ''}")
            parts.extend(f"- {_line(row)}" for row in value)
        elif isinstance(value, dict) and "url" in value:
            parts.append(f"{name}: {_line(value)}")
        else:
            parts.append(f"{name}: {_one_line(value)}")
    return "\n".join(parts)


def _line(row: ToolView) -> str:
    return "; ".join(f"{name}: {_one_line(value)}" for name, value in row.items())


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{_one_line(name)}={_one_line(inner)}" for name, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_one_line(inner) for inner in value)
    return " ".join(str(value).split())


def _some(row: Row, names: Iterable[str]) -> ToolView:
    pairs = ((name, row.get(name)) for name in names)
    return {name: _cut(value) for name, value in pairs if value is not None and value not in ("", [], {})}


def _cut(value: Any) -> Any:
    if isinstance(value, str):
        return shorten(value, _TITLE)
    return [_cut(one) for one in value[:_MEMBERS]] if isinstance(value, list) else value


def _description(row: Row, text: int) -> ToolView:
    view: ToolView = {"text": shorten(row["text"], text)} if row["text"] else {}
    for name in ("tags", "links"):
        if row[name]:
            view[name] = _members(row[name])
    return view | _some(row, ("entities",))


def _members(row: Row) -> ToolView:
    """Return the first members of an object, inner objects as their text: enough to recognize a commit or a ticket."""
    members = {shorten(name, _TITLE): shorten(_one_line(value), _TITLE) for name, value in list(row.items())[:_MEMBERS]}
    left_out = len(row) - len(members)
    return members | ({"…": f"{left_out} more"} if left_out > 0 else {})


def _link(base: str, path: str, ident: str) -> str:
    return f"{base}/{path}/{quote(ident, safe='')}"
