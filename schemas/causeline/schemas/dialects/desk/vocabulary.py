"""Vocabulary of the DESK Events API v1: its event types and limits, its environments, and the form of its event ids.

Everything that the API states as a table (which element belongs to which event type, the possible values, the limits) is data in
`desk_params.json`, read here once and by both sides. What must change together: that file, and the tests that compare it with the
tables of the API document ("Parameters mapping", "Possible values").
"""

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final, Literal, NamedTuple

import msgspec

from causeline.schemas.records.event import PROBLEM_KIND
from causeline.schemas.values import ids
from causeline.schemas.web.errors import NotFound

ElementRule = Literal["req", "opt", "n/a"]
ElementType = Literal["string", "integer", "boolean", "object", "string[]", "PushEventAttachRules"]

CUSTOM_ALERT: Final = "CUSTOM_ALERT"
"""A problem type of later versions of the API: refused unless switched on."""

_INT64: Final = range(-(1 << 63), 1 << 63)
_ENVIRONMENT: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")
_HOST: Final = re.compile(r"([^.:]+)(?:\.[^.:]+)*\.live\.dexp\.ae(?::\d+)?")
_STORED_ID: Final = re.compile(r"(-?[0-9]{1,20})(?:_([0-9]{1,16}))?")


class DeskEventType(msgspec.Struct, frozen=True, kw_only=True):
    """One event type: its normalized kind, its severity ('' for information-only ones), its time limits and its elements.

    `rules` tells for every element whether the type requires it, takes it, or does not know it ("Parameters mapping").
    """

    kind: str
    severity: str
    max_past_ms: int
    max_future_ms: int
    rules: dict[str, ElementRule]

    @property
    def opens_problem(self) -> bool:
        """Whether events of this type stay open until their timeout expires (problem-opening, not information-only)."""
        return self.kind == PROBLEM_KIND


class Vocabulary(msgspec.Struct, frozen=True, kw_only=True):
    """The tables and limits of the API. Times in ms unless the name says otherwise."""

    event_types: dict[str, DeskEventType]
    elements: dict[str, ElementType]
    validation_order: tuple[str, ...]
    contexts: frozenset[str]
    me_types: frozenset[str]
    me_types_later: frozenset[str]
    timeout_default_min: int
    timeout_max_min: int
    tag_text_max: int
    targets_max: int
    page_size: int
    default_window_ms: int
    max_window_ms: int
    relative_time_ms: dict[str, int]
    queried_event_types: frozenset[str]


VOCABULARY: Final = msgspec.json.decode(
    files("causeline.schemas.dialects.desk").joinpath("params.json").read_bytes(),
    type=Vocabulary,
)


class StoredId(NamedTuple):
    """An event id as clients hold it: the signed low 64 bits of the event's id and, where it was given, the event's start (ms UTC)."""

    low: int
    start: int | None


def stored_id(event_id: str, start: int) -> str:
    """Return the encoded id of an event (EventStoreResult, `storedIds`): `<storedEventIds value>_<start ms>`."""
    return f"{ids.signed_low(event_id)}_{start}"


def parse_stored_id(text: str) -> StoredId | None:
    """Return what an encoded id or a bare integer says, None for anything else."""
    match = _STORED_ID.fullmatch(text)
    if match is None or int(match[1]) not in _INT64:
        return None
    return StoredId(int(match[1]), int(match[2]) if match[2] else None)


def tenant_of(params: Mapping[str, str], headers: Mapping[str, str]) -> str | None:
    """Return the environment a request names: `{env}` of its path, else the first label of a Host under live.dexp.ae, else None.

    Header names are lower case; labels of a host have no case, environments in a path do. Raises NotFound for a path that cannot
    name an environment.
    """
    environment = params.get("env")
    if environment is not None:
        if _ENVIRONMENT.fullmatch(environment) is None:
            raise NotFound("there is no such environment", where="PATH")
        return environment
    return host_environment(headers.get("host", ""))


def host_environment(host: str) -> str | None:
    """Return the environment that the header Host names as its first label under live.dexp.ae, None where it names none."""
    match = _HOST.fullmatch(host.strip().lower())
    return match[1] if match is not None and _ENVIRONMENT.fullmatch(match[1]) else None
