"""`/problems/{id}`: which change did it, or none; what else changed around it; who was told. The first thing somebody sees at night.

`at` shows the ranking as it was published by then, `move` the window moved by hours, `all` the changes of every service.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from causeline.query_api.ui.addresses import join_address, service_address, timeline_address
from causeline.query_api.ui.drawing.lanes import MAX_LANES, TimeWindow, draw_lanes
from causeline.query_api.ui.problem_lanes import ScopedChanges, event_address, lanes_of, scope_changes
from causeline.query_api.ui.problem_parts import read_problem_parts
from causeline.query_api.ui.problem_windows import MOST_HOURS, ProblemWindow, place_window, read_hours
from causeline.query_api.ui.verdicts import say_probability, say_relation, say_verdict
from causeline.query_api.ui.visits import PageResult, PageRoute, See, Show, Visit
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.errors import Invalid, NotFound, RequestError
from causeline.schemas.web.page_addresses import PROBLEM_PAGE, page_address

_FEEDBACK: Final = f"{PROBLEM_PAGE}/feedback"
_SAY: Final = "/v1/problems/{id}/causes/{event_id}/feedback"
_MOST_ROWS: Final = 100
"""Changes of the table: the closest ones; the picture counts all of them."""
_STATE: Final = ("at", "move", "all")


async def visit_problem(visit: Visit) -> PageResult:
    """Show a problem. Raises as `GET /v1/problems/{id}/causes` refuses parameters."""
    return await _show(visit, None)


async def send_feedback(visit: Visit) -> PageResult:
    """Say that a change did it, or did not, or take that back; then show the problem again. Raises as the API refuses.

    Fields: `event` (an id, or `none`), `verdict` (`confirmed`, `rejected`, blank to take back), `note`.
    """
    fields = visit.form()
    ident = visit.request.params["id"]
    place = {"id": ident, "event_id": fields.get("event", "")}
    try:
        if fields.get("verdict"):
            await visit.send("PUT", _SAY, {"verdict": fields["verdict"], "note": fields.get("note", "")}, **place)
        else:
            await visit.send("DELETE", _SAY, **place)
    except Invalid as error:
        return await _show(visit, error)
    return See(f"{_address(ident, _state(visit))}#verdict")


async def _show(visit: Visit, refusal: RequestError | None) -> PageResult:
    ident = visit.request.params["id"]
    try:
        problem = await visit.get("/v1/problems/{id}", id=ident)
    except NotFound as error:
        return Show("absent.html", {"page": "/problems", "error": error, "ident": ident, "what": "problem"}, 404)
    state = _state(visit)
    at = [("at", state["at"])] if state.get("at") else []
    window = place_window(problem, visit.now, read_hours(state.get("move", "")))
    parts = await read_problem_parts(visit, problem, window, at)
    ranking, services = parts.causes.value, parts.services
    near = [*(services or [""]), *_named_services(ranking)]
    scope = scope_changes(parts.changes.value or (), near)
    return Show(
        "problem.html",
        {
            "page": "/problems",
            "problem": problem,
            "ranking": ranking,
            "ranking_refusal": parts.causes.refusal,
            "words": None if ranking is None else say_verdict(ranking, services),
            "services": services,
            "may_say": visit.may("ingest") and not at,
            "refusal": refusal,
            "at": state.get("at", ""),
            "state": {name: value for name, value in state.items() if name != "at"},
            "window": window,
            "addresses": _addresses(ident, state, window),
            "relation_of": say_relation,
            "say_probability": say_probability,
            "event_address": event_address,
            "service_address": service_address,
            "siblings": parts.siblings,
            "deliveries": parts.deliveries,
            "documents": parts.documents,
            **_change_values(problem, scope, list(dict.fromkeys(near)), window, is_wide=bool(state.get("all"))),
            "changes_refusal": parts.changes.refusal,
        },
        200 if refusal is None else 422,
    )


def _change_values(
    problem: Mapping[str, Any], scope: ScopedChanges, services: Sequence[str], window: ProblemWindow, *, is_wide: bool
) -> dict[str, Any]:
    changes = [*scope.visible, *scope.others] if is_wide else list(scope.visible)
    changes.sort(key=lambda change: abs(ms_of(change["ts"]) - window.onset))
    rows = [{**change, "offset": (ms_of(change["ts"]) - window.onset) / 1_000} for change in changes[:_MOST_ROWS]]
    lanes = lanes_of(problem, changes, services, window)
    return {
        "is_wide": is_wide,
        "rows": rows,
        "left_out": len(changes) - len(rows),
        "others": len(scope.others),
        "other_services": len({change["service"] for change in scope.others}),
        "lanes": draw_lanes(lanes[:MAX_LANES], TimeWindow(window.from_ms, window.to_ms), window.onset),
        "lanes_left_out": max(len(lanes) - MAX_LANES, 0),
        "timeline": timeline_address(window.from_ms, window.to_ms),
    }


def _named_services(ranking: Mapping[str, Any] | None) -> Iterable[str]:
    """Yield the services of what a ranking found further down the calls, or up."""
    for cause in () if ranking is None else ranking["causes"]:
        if cause["relation"] in ("dependency", "dependent") and cause["event"]["service"]:
            yield cause["event"]["service"]


def _state(visit: Visit) -> dict[str, str]:
    return {name: value for name, value in visit.query if name in _STATE and value}


def _address(ident: str, state: Mapping[str, str], **changes: str) -> str:
    return join_address(page_address(PROBLEM_PAGE, ident), [(name, value) for name, value in {**state, **changes}.items() if value])


def _addresses(ident: str, state: Mapping[str, str], window: ProblemWindow) -> dict[str, str]:
    """Return where the page's own links lead: all of what it shows is in its address."""
    hours = window.hours
    feedback = [(name, state[name]) for name in ("move", "all") if name in state]
    return {
        "earlier": _address(ident, state, move=str(hours - 1)) if hours > -MOST_HOURS else "",
        "later": _address(ident, state, move=str(hours + 1) if hours != -1 else "") if hours < MOST_HOURS else "",
        "onset": _address(ident, state, move="") if hours else "",
        "wide": _address(ident, state, all="1"),
        "narrow": _address(ident, state, all=""),
        "here": _address(ident, state),
        "now": _address(ident, state, at=""),
        "feedback": join_address(page_address(_FEEDBACK, ident), feedback),
    }


PROBLEM_PAGES: Final = (
    PageRoute("GET", PROBLEM_PAGE, visit_problem),
    PageRoute("POST", _FEEDBACK, send_feedback, scope="ingest"),
)
