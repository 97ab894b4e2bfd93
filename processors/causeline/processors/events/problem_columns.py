"""What a problem shows of the events behind it. A signal changes what it names; what it does not name stays as it was.

The columns of an event cannot tell what was left out from what is empty, so empty is not named. A change of an event brings the whole
event, merged already: there empty is what it says. Tags and links are named one by one, entities as a whole.
"""

from collections.abc import Mapping
from itertools import chain
from typing import Any, Final, Literal

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem

Telling = Literal["opening", "closing", "earlier", "whole"]
"""An opening or a refresh; the end, which is not a new title; what is older than what is shown already, and fills gaps; a changed event."""

_TEXTS: Final = ("dialect", "service", "environment", "priority", "severity", "title", "text", "source", "owner", "team")
_MAPS: Final = ("tags", "links")
_SHOWN: Final = (*_TEXTS, *_MAPS, "entities")
_SHOWN_OF_RESTRICTED: Final = ("dialect", "priority", "severity")
"""A problem has no groups: every reader of the tenant sees it. So it tells that there is one, not what a restricted event says of it."""

MAX_PAIRS: Final = 256
"""Tags, or links, that signals may add up to; beyond it those of the newest signal are all."""
MAX_KEPT: Final = 1 << 20
"""Bytes that stay from before: with the columns of one event, 1 MiB as a rule, they fit a topic's 8 MiB, however many add a long text."""


def describe_problem(problem: Problem, event: Event | None, telling: Telling) -> Problem:
    """Return the problem with what an event of its own kind says of it: a deployment that ends it does not describe it."""
    if event is None or event.kind != problem.kind:
        return problem
    names = _SHOWN_OF_RESTRICTED if event.allowed_groups else _SHOWN
    event_columns = {name: getattr(event, name) for name in names}
    if telling == "whole":
        return msgspec.structs.replace(problem, **event_columns)
    problem_columns = {name: getattr(problem, name) for name in _SHOWN}
    named_columns = {name: value for name, value in event_columns.items() if value and not (name == "title" and telling == "closing")}
    merged_columns = _over(named_columns, problem_columns) if telling == "earlier" else _over(problem_columns, named_columns)
    if _size(merged_columns) - _size(event_columns) > MAX_KEPT:
        return problem if telling == "earlier" else msgspec.structs.replace(problem, **event_columns)
    return msgspec.structs.replace(problem, **merged_columns)


def _over(older: Mapping[str, Any], newer: Mapping[str, Any]) -> dict[str, Any]:
    """Return what both say, the newer one where both say something."""
    columns = {**older, **{name: value for name, value in newer.items() if value}}
    for name in _MAPS:
        pairs = {**older.get(name, {}), **newer.get(name, {})}
        if pairs:
            columns[name] = pairs if len(pairs) <= MAX_PAIRS else newer.get(name) or older[name]
    return columns


def _size(columns: Mapping[str, Any]) -> int:
    texts = [columns.get(name, "") for name in _TEXTS]
    for name in _MAPS:
        texts += chain.from_iterable(columns.get(name, {}).items())
    return sum(len(text) if text.isascii() else len(text.encode()) for text in chain(texts, columns.get("entities", ())))
