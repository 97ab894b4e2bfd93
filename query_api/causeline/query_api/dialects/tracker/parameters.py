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
    found: dict[str, list[str]] = defaultdict(list)
    for given, value in pairs:
        name = _SPELLINGS.get(given, given)
        found[name].append(value)
        if len(found[name]) > _MAX_VALUES:
            raise _refusal(name[:_SHOWN], f"takes at most {_MAX_VALUES} values")
    return found


def _refusal(name: str, message: str) -> Invalid:
    return Invalid(f"{name}: {message}", (FieldError(name, message),), where="QUERY")


def _single(given: ParameterValues, name: str) -> str | None:
    values = given.get(name, [])
    if len(values) > 1:
        raise _refusal(name, "must be given once")
    return values[0] if values else None


def _whole(given: ParameterValues, name: str, default: int) -> int:
    """Return a number from 1; one of too many digits to count events with is as good as any other beyond the end."""
    text = _single(given, name)
    if text is None:
        return default
    if _DIGITS.fullmatch(text) is None:
        raise _refusal(name, f"{text[:60]!r} is not a whole number")
    digits = text.lstrip("0")
    number = int(digits or "0") if len(digits) <= _LONGEST else 10**_LONGEST
    if number < 1:
        raise _refusal(name, "must be at least 1")
    return number


def offset_paging(given: ParameterValues) -> OffsetPaging:
    """Return the page asked for, the first of 10 by default. Raises Invalid."""
    limit = _whole(given, "per_page", DEFAULT_PER_PAGE)
    if limit > MAX_PER_PAGE:
        raise _refusal("per_page", f"must be at most {MAX_PER_PAGE}")
    return OffsetPaging(limit, (_whole(given, "page", 1) - 1) * limit)


def search_paging(given: ParameterValues) -> OffsetPaging:
    """Return the page asked for, or all events up to 10,000 where none is. Raises Invalid."""
    return offset_paging(given) if "page" in given or "per_page" in given else OffsetPaging(MAX_UNPAGED, 0)


def changelog_paging(given: ParameterValues) -> OffsetPaging:
    """Return the page of a changelog asked for, or all of it where none is. Raises Invalid."""
    return offset_paging(given) if "page" in given or "per_page" in given else OffsetPaging(changelog.MAX_ENTRIES, 0)


def flag(given: ParameterValues, name: str) -> bool:
    """Return a boolean, false without. Raises Invalid."""
    text = (_single(given, name) or "false").strip().lower()
    if text not in ("true", "false"):
        raise _refusal(name, f"{text[:60]!r} is neither true nor false")
    return text == "true"


def asked_dates(given: ParameterValues) -> dict[str, str]:
    """Return the dates of a search as they were asked for, '' where there are none."""
    return {"startDate": _single(given, "start_date") or "", "endDate": _single(given, "end_date") or ""}


def _bound(given: ParameterValues, name: str, whole_day_ms: int) -> int | None:
    text = _single(given, name)
    if not text:
        return None
    try:
        at = parse_moment(with_plus(text))
    except ValueError as error:
        raise _refusal(name, str(error)) from error
    return clamp(at.ms + whole_day_ms if at.is_date else at.ms)


def _texts(given: ParameterValues, name: str) -> tuple[str, ...]:
    found = tuple(value for value in given.get(name, []) if value)
    if any(len(value) > MAX_TEXT for value in found):
        raise _refusal(name, f"is longer than {MAX_TEXT:,} characters")
    return found


def _codes(given: ParameterValues, field: CodeField, profile: Profile) -> tuple[str, ...]:
    try:
        return tuple(name_of(field, value, profile) for value in _texts(given, field))
    except ValueError as error:
        raise _refusal(field, str(error)) from error


def _severities(given: ParameterValues, profile: Profile) -> tuple[str, ...]:
    """Return the levels of impact asked for; a boolean asks for every level, or for none."""
    found: list[str] = []
    for value in _texts(given, "impact"):
        found += _LEVELS.get(value.strip().lower()) or _codes({"impact": [value]}, "impact", profile)
    return tuple(found)


def all_events(tenant: str) -> EventFilter:
    """Return the filter that every read of Tracker has."""
    return EventFilter(tenant=tenant, dialects=(TRACKER.name,))


def search(tenant: str, given: ParameterValues, profile: Profile = "document") -> EventFilter:
    """Return the filter of a search: codes by a profile's numbers or by name, texts word for word.

    `start_date` is inclusive, `end_date` exclusive; a date as `end_date` includes its whole day. Raises Invalid that names the parameter.
    """
    return EventFilter(
        tenant=tenant,
        dialects=(TRACKER.name,),
        from_ms=_bound(given, "start_date", 0),
        to_ms=_bound(given, "end_date", DAY_MS),
        kinds=_codes(given, "type", profile),
        statuses=_codes(given, "status", profile),
        environments=_codes(given, "environment", profile),
        priorities=_codes(given, "priority", profile),
        severities=_severities(given, profile),
        services=_texts(given, "service"),
        sources=_texts(given, "source"),
        owners=_texts(given, "owner"),
        related_ids=_texts(given, "related_id"),
        tags=tuple((tracker.SLACK_TAG, value) for value in _texts(given, "slack_id")),
    )


def today(tenant: str, now: int) -> EventFilter:
    """Return the filter of the UTC day in which `now` (ms UTC) lies."""
    start = now - now % DAY_MS
    return EventFilter(tenant=tenant, dialects=(TRACKER.name,), from_ms=start, to_ms=start + DAY_MS)
