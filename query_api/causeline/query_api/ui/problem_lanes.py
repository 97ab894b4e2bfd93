"""The lanes of a problem's page: its service first, what that depends on under it, and which changes are in them. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from causeline.query_api.ui.addresses import join_address, service_address, timeline_address
from causeline.query_api.ui.drawing.axis import choose_step
from causeline.query_api.ui.drawing.bars import Bar
from causeline.query_api.ui.drawing.gathering import EventMark, gather_bins
from causeline.query_api.ui.drawing.lanes import MAX_BINS, Lane, TimeWindow
from causeline.query_api.ui.problem_windows import ProblemWindow
from causeline.query_api.ui.verdicts import name_change
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address

_CLOSE: Final = ("same_entity", "same_service", "same_tag")
_NO_SERVICE: Final = "without a service"


class ScopedChanges(NamedTuple):
    """The changes of a window that are shown, and those of other services that are not until somebody widens."""

    visible: Sequence[Mapping[str, Any]]
    others: Sequence[Mapping[str, Any]]


def scope_changes(changes: Iterable[Mapping[str, Any]], services: Sequence[str]) -> ScopedChanges:
    """Return changes apart: close ones are of these services, of none, or share an entity or a tag with the problem."""
    visible: list[Mapping[str, Any]] = []
    others: list[Mapping[str, Any]] = []
    for change in changes:
        is_close = not change["service"] or change["service"] in services or change["relation"] in _CLOSE
        (visible if is_close else others).append(change)
    return ScopedChanges(visible, others)


def event_address(event_id: str, problem_id: str) -> str:
    """Return the page of an event from which `Escape` leads back to this problem."""
    return join_address(page_address(EVENT_PAGE, event_id), [("problem", problem_id)])


def lanes_of(
    problem: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], services: Sequence[str], window: ProblemWindow
) -> list[Lane]:
    """Return the lanes: `services` in their order, also where nothing happened there, then those of other changes, the busiest first."""
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for change in changes:
        by_service.setdefault(change["service"], []).append(change)
    rest = sorted((name for name in by_service if name not in services), key=lambda name: (-len(by_service[name]), name))
    names = [*services, *rest]
    return [_lane(name, problem, by_service.get(name, ()), window, is_first=number == 0) for number, name in enumerate(names)]


def _lane(name: str, problem: Mapping[str, Any], changes: Iterable[Mapping[str, Any]], window: ProblemWindow, *, is_first: bool) -> Lane:
    shape = TimeWindow(window.from_ms, window.to_ms)
    step = choose_step(*shape, MAX_BINS)
    bars: list[Bar] = [_problem_bar(problem)] if is_first and _touches(problem, window) else []
    marks: list[EventMark] = []
    for change in changes:
        address, title = event_address(change["id"], problem["id"]), name_change(change)
        if change["start"] and change["end"] and ms_of(change["end"]) - ms_of(change["start"]) >= step:
            bars.append(Bar(ms_of(change["start"]), ms_of(change["end"]), "finished", title, address))
        else:  # what only touches the window with its span stands at its edge: no mark is hidden
            at = min(max(ms_of(change["ts"]), window.from_ms), window.to_ms - 1)
            marks.append(EventMark(at, change["kind"], title, address))
    service = [("service", name)] if name else []
    bins = gather_bins(marks, shape, lambda start, end: timeline_address(start, end, *service, ("list", "1")))
    return Lane(name or _NO_SERVICE, bins, bars, service_address(name) if name else "")


def _problem_bar(problem: Mapping[str, Any]) -> Bar:
    end = None if problem["end"] is None else ms_of(problem["end"])
    name = problem["title"] or "problem"
    return Bar(ms_of(problem["start"]), end, problem["state"], name, page_address(PROBLEM_PAGE, problem["id"]))


def _touches(problem: Mapping[str, Any], window: ProblemWindow) -> bool:
    return window.onset < window.to_ms and (problem["end"] is None or ms_of(problem["end"]) >= window.from_ms)
