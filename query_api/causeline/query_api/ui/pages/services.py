"""`/services`: every service that is described, or that something happened to, those in trouble first; and which one a name may mean."""

import asyncio
from typing import Any, Final

from causeline.query_api.causes.kinds import kinds_of_changes
from causeline.query_api.ui.addresses import join_address, replace_pairs, service_address, unfit_parameters
from causeline.query_api.ui.service_rows import service_rows, sum_labels
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, Show, Visit
from causeline.schemas.topology.near_names import nearest_names
from causeline.schemas.web.errors import FieldError, Invalid

_PATH: Final = "/services"
_FILTERS: Final = ("q", "team")
_ROWS: Final = 200
_MOST: Final = "1000"
"""Rows of one call: of open problems that are counted, and of services."""
_MOST_CALLS: Final = 3
"""Calls for services that are described: a fleet of more is narrowed by its reader."""
NEAR_NAMES: Final = 5
CHANGE_KINDS: Final[FormPairs] = [("kind", kind) for kind in kinds_of_changes()]


async def visit_services(visit: Visit) -> PageResult:
    """Show services by part of their name and by team. Raises as the API refuses, and Invalid for parameters that are none."""
    pairs = [(name, value) for name, value in visit.query if value.strip()]
    values = _values(pairs)
    filters = {name: values.get(name, "") for name in _FILTERS}
    (services, is_whole), problems, changes = await asyncio.gather(
        _ask_services(visit, [pair for pair in pairs if pair[0] in _FILTERS]),
        visit.get("/v1/problems", [("state", "open"), ("limit", _MOST)]),
        last_changes(visit),
    )
    rows = service_rows(services, problems["problems"], changes, filters["q"], with_others=not filters["team"])
    start = min(_start(values.get("start", "0")), len(rows))
    last = start + _ROWS
    near = await near_services(visit, filters["q"], changes) if filters["q"] and not rows else []
    return Show(
        "services.html",
        {
            "page": _PATH,
            "filters": filters,
            "is_narrowed": any(filters.values()),
            "rows": rows[start:last],
            "count": len(rows),
            "is_whole": is_whole,
            "are_problems_whole": not problems["next_cursor"],
            "near": [(name, service_address(name)) for name in near],
            "by_name": service_address(filters["q"]),
            "next": join_address(_PATH, replace_pairs(pairs, {"start": str(last)})) if last < len(rows) else "",
        },
    )


def _values(pairs: FormPairs) -> dict[str, str]:
    errors = unfit_parameters(pairs, (*_FILTERS, "start"), (*_FILTERS, "start"))
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    return dict(pairs)


def _start(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= len(_MOST) + 1:
        return int(text)
    raise Invalid.naming([FieldError("start", f"{text[:100]!r} is not the number of a row")], where="QUERY")


async def _ask_services(visit: Visit, filters: FormPairs) -> tuple[list[dict[str, Any]], bool]:
    """Return the services that fit, and whether these are all of them."""
    services: list[dict[str, Any]] = []
    cursor = ""
    for _ in range(_MOST_CALLS):
        answer = await visit.get("/v1/services", replace_pairs(filters, {"limit": _MOST, "cursor": cursor}))
        services += answer["services"]
        cursor = answer["next_cursor"] or ""
        if not cursor:
            return services, True
    return services, False


async def last_changes(visit: Visit) -> dict[str, int]:
    """Return how many changes the last day had, by the service that events name."""
    answer = await visit.get("/v1/histogram", [("from", "now-1d"), ("step", "1d"), ("by", "service"), *CHANGE_KINDS])
    return sum_labels(answer["buckets"])


async def near_services(visit: Visit, name: str, changes: dict[str, int]) -> list[str]:
    """Return the names that a name which is nobody's may have meant: of services that are described, and of those that changed lately."""
    answer = await visit.get("/v1/services", [("near", name), ("limit", str(NEAR_NAMES))])
    names = {*(service["name"] for service in answer["services"]), *filter(None, changes)}
    near = nearest_names(name, names, NEAR_NAMES)
    return list(dict.fromkeys([*near, *(service["name"] for service in answer["services"])]))[:NEAR_NAMES]


SERVICE_LIST: Final = (PageRoute("GET", _PATH, visit_services),)
