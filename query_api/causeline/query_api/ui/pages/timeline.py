"""`/timeline`: what happened when, in lanes; a bin of it, or any window, as a list. The address is the question."""

import asyncio
from typing import Any, Final
from urllib.parse import urlencode

from causeline.query_api.ui.addresses import join_address
from causeline.query_api.ui.drawing.lanes import MAX_LANES, draw_lanes, tell_plot
from causeline.query_api.ui.timeline_lanes import change_bars, lane_table, problem_bars, timeline_lanes
from causeline.query_api.ui.timeline_question import LANE_COLUMNS, TIMELINE_PATH, TimelineQuestion, read_timeline
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, Show, Visit
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.errors import TooMuch, TooSlow

_ROWS: Final = 100
_BARS: Final = 200
"""Problems, and changes that last, that are drawn at most; the page says where there are more."""
_NOT_OF_PROBLEMS: Final = ("team", "status")
_NOT_OF_STREAMS: Final = ("team",)
_NO_NEIGHBOURS: Final = {"before": "", "after": ""}
_FIELDS: Final = ("service", "environment", "kind", "team", "q")


async def visit_timeline(visit: Visit) -> PageResult:
    """Show the picture of a window with its table, or its events one by one. Raises Invalid, and as the API refuses a filter."""
    question = read_timeline(visit.query, visit.now)
    try:
        return await (_show_list if question.is_list else _show_lanes)(visit, question)
    except (TooMuch, TooSlow) as refusal:
        return Show("timeline_narrow.html", {**_common(question), "refusal": refusal}, refusal.status)


async def _show_lanes(visit: Visit, question: TimelineQuestion) -> Show:
    pairs = [*question.times, *question.filters, ("by", question.by), ("step", f"{question.step // 1_000}s")]
    answer, problems, changes = await asyncio.gather(
        visit.get("/v1/lanes", [*pairs, ("skip", str(question.skip)), ("limit", str(MAX_LANES))]),
        _ask_problems(visit, question),
        _ask_changes(visit, question),
    )
    bars = [*problem_bars(problems["problems"], question), *change_bars(changes, question)]
    picture = timeline_lanes(answer["lanes"], bars, question)
    behind = question.skip + len(answer["lanes"])
    values: dict[str, Any] = {
        "lanes": picture.lanes,
        "picture": draw_lanes(picture.lanes, question.window, None) if picture.lanes else "",
        "plot": tell_plot(question.window),
        "table": lane_table(picture.lanes, question),
        "bars": bars,
        "bars_elsewhere": picture.bars_elsewhere,
        "event_count": answer["event_count"],
        "lanes_left": answer["lane_count"] - behind if answer["lanes"] else 0,
        "next_lanes": question._replace(skip=behind).address,
        "first_lanes": question._replace(skip=0).address if question.skip else "",
        "has_more_problems": problems["next_cursor"] is not None,
        "has_more_changes": len(changes) == _BARS,
        "neighbours": await _find_neighbours(visit, question) if not (picture.lanes or question.skip) else _NO_NEIGHBOURS,
        "live": _stream_address(question) if question.is_live and question.is_now else "",
        "toggle": question._replace(is_live=not question.is_live).address,
        "list_address": question._replace(is_list=True, skip=0).address,
    }
    return Show("timeline.html", {**_common(question), **values})


async def _show_list(visit: Visit, question: TimelineQuestion) -> Show:
    cursor = [("cursor", question.cursor)] if question.cursor else []
    answer = await visit.get("/v1/events", [*question.times, *question.filters, ("limit", str(_ROWS)), *cursor])
    values = {
        "events": answer["events"],
        "next": f"{question.absolute_address}&{urlencode({'cursor': answer['next_cursor']})}" if answer["next_cursor"] else "",
        "picture_address": question.within(question.window.from_ms - 10 * question.span, question.window.to_ms + 10 * question.span)
        ._replace(is_list=False)
        .address,
    }
    return Show("timeline_list.html", {**_common(question), **values})


def _common(question: TimelineQuestion) -> dict[str, Any]:
    return {
        "page": TIMELINE_PATH,
        "question": question,
        "columns": LANE_COLUMNS,
        "times": {name: value for name, value in question.pairs() if name in ("from", "to")},
        "fields": {name: (question.values(name) or [""])[0] for name in _FIELDS},
        "other_filters": _beyond_the_form(question),
        "moves": question.moves(),
        "narrower": question.narrower(),
        "without_filters": question._replace(filters=[], skip=0, is_list=False).address,
    }


def _beyond_the_form(question: TimelineQuestion) -> FormPairs:
    """Return the filters that the form has no field for, and further values of one that it has: they go along unseen."""
    first = {name: question.values(name)[:1] for name in _FIELDS}
    return [(name, value) for name, value in question.filters if first.get(name) != [value]]


async def _ask_problems(visit: Visit, question: TimelineQuestion) -> Any:
    """Return the problems of the window: none beside a status, which problems do not have."""
    if question.values("status"):
        return {"problems": [], "next_cursor": None}
    filters = [pair for pair in question.filters if pair[0] not in _NOT_OF_PROBLEMS]
    return await visit.get("/v1/problems", [*question.times, *filters, ("limit", str(_BARS))])


async def _ask_changes(visit: Visit, question: TimelineQuestion) -> list[Any]:
    """Return the changes that last longer than a bin: none beside words, which the API does not look for among changes."""
    if question.values("q"):
        return []
    span = [("at", str(question.window.from_ms)), ("before", "0s"), ("after", f"{max(question.span - 1, 0)}ms")]
    answer = await visit.get("/v1/changes", [*span, ("lasting", f"{question.step}ms"), ("limit", str(_BARS))])
    changes: list[Any] = answer["changes"]
    return changes


async def _find_neighbours(visit: Visit, question: TimelineQuestion) -> dict[str, str]:
    """Return where the nearest events before and after an empty window lie, by side; '' for none, or where the search is too large."""
    sides = {"before": [("to", question.times[0][1]), ("order", "desc")], "after": [("from", question.times[1][1]), ("order", "asc")]}
    neighbours = dict(_NO_NEIGHBOURS)
    for side, pairs in sides.items():
        try:
            answer = await visit.get("/v1/events", [*pairs, *question.filters, ("limit", "1")])
        except (TooMuch, TooSlow):
            continue
        for event in answer["events"]:
            at, half = ms_of(event["ts"]), question.span // 2
            neighbours[side] = question.within(at - half, at - half + question.span).address
    return neighbours


def _stream_address(question: TimelineQuestion) -> str:
    pairs = [("stream", "events"), ("stream", "problems"), *(pair for pair in question.filters if pair[0] not in _NOT_OF_STREAMS)]
    return join_address("/v1/stream", pairs)


TIMELINE_PAGES: Final = (PageRoute("GET", TIMELINE_PATH, visit_timeline),)
