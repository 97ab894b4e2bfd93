"""What the page of one service is made of: the line of its problems, the changes of each day, and its neighbours as links. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from markupsafe import Markup

from causeline.query_api.ui.addresses import join_address, service_address
from causeline.query_api.ui.drawing.state_line import StateSpan, draw_state_line
from causeline.query_api.ui.drawing.trend import TrendPoint, draw_trend, largest_value
from causeline.query_api.ui.service_rows import sum_labels
from causeline.query_api.ui.visits import FormPairs
from causeline.query_api.ui.wording import count_nouns, seconds_between, show_duration
from causeline.schemas.values.times import ms_of
from causeline.schemas.web.page_addresses import PROBLEM_PAGE, page_address


class ServiceLink(NamedTuple):
    """A service on either end of a dependency."""

    name: str
    address: str


class DayOfChanges(NamedTuple):
    """A day (UTC) with its changes: how many, of which kinds in words, and where they are listed."""

    label: str
    changes: int
    kinds: str
    address: str


class ChangeRateView(NamedTuple):
    """How often something changed: in all, a day, by kind, day by day, and as a picture whose top stands for `top` changes."""

    total: int
    per_day: float
    kinds: Sequence[tuple[str, int]]
    days: Sequence[DayOfChanges]
    picture: Markup
    top: int


def state_line(problems: Iterable[Mapping[str, Any]], from_ms: int, now: int) -> Markup:
    """Return the line of a service's problems until now (ms UTC)."""
    spans = [
        StateSpan(
            start=ms_of(problem["start"]),
            end=None if problem["end"] is None else ms_of(problem["end"]),
            name=_name_problem(problem, now),
            address=page_address(PROBLEM_PAGE, problem["id"]),
        )
        for problem in problems
    ]
    summary = f"{count_nouns(len(spans), 'problem')}, {sum(span.end is None for span in spans)} open"
    return draw_state_line(spans, from_ms, now, summary, "#problems")


def _name_problem(problem: Mapping[str, Any], now: int) -> str:
    length = show_duration(seconds_between(problem["start"], problem["end"] or now))
    return f"{problem['title'] or 'without a title'}: {problem['state']}, {length} from {problem['start'][:16].replace('T', ' ')}"


def change_rate(buckets: Sequence[Mapping[str, Any]], names: FormPairs, from_ms: int, now: int) -> ChangeRateView:
    """Return how often a service changed, from a histogram by kind and day; `names` are the filters that it was counted by."""
    totals = sum_labels(buckets)
    ends = [*(bucket["start"] for bucket in buckets[1:]), "now"]
    days = [
        DayOfChanges(
            label=bucket["start"][:10],
            changes=sum(bucket["counts"].values()),
            kinds=", ".join(f"{count} {kind}" for kind, count in sorted(bucket["counts"].items())),
            address=join_address("/timeline", [("from", bucket["start"]), ("to", end), *names]),
        )
        for bucket, end in zip(buckets, ends, strict=True)
    ]
    points = [TrendPoint(day.changes, f"{day.label}: {count_nouns(day.changes, 'change')}", day.address) for day in days]
    total = totals.total()
    return ChangeRateView(
        total=total,
        per_day=total * 86_400_000 / max(now - from_ms, 1),
        kinds=totals.most_common(),
        days=days,
        picture=draw_trend(points, "Changes by day"),
        top=round(largest_value(points)),
    )


def neighbours(names: Iterable[str]) -> list[ServiceLink]:
    """Return services as links, in the order of names."""
    return [ServiceLink(name, service_address(name)) for name in sorted(names)]
