"""OpenAPI path items of Tracker's reads. They are merged with those of the writing side, by path."""

from typing import Any, Final

from causeline.query_api.dialects.tracker.parameters import DEFAULT_PER_PAGE, MAX_PER_PAGE
from causeline.query_api.questions.parameters import MAX_TEXT
from causeline.schemas.dialects.tracker.answers import ANSWERS
from causeline.schemas.dialects.tracker.codes import CODE_FIELDS
from causeline.schemas.dialects.tracker.dialect import TRACKER
from causeline.schemas.web.openapi import OpenApiPart, ref


def _query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema or {"type": "string"}}


_PAGING: Final = [
    _query("per_page", "Events a page", type="integer", minimum=1, maximum=MAX_PER_PAGE, default=DEFAULT_PER_PAGE),
    _query("page", "Page, from 1", type="integer", minimum=1, default=1),
]
_VALUE: Final = {"type": "string", "maxLength": MAX_TEXT}
_FILTERS: Final = [
    *(_query(field, "Number or name; given twice means or", **_VALUE) for field in CODE_FIELDS),
    *(_query(name, "Exact text; given twice means or", **_VALUE) for name in ("service", "source", "owner", "relatedId", "slackId")),
    _query("start_date", "ISO 8601, inclusive"),
    _query("end_date", "ISO 8601, exclusive; a date includes its whole day"),
]
_ID: Final = {"name": "id", "in": "path", "required": True, "description": "Its id or Slack id", "schema": {"type": "string"}}
_BAD: Final = {
    "400": {"description": "A parameter breaks a rule, or the search is over the bounds of one question: {code: 3, message, details}"}
}
_MANY: Final = "`events`, newest first, and `totalCount` of all matches"


def _get(name: str, summary: str, schema: str, answer: str, parameters: list[dict[str, Any]], errors: dict[str, Any]) -> dict[str, Any]:
    ok = {"description": answer, "content": {"application/json": {"schema": ref(schema)}}}
    responses = {"200": ok, **errors, "503": {"description": "The store cannot answer now"}}
    return {"get": {"operationId": name, "summary": summary, "tags": [TRACKER.title], "parameters": parameters, "responses": responses}}


PATHS: Final[dict[str, Any]] = {
    "/api/v1alpha1/event/{id}": _get(
        "trackerGetEvent",
        "One event",
        "TrackerEventAnswer",
        "The event, flat at the top and under `event`",
        [_ID],
        {"404": {"description": "No such event: {code: 5, message, details}"}},
    ),
    "/api/v1alpha1/event/{id}/changelog": _get(
        "trackerGetChangelog",
        "What the updates of an event changed",
        "TrackerChangelog",
        "`changelog`, oldest first, the last 100: timestamp, user, changeType, field, oldValue, newValue, comment",
        [_ID, *_PAGING],
        {"404": {"description": "No such event: {code: 5, message, details}"}},
    ),
    "/api/v1alpha1/events/stats": _get(
        "trackerStats",
        "Counts of the events that match every filter",
        "TrackerStats",
        "`totalCount`, and counts by name: `byType`, `byStatus`, `byPriority`, `byEnvironment`, `byService`",
        _FILTERS,
        _BAD,
    ),
    "/api/v1alpha1/events/stats/monthly": _get(
        "trackerMonthlyStats",
        "The same, by month (UTC); this month and the eleven before it without dates",
        "TrackerMonthlyStats",
        "`stats`: a row of year, month and count; `months` that have events: `month` (2024-01), `totalCount`, `byType`, `byStatus`",
        [*_FILTERS, _query("group_by_service", "Count each service of a month", type="boolean", default=False)],
        _BAD,
    ),
    "/api/v1alpha1/events/list": _get("trackerListEvents", "All events, by page", "TrackerEvents", _MANY, _PAGING, _BAD),
    "/api/v1alpha1/events/search": _get(
        "trackerSearchEvents",
        "Events that match every filter, unpaged up to 10,000",
        "TrackerEvents",
        _MANY,
        [*_FILTERS, *_PAGING],
        _BAD,
    ),
    "/api/v1alpha1/events/today": _get("trackerTodayEvents", "Events of this UTC day, by page", "TrackerEvents", _MANY, _PAGING, _BAD),
}

PART: Final = OpenApiPart(PATHS, ANSWERS)
