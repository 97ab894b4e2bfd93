"""`/services/{name}`: how one service stands and stood, what changed, what it needs and who needs it, and how well it is delivered."""

import asyncio
from typing import Any, Final, NamedTuple

from causeline.query_api.ui import dora_tiles, service_view
from causeline.query_api.ui.addresses import join_address, service_address, unfit_parameters
from causeline.query_api.ui.dora_past import ask_weeks
from causeline.query_api.ui.metric_words import FIVE_METRICS, METRIC_TITLES
from causeline.query_api.ui.pages.services import CHANGE_KINDS, last_changes, near_services
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, See, Show, Visit
from causeline.schemas.web.errors import FieldError, Invalid, NotFound

_PATH: Final = "/services/{name:path}"
_API: Final = "/v1/services/{name:path}"
PERIODS: Final = {"7d": "7 days", "30d": "30 days", "90d": "90 days"}
_DEFAULT: Final = "30d"
_PARAMETERS: Final = ("period", "environment")
_MOST_NAMES: Final = 100
"""Names of a service that are asked for: as many as a filter of the API takes."""
_PROBLEMS: Final = "200"
_DEPLOYMENTS: Final = "20"
_CALLERS: Final = "200"


class _Scope(NamedTuple):
    """Which service, with its description (None: it has none), since when, and in which environment ('': in any)."""

    name: str
    service: dict[str, Any] | None
    period: str
    environment: str

    @property
    def since(self) -> FormPairs:
        """Return the parameter of the beginning."""
        return [("from", f"now-{self.period}")]

    @property
    def own_filters(self) -> FormPairs:
        """Return the filters of what happened to it, by every name that it has."""
        names = [self.name, *(self.service["aliases"] if self.service else ())][:_MOST_NAMES]
        return [*(("service", name) for name in names), *self.where]

    @property
    def where(self) -> FormPairs:
        """Return the filter of the environment, none where it is any."""
        return [("environment", self.environment)] if self.environment else []


async def visit_service(visit: Visit) -> PageResult:
    """Show a service; an alias leads to its service, and what nobody knows to names that are near. Raises as the API refuses."""
    name = visit.request.params["name"].strip()
    values = _values(visit.query)
    service = await _describe(visit, name)
    if service is None and (owner := await _owner(visit, name)) is not None:
        return See(join_address(service_address(owner), [pair for pair in visit.query if pair[1]]))
    scope = _Scope(name, service, values.get("period") or _DEFAULT, values.get("environment", ""))
    (callers, problems), changes = await asyncio.gather(_around(visit, scope), _changes(visit, scope))
    if service is None and not (callers or problems or changes["rate"].total):
        near = await near_services(visit, name, await last_changes(visit))
        links = [(other, service_address(other)) for other in near if other != name]
        return Show("service_unknown.html", {"page": "/services", "name": name, "near": links, "period": PERIODS[scope.period]}, 404)
    return Show(
        "service.html",
        {
            "page": "/services",
            "name": name,
            "service": service,
            "address": service_address(name),
            "period": scope.period,
            "periods": PERIODS,
            "environment": scope.environment,
            "problems": problems,
            "open_count": sum(problem["state"] == "open" for problem in problems),
            "are_problems_whole": len(problems) < int(_PROBLEMS),
            "line": service_view.state_line(problems, _from(scope, visit.now), visit.now),
            "callees": service_view.neighbours(service["depends_on"] if service else ()),
            "callers": service_view.neighbours(caller["name"] for caller in callers),
            "all_changes": join_address("/timeline", [*scope.own_filters, *scope.since]),
            **changes,
            **await _dora(visit, scope),
        },
    )


def _values(pairs: FormPairs) -> dict[str, str]:
    errors = unfit_parameters(pairs, _PARAMETERS, _PARAMETERS)
    values = {name: value.strip() for name, value in pairs}
    if values.get("period") and values["period"] not in PERIODS:
        errors.append(FieldError("period", f"{values['period'][:100]!r} is not one of {', '.join(PERIODS)}"))
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    return values


def _from(scope: _Scope, now: int) -> int:
    return now - int(scope.period.removesuffix("d")) * 86_400_000


async def _describe(visit: Visit, name: str) -> dict[str, Any] | None:
    try:
        service: dict[str, Any] = await visit.get(_API, name=name)
    except NotFound:
        return None
    return service


async def _owner(visit: Visit, name: str) -> str | None:
    """Return the service that has this name as an alias, None where there is none."""
    answer = await visit.get("/v1/services", [("q", name), ("limit", "1000")])
    return next((service["name"] for service in answer["services"] if name in service["aliases"]), None)


async def _around(visit: Visit, scope: _Scope) -> tuple[list[Any], list[Any]]:
    """Return who calls the service, and its problems."""
    callers, problems = await asyncio.gather(
        visit.get("/v1/services", [("depends_on", scope.name), ("limit", _CALLERS)]),
        visit.get("/v1/problems", [*scope.own_filters, *scope.since, ("limit", _PROBLEMS)]),
    )
    return callers["services"], problems["problems"]


async def _changes(visit: Visit, scope: _Scope) -> dict[str, Any]:
    kinds = [("kind", "deployment"), ("kind", "release")]
    days = [*scope.own_filters, *scope.since, ("step", "1d"), ("by", "kind"), *CHANGE_KINDS]
    page, histogram = await asyncio.gather(
        visit.get("/v1/events", [*scope.own_filters, *scope.since, *kinds, ("limit", _DEPLOYMENTS)]), visit.get("/v1/histogram", days)
    )
    return {
        "deployments": page["events"],
        "rate": service_view.change_rate(histogram["buckets"], scope.own_filters, _from(scope, visit.now), visit.now),
    }


async def _dora(visit: Visit, scope: _Scope) -> dict[str, Any]:
    question = [("service", scope.name), *scope.since, *scope.where]
    answer = await visit.get("/v1/dora", question)
    weeks = await ask_weeks(visit, question, answer)
    tz = answer["window"]["tz"]

    def address_of(name: str) -> str:
        return join_address("/dora", [*question, ("metric", name)])

    return {
        "tiles": dora_tiles.build_tiles(answer["metrics"], weeks, tz, None, address_of),
        "weeks": dora_tiles.step_rows(weeks, FIVE_METRICS, tz),
        "titles": [METRIC_TITLES[name] for name in FIVE_METRICS],
        "dora_address": join_address("/dora", question),
    }


ONE_SERVICE: Final = (PageRoute("GET", _PATH, visit_service),)
