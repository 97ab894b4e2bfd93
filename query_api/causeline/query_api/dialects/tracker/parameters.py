"""Tracker's query parameters as values (Tracker, "Listing", "Searching" and "Today's Events").

Both spellings of a parameter are accepted. A filter given twice means or; a page or a date is given once. A blank filter does not
filter, since forms and scripts send every field they have; unknown parameters are ignored, as they are in bodies.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from causeline.query_api.questions.parameters import MAX_TEXT
from causeline.query_api.questions.query import EventFilter
from causeline.schemas.dialects.tracker import changelog
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.dialects.tracker.codes import CodeField, Profile, name_of
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.dialects.tracker.times import DAY_MS, clamp
from causeline.schemas.values.times import parse_moment, with_plus
from causeline.schemas.web.errors import FieldError, Invalid

DEFAULT_PER_PAGE: Final = 10
MAX_PER_PAGE: Final = 1_000
MAX_UNPAGED: Final = 10_000

_MAX_VALUES: Final = 100
"""Values of one filter, as in the native API: each becomes a bound parameter of the query. A gRPC message could bring a million."""
_SHOWN: Final = 60

_SPELLINGS: Final = {
    "perPage": "per_page",
    "startDate": "start_date",
    "endDate": "end_date",
    "relatedId": "related_id",
    "slackId": "slack_id",
    "groupByService": "group_by_service",
    "environments": "environment",
    "priorities": "priority",
    "types": "type",
    "statuses": "status",
}
_LEVELS: Final = {"true": ("1", "2", "3"), "false": ("", "0")}
_DIGITS: Final = re.compile(r"[0-9]+")
_LONGEST: Final = 15

ParameterValues = Mapping[str, list[str]]


class OffsetPaging(NamedTuple):
    """How many events a page has, and how many lie before it."""

    limit: int
    offset: int


def parameters(pairs: Iterable[tuple[str, str]]) -> ParameterValues:
    """Return the values of each parameter by its snake_case name. Raises Invalid beyond 100 values of one."""
    values: dict[str, list[str]] = defaultdict(list)
    for spelling, value in pairs:
        name = _SPELLINGS.get(spelling, spelling)
        values[name].append(value)
        if len(values[name]) > _MAX_VALUES:
            raise _refusal(name[:_SHOWN], f"takes at most {_MAX_VALUES} values")
    return values


def _refusal(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", (FieldError(name, message),), where="QUERY")


def _single(arguments: ParameterValues, name: str) -> str | None:
    values = arguments.get(name, [])
    if len(values) > 1:
        raise _refusal(name, "must be given once")
    return values[0] if values else None


def _whole(arguments: ParameterValues, name: str, default: int) -> int:
    """Return a number from 1; one of too many digits to count events with is as good as any other beyond the end."""
    text = _single(arguments, name)
    if text is None:
        return default
    if _DIGITS.fullmatch(text) is None:
        raise _refusal(name, f"{text[:60]!r} is not a whole number")
    digits = text.lstrip("0")
    number = int(digits or "0") if len(digits) <= _LONGEST else 10**_LONGEST
    if number < 1:
        raise _refusal(name, "must be at least 1")
    return number


def offset_paging(arguments: ParameterValues) -> OffsetPaging:
    """Return the page asked for, the first of 10 by default. Raises Invalid."""
    limit = _whole(arguments, "per_page", DEFAULT_PER_PAGE)
    if limit > MAX_PER_PAGE:
        raise _refusal("per_page", f"must be at most {MAX_PER_PAGE}")
    return OffsetPaging(limit, (_whole(arguments, "page", 1) - 1) * limit)


def search_paging(arguments: ParameterValues) -> OffsetPaging:
    """Return the page asked for, or all events up to 10,000 where none is. Raises Invalid."""
    return offset_paging(arguments) if "page" in arguments or "per_page" in arguments else OffsetPaging(MAX_UNPAGED, 0)


def changelog_paging(arguments: ParameterValues) -> OffsetPaging:
    """Return the page of a changelog asked for, or all of it where none is. Raises Invalid."""
    return offset_paging(arguments) if "page" in arguments or "per_page" in arguments else OffsetPaging(changelog.MAX_ENTRIES, 0)


def flag(arguments: ParameterValues, name: str) -> bool:
    """Return a boolean, false without. Raises Invalid."""
    text = (_single(arguments, name) or "false").strip().lower()
    if text not in ("true", "false"):
        raise _refusal(name, f"{text[:60]!r} is neither true nor false")
    return text == "true"


def asked_dates(arguments: ParameterValues) -> dict[str, str]:
    """Return the dates of a search as they were asked for, '' where there are none."""
    return {"startDate": _single(arguments, "start_date") or "", "endDate": _single(arguments, "end_date") or ""}


def _bound(arguments: ParameterValues, name: str, whole_day_ms: int) -> int | None:
    text = _single(arguments, name)
    if not text:
        return None
    try:
        at = parse_moment(with_plus(text))
    except ValueError as error:
        raise _refusal(name, str(error)) from error
    return clamp(at.ms + whole_day_ms if at.is_date else at.ms)


def _texts(arguments: ParameterValues, name: str) -> tuple[str, ...]:
    values = tuple(value for value in arguments.get(name, []) if value)
    if any(len(value) > MAX_TEXT for value in values):
        raise _refusal(name, f"is longer than {MAX_TEXT:,} characters")
    return values


def _codes(arguments: ParameterValues, field: CodeField, profile: Profile) -> tuple[str, ...]:
    try:
        return tuple(name_of(field, value, profile) for value in _texts(arguments, field))
    except ValueError as error:
        raise _refusal(field, str(error)) from error


def _severities(arguments: ParameterValues, profile: Profile) -> tuple[str, ...]:
    """Return the levels of impact asked for; a boolean asks for every level, or for none."""
    levels: list[str] = []
    for value in _texts(arguments, "impact"):
        levels += _LEVELS.get(value.strip().lower()) or _codes({"impact": [value]}, "impact", profile)
    return tuple(levels)


def all_events(tenant: str) -> EventFilter:
    """Return the filter that every read of Tracker has."""
    return EventFilter(tenant=tenant, dialects=(TRACKER.name,))


def search(tenant: str, arguments: ParameterValues, profile: Profile = "document") -> EventFilter:
    """Return the filter of a search: codes by a profile's numbers or by name, texts word for word.

    `start_date` is inclusive, `end_date` exclusive; a date as `end_date` includes its whole day. Raises Invalid that names the parameter.
    """
    return EventFilter(
        tenant=tenant,
        dialects=(TRACKER.name,),
        from_ms=_bound(arguments, "start_date", 0),
        to_ms=_bound(arguments, "end_date", DAY_MS),
        kinds=_codes(arguments, "type", profile),
        statuses=_codes(arguments, "status", profile),
        environments=_codes(arguments, "environment", profile),
        priorities=_codes(arguments, "priority", profile),
        severities=_severities(arguments, profile),
        services=_texts(arguments, "service"),
        sources=_texts(arguments, "source"),
        owners=_texts(arguments, "owner"),
        related_ids=_texts(arguments, "related_id"),
        tags=tuple((tracker.SLACK_TAG, value) for value in _texts(arguments, "slack_id")),
    )


def today(tenant: str, now: int) -> EventFilter:
    """Return the filter of the UTC day in which `now` (ms UTC) lies."""
    start = now - now % DAY_MS
    return EventFilter(tenant=tenant, dialects=(TRACKER.name,), from_ms=start, to_ms=start + DAY_MS)
