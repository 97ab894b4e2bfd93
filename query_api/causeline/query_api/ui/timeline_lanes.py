"""The lanes of the timeline, out of what the API says of events, problems and changes that last. Pure; times are ms UTC."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from causeline.query_api.ui.addresses import service_address
from causeline.query_api.ui.drawing.axis import name_minute, name_moment
from causeline.query_api.ui.drawing.bars import Bar, BarState
from causeline.query_api.ui.drawing.lanes import MAX_LANES, Bin, Lane
from causeline.query_api.ui.plans import FREEZE_KINDS, span_of_view
from causeline.query_api.ui.timeline_question import TimelineQuestion
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE, page_address

_DAY: Final = 86_400_000
_OTHER_KINDS: Final = "of other kinds"
_COLUMNS: Final = ("service", "environment", "kind", "team", "status", "priority", "dialect")


class LaneBar(NamedTuple):
    """A bar and the name of the lane that it lies in."""

    lane: str
    bar: Bar


class TimelineLanes(NamedTuple):
    """What is drawn, and the bars whose lanes are not in the picture."""

    lanes: Sequence[Lane]
    bars_elsewhere: Sequence[LaneBar]


class LaneRow(NamedTuple):
    """A lane in a table: how many events it has, and how many of each column, none where there was nothing."""

    name: str
    total: int
    counts: Sequence[int | None]


class LaneTable(NamedTuple):
    """The lanes of a picture as a table: what its columns are called, and its rows."""

    columns: Sequence[str]
    rows: Sequence[LaneRow]


def lane_table(lanes: Iterable[Lane], question: TimelineQuestion) -> LaneTable:
    """Return the same counts as a picture of lanes, without the columns that are empty throughout."""
    totals = [(lane.name, {one.start: sum(one.counts.values()) for one in lane.bins}) for lane in lanes]
    starts = sorted({start for _, counts in totals for start in counts})
    names = [name_moment(start, question.step) if question.span <= _DAY else name_minute(start) for start in starts]
    return LaneTable(names, [LaneRow(name, sum(counts.values()), [counts.get(start) for start in starts]) for name, counts in totals])


def problem_bars(problems: Iterable[Mapping[str, Any]], question: TimelineQuestion) -> list[LaneBar]:
    """Return problems as bars, of the teams that are asked for, which the API does not ask problems for."""
    teams = question.values("team")
    column = "state" if question.by == "status" else question.by
    return [LaneBar(problem[column], _problem_bar(problem)) for problem in problems if not teams or problem["team"] in teams]


def _problem_bar(problem: Mapping[str, Any]) -> Bar:
    end = None if problem["end"] is None else ms_of(problem["end"])
    address = page_address(PROBLEM_PAGE, problem["id"])
    return Bar(ms_of(problem["start"]), end, problem["state"], problem["title"] or "without a title", address)


def change_bars(changes: Iterable[Mapping[str, Any]], question: TimelineQuestion) -> list[LaneBar]:
    """Return changes that last as bars: those that pass the filters, which `GET /v1/changes` does not have."""
    return [LaneBar(change[question.by], change_bar(change, question.now)) for change in changes if _passes(change, question)]


def change_bar(change: Mapping[str, Any], now: int) -> Bar:
    """Return a change that lasts as a bar: a freeze, one to come, one under way, or one that is over."""
    start, end = span_of_view(change)
    state: BarState = "frozen" if change["kind"] in FREEZE_KINDS else "planned" if start > now else "running" if end > now else "finished"
    return Bar(start, end, state, change["title"] or change["kind"], page_address(EVENT_PAGE, change["id"]))


def _passes(change: Mapping[str, Any], question: TimelineQuestion) -> bool:
    for column in _COLUMNS:
        values = question.values(column)
        if values and change[column] not in ([value.lower() for value in values] if column in ("kind", "status") else values):
            return False
    tags, entities = question.values("tag"), question.values("entity")
    own_tags = {f"{key.replace(':', chr(92) + ':')}:{value}" for key, value in change["tags"].items()}
    return (not tags or not own_tags.isdisjoint(tags)) and (not entities or not set(entities).isdisjoint(change["entities"]))


def timeline_lanes(lanes: Iterable[Mapping[str, Any]], bars: Iterable[LaneBar], question: TimelineQuestion) -> TimelineLanes:
    """Return the lanes as the API has them, each with its bars, then those that have bars only, as many as a picture takes."""
    by_lane: dict[str, list[Bar]] = {}
    for lane, bar in bars:
        by_lane.setdefault(lane, []).append(bar)
    visible = [_lane(lane["name"], lane["bins"], by_lane.pop(lane["name"], []), question) for lane in lanes]
    room = sorted(by_lane)[: MAX_LANES - len(visible)] if not question.skip else []
    visible += [_lane(name, (), by_lane.pop(name), question) for name in room]
    return TimelineLanes(visible, [LaneBar(lane, bar) for lane in sorted(by_lane) for bar in by_lane[lane]])


def _lane(name: str, bins: Iterable[Mapping[str, Any]], bars: Sequence[Bar], question: TimelineQuestion) -> Lane:
    address = service_address(name) if name and question.by == "service" else question.of_lane(name).address if name else ""
    return Lane(name or f"no {question.by}", [_bin(one, name, question) for one in bins], bars, address)


def _bin(one: Mapping[str, Any], lane: str, question: TimelineQuestion) -> Bin:
    start = ms_of(one["start"])
    others = one["count"] - sum(one["counts"].values())
    counts = {**one["counts"], **({_OTHER_KINDS: others} if others else {})}
    return Bin(start, start + question.step, counts, question.listing(start, start + question.step, lane))
