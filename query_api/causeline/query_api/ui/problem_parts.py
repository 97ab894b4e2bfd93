"""What a problem's page asks for beside the problem, each call for itself: one that fails leaves a gap that says why."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from causeline.query_api.ui.api_parts import ApiPart, read_part
from causeline.query_api.ui.client_json import ClientJson, read_client_json
from causeline.query_api.ui.problem_windows import ProblemWindow
from causeline.query_api.ui.visits import FormPairs, Visit
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Forbidden, NotFound, OverQuota, RequestError, Unavailable

_MOST_CAUSES: Final = "10"
_MOST_CHANGES: Final = 500
_MOST_SERVICES: Final = 12
_MOST_DOCUMENTS: Final = 4
_MOST_LISTED: Final = "20"
_DAYS_OF_SIBLINGS: Final = 90
_DAY: Final = 86_400_000
_REFUSALS: Final = (NotFound, Forbidden, OverQuota, Unavailable)


class ProblemParts(NamedTuple):
    """The ranking, the problem's service with those that it calls, the changes of the window, deliveries, other problems, client's JSON."""

    causes: ApiPart
    services: Sequence[str]
    changes: ApiPart
    deliveries: ApiPart
    siblings: ApiPart
    documents: Sequence[ClientJson]


async def read_problem_parts(visit: Visit, problem: Mapping[str, Any], window: ProblemWindow, at: FormPairs) -> ProblemParts:
    """Return all of it, asked at once. `at` is the parameter that asks for a past ranking. Raises Invalid where it is unreadable."""
    since = rfc3339(max(window.onset - _DAYS_OF_SIBLINGS * _DAY, 0))
    causes, services, changes, deliveries, siblings, *documents = await asyncio.gather(
        read_part(visit.get("/v1/problems/{id}/causes", [("limit", _MOST_CAUSES), *at], id=problem["id"]), _REFUSALS),
        _services(visit, problem),
        read_part(_changes(visit, problem, window), _REFUSALS),
        read_part(visit.get("/v1/deliveries", [("entity", problem["id"]), ("limit", _MOST_LISTED)]), _REFUSALS),
        read_part(_siblings(visit, problem, since), _REFUSALS),
        *(read_client_json(visit, event_id) for event_id in _event_ids(problem)),
    )
    return ProblemParts(causes, services, changes, deliveries, siblings, [document for document in documents if document is not None])


async def _siblings(visit: Visit, problem: Mapping[str, Any], since: str) -> list[Any]:
    """Return the other problems of the same correlation id; a problem without one has no others."""
    if not problem["correlation_id"]:
        return []
    answer = await visit.get("/v1/problems", [("correlation_id", problem["correlation_id"]), ("from", since), ("limit", _MOST_LISTED)])
    return [one for one in answer["problems"] if one["id"] != problem["id"]]


def _event_ids(problem: Mapping[str, Any]) -> list[str]:
    """Return the events behind a problem: the one that opened it, then those of its transitions."""
    causes = (one["cause"] for one in problem["transitions"])
    return [event_id for event_id in dict.fromkeys((problem["event_id"], *causes)) if event_id][:_MOST_DOCUMENTS]


async def _changes(visit: Visit, problem: Mapping[str, Any], window: ProblemWindow) -> list[Any]:
    """Return the changes that touch the window, those of the problem's own relations first."""
    before, after = window.reference - window.from_ms, window.to_ms - window.reference
    span = [("before", f"{before}ms"), ("after", f"{after}ms"), ("limit", str(_MOST_CHANGES))]
    if window.reference == window.onset:
        answer = await visit.get("/v1/problems/{id}/changes", span, id=problem["id"])
    else:
        about = [("at", rfc3339(window.reference)), ("service", problem["service"]), ("environment", problem["environment"])]
        answer = await visit.get("/v1/changes", [*about, *span])
    return [change for change in answer["changes"] if change["id"] != problem["event_id"]]


async def _services(visit: Visit, problem: Mapping[str, Any]) -> list[str]:
    """Return the problem's service, then what it calls as far as that was described."""
    if not problem["service"]:
        return []
    try:
        callees = (await visit.get("/v1/services/{name:path}", name=problem["service"]))["depends_on"]
    except RequestError:  # nobody described it, or it is no name that can be described
        callees = ()
    return [problem["service"], *(name for name in callees if name != problem["service"])][:_MOST_SERVICES]
