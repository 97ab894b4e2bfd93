"""`/planned`: what is planned and frozen in a month, which of it meets on a service, and how to say so to Causeline.

Two questions give all of it: what touches the time from now on, whatever it calls itself, and what says that it was planned or is a freeze.
"""

import asyncio
from typing import Any, Final

from causeline.query_api.ui.addresses import unfit_parameters
from causeline.query_api.ui.month import CalendarMonth, lay_out_month, read_month
from causeline.query_api.ui.plans import FREEZE_KINDS, PLANNED_STATUSES, ChangePlan, find_overlaps, fits_filters, read_plans
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, Show, Visit
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid

_PATH: Final = "/planned"
_FILTERS: Final = ("service", "environment", "team")
_ROWS: Final = 300
"""Events of each question: of three times as many plans every pair can be looked at within a request."""
_PAIRS: Final = 100
_ANNOUNCED_MS: Final = 92 * 86_400_000
"""How long before its month an event that plans may have been sent; one that names the time in its `ts` is found however old it is."""


async def visit_planned(visit: Visit) -> PageResult:
    """Show a month of plans. Raises Invalid, and as the API refuses."""
    pairs = [(name, value.strip()) for name, value in visit.query if value.strip()]
    errors = unfit_parameters(pairs, (*_FILTERS, "month"))
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    month = read_month(dict(pairs).get("month", ""), visit.now)
    filters = [pair for pair in pairs if pair[0] in _FILTERS]
    first_announcement = max(month.from_ms - _ANNOUNCED_MS, 0)
    to_come, by_status, by_kind = await asyncio.gather(
        _ask_to_come(visit, month, filters),
        _ask_events(visit, first_announcement, month, [*filters, *(("status", status) for status in PLANNED_STATUSES)]),
        _ask_events(visit, first_announcement, month, [*filters, *(("kind", kind) for kind in FREEZE_KINDS)]),
    )
    plans = [plan for plan in read_plans([*to_come, *by_status, *by_kind], visit.now) if _touches(plan, month)]
    overlaps = find_overlaps([plan for plan in plans if plan.tell_state(visit.now) != "over"])
    return Show(
        "planned.html",
        {
            "page": _PATH,
            "month": month,
            "filters": {name: dict(filters).get(name, "") for name in _FILTERS},
            "plans": [plan for plan in plans if not plan.is_freeze],
            "freezes": [plan for plan in plans if plan.is_freeze],
            "overlaps": overlaps[:_PAIRS],
            "overlaps_left": len(overlaps) - _PAIRS,
            "weeks": lay_out_month(month, plans),
            "is_cut": any(len(events) >= _ROWS for events in (to_come, by_status, by_kind)),
        },
    )


async def _ask_to_come(visit: Visit, month: CalendarMonth, filters: FormPairs) -> list[Any]:
    """Return what touches the part of the month that is to come: none of a month that is over.

    What touches it is not filtered by the API, and may be cut before those that fit; what lies in it is.
    """
    start = max(month.from_ms, visit.now)
    if start >= month.to_ms:
        return []
    span = [("at", rfc3339(start)), ("before", "0s"), ("after", f"{month.to_ms - start - 1}ms"), ("limit", str(_ROWS))]
    if not filters:
        changes: list[Any] = (await visit.get("/v1/changes", span))["changes"]
        return changes
    touching, within = await asyncio.gather(visit.get("/v1/changes", span), _ask_events(visit, start, month, filters))
    return [*(event for event in touching["changes"] if fits_filters(event, filters)), *within]


async def _ask_events(visit: Visit, from_ms: int, month: CalendarMonth, pairs: FormPairs) -> list[Any]:
    """Return the newest events from a time to the end of a month."""
    answer = await visit.get("/v1/events", [("from", rfc3339(from_ms)), ("to", rfc3339(month.to_ms)), *pairs, ("limit", str(_ROWS))])
    events: list[Any] = answer["events"]
    return events


def _touches(plan: ChangePlan, month: CalendarMonth) -> bool:
    return plan.start < month.to_ms and max(plan.end, plan.start) >= month.from_ms


PLANNED_PAGES: Final = (PageRoute("GET", _PATH, visit_planned),)
