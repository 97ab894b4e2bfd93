"""`/`: what is open, what changed in the last two hours, what is planned or frozen, and whether the server's parts keep up.

What one part does not answer is missing alone, or is shown as it was before, and the page says so with its time: whoever comes here in an
incident gets what there is. What is filtered is not kept: it would be one page for each text.
"""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from causeline.query_api.ui.addresses import join_address, unfit_parameters
from causeline.query_api.ui.api_parts import ApiPart, read_part
from causeline.query_api.ui.drawing.lanes import draw_lanes
from causeline.query_api.ui.figures import LookInside
from causeline.query_api.ui.first_steps import TEST_EVENT, first_calls
from causeline.query_api.ui.last_good import DatedPart, LastGood
from causeline.query_api.ui.plans import ChangePlan, fits_filters, read_plans
from causeline.query_api.ui.timeline_lanes import change_bars, problem_bars, timeline_lanes
from causeline.query_api.ui.timeline_question import TimelineQuestion, read_timeline
from causeline.query_api.ui.verdicts import say_published
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, See, Show, Visit
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid, TooMuch, Unavailable
from causeline.schemas.web.page_addresses import EVENT_PAGE, page_address

_PATH: Final = "/"
_TEST_PATH: Final = "/events/test"
_FILTERS: Final = ("service", "environment")
_PROBLEMS: Final = 20
_LANES: Final = 15
_NEWEST: Final = 10
_PLANS: Final = 10
_LOOKED_AT: Final = 200
_WEEK: Final = "7d"
_WEEK_MS: Final = 7 * 86_400_000

_NO_LANES: Final[Mapping[str, Any]] = MappingProxyType({"lanes": (), "lane_count": 0, "event_count": 0})


class NewestProblems(NamedTuple):
    """The newest open problems, what was published of their causes, by id ('' before the first), and whether there are more of them."""

    problems: Sequence[Any]
    verdicts: Mapping[str, str]
    has_more: bool


class RecentChanges(NamedTuple):
    """The changes of a window: the question they answer, its lanes, and the bars of those that last."""

    question: TimelineQuestion
    lanes: Mapping[str, Any]
    bars: ApiPart


def now_pages(look: LookInside) -> tuple[PageRoute, ...]:
    """Return the page and the action of its button; `look` is asked at each visit."""
    last_good = LastGood()

    async def visit_now(visit: Visit) -> PageResult:
        filters = _read_filters(visit)
        question = read_timeline(filters, visit.now)

        async def read(name: str, answer: Awaitable[Any], default: object) -> DatedPart:
            return await last_good.read(visit, name, answer, default, is_kept=not filters)

        problems, changes, plans = await asyncio.gather(
            read("problems", _ask_problems(visit, filters), NewestProblems([], {}, has_more=False)),
            read("changes", _ask_changes(visit, question), RecentChanges(question, _NO_LANES, ApiPart([]))),
            read("plans", _ask_plans(visit, filters), []),
        )
        open_problems = problems.value.problems
        shown_question, lanes, bars = changes.value
        picture = timeline_lanes(lanes["lanes"], [*problem_bars(open_problems, shown_question), *bars.value], shown_question)
        newest = ApiPart([]) if picture.lanes or open_problems else await _ask_newest(visit, filters)
        refusals = dict.fromkeys(part.refusal for part in (problems, changes, bars, plans, newest) if part.refusal)
        values: dict[str, Any] = {
            "page": _PATH,
            "filters": dict(filters),
            "figures": look(),
            "refusals": list(refusals),
            "as_of": {"problems": problems.at, "changes": changes.at, "plans": plans.at},
            "problems": open_problems,
            "has_more_problems": problems.value.has_more,
            "verdicts": problems.value.verdicts,
            "picture": draw_lanes(picture.lanes, shown_question.window, None) if picture.lanes else "",
            "event_count": lanes["event_count"],
            "lanes_left": lanes["lane_count"] - len(lanes["lanes"]),
            "timeline": question.address,
            "plans": plans.value[:_PLANS],
            "plans_left": len(plans.value) - _PLANS,
            "newest": newest.value,
            "first_calls": first_calls(visit.request) if not (newest.value or filters or picture.lanes or refusals) else [],
            "may_send": visit.may("ingest"),
            "live": join_address("/v1/stream", [("stream", "events"), ("stream", "problems"), *filters]),
        }
        return Show("now.html", values, Unavailable.status if problems.refusal else 200)

    return PageRoute("GET", _PATH, visit_now), PageRoute("POST", _TEST_PATH, send_test_event, "ingest")


async def send_test_event(visit: Visit) -> PageResult:
    """Send an event that says it is a test, and lead to its page. Raises as the API refuses."""
    event = await visit.send("POST", "/v1/events", TEST_EVENT)
    return See(page_address(EVENT_PAGE, event["id"]))


def _read_filters(visit: Visit) -> FormPairs:
    errors = unfit_parameters(visit.query, _FILTERS)
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    return [(name, value) for name, value in visit.query if value.strip()]


async def _ask_problems(visit: Visit, filters: FormPairs) -> NewestProblems:
    question = [("state", "open"), *filters, ("limit", str(_PROBLEMS)), ("include", "causes")]
    answer = await visit.get("/v1/problems", question)
    problems = answer["problems"]
    verdicts = {problem["id"]: say_published(problem["causes"]) for problem in problems}
    return NewestProblems(problems, verdicts, answer["next_cursor"] is not None)


async def _ask_changes(visit: Visit, question: TimelineQuestion) -> RecentChanges:
    """Return the changes of a window. Those that last may be missing alone, where there are too many."""
    pairs = [*question.times, *question.filters, ("by", question.by), ("step", f"{question.step // 1_000}s"), ("limit", str(_LANES))]
    lanes, bars = await asyncio.gather(visit.get("/v1/lanes", pairs), read_part(_ask_lasting(visit, question), (TooMuch,), []))
    return RecentChanges(question, lanes, bars)


async def _ask_lasting(visit: Visit, question: TimelineQuestion) -> list[Any]:
    span = [("at", str(question.window.from_ms)), ("before", "0s"), ("after", f"{question.span - 1}ms")]
    answer = await visit.get("/v1/changes", [*span, ("lasting", f"{question.step}ms"), ("limit", str(_LOOKED_AT))])
    return change_bars(answer["changes"], question)


async def _ask_plans(visit: Visit, filters: FormPairs) -> list[ChangePlan]:
    """Return what is planned for a week or frozen now, in the order of time.

    What touches the week is not filtered by the API, and may be cut before those that fit; what lies in it is.
    """
    limit = ("limit", str(_LOOKED_AT))
    span = [("at", "now"), ("before", "0s"), ("after", _WEEK), limit]
    touching, within = await asyncio.gather(
        visit.get("/v1/changes", span),
        visit.get("/v1/events", [("from", "now"), ("to", rfc3339(visit.now + _WEEK_MS)), *filters, limit]) if filters else _no_events(),
    )
    events = [*(event for event in touching["changes"] if fits_filters(event, filters)), *within["events"]]
    return [plan for plan in read_plans(events, visit.now) if plan.tell_state(visit.now) != "over"]


async def _no_events() -> Mapping[str, Sequence[Any]]:
    return {"events": ()}


async def _ask_newest(visit: Visit, filters: FormPairs) -> ApiPart:
    part = await read_part(visit.get("/v1/events", [*filters, ("limit", str(_NEWEST))]), (TooMuch, Unavailable), {"events": []})
    return part._replace(value=part.value["events"])
