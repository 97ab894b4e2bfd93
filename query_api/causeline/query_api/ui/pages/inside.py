"""`/inside`: how the server that answers is doing, all tenants together: what comes in and how fast, what is behind, what was turned away.

It is the one page whose data is the server's own: it is given as a value, as to `/readyz`. The marks on the charts are the visitor's own
events, asked of the API as everywhere; without the store the page goes without them.
"""

from typing import Final, NamedTuple

from causeline.query_api.ui.addresses import timeline_address
from causeline.query_api.ui.drawing.chart import ChartLine, draw_chart
from causeline.query_api.ui.drawing.gathering import EventMark, gather_bins
from causeline.query_api.ui.drawing.lanes import Bin, TimeWindow
from causeline.query_api.ui.figures import FigureSample, LookInside, bin_samples, bucket_quantile, merge_samples
from causeline.query_api.ui.visits import PageResult, PageRoute, Show, Visit
from causeline.schemas.values.times import ms_of, rfc3339
from causeline.schemas.web.errors import FieldError, Invalid, Unavailable
from causeline.schemas.web.page_addresses import EVENT_PAGE, page_address

_PATH: Final = "/inside"
_MINUTE: Final = 60_000
_MOST_MARKS: Final = 200


class _Period(NamedTuple):
    length: int
    step: int


_PERIODS: Final = {"15m": _Period(15 * _MINUTE, 30_000), "1h": _Period(60 * _MINUTE, _MINUTE), "6h": _Period(360 * _MINUTE, 6 * _MINUTE)}
"""By their words in the address, with the length of a point of the charts: 60 of them are seen apart. ms."""


def inside_pages(look: LookInside) -> tuple[PageRoute, ...]:
    """Return the page; `look` is asked at each visit."""

    async def visit_inside(visit: Visit) -> PageResult:
        word = dict(visit.query).get("period") or "1h"
        if word not in _PERIODS:
            raise Invalid.naming([FieldError("period", f"is not one of {', '.join(_PERIODS)}")], where="QUERY")
        period, figures = _PERIODS[word], look()
        window = TimeWindow(visit.now - period.length, visit.now)
        samples = bin_samples((sample for sample in figures.samples if sample.at > window.from_ms), period.step)
        marks, is_marked = await _marks(visit, window) if samples else ([], True)
        whole = merge_samples(samples) if samples else None
        return Show(
            "inside.html",
            {
                "page": _PATH,
                "figures": figures,
                "period": word,
                "periods": tuple(_PERIODS),
                "whole": whole,
                "rows": [_row(sample) for sample in reversed(samples)],
                "drops": sorted(whole.drops.items(), key=lambda drop: (-drop[1], drop[0])) if whole else [],
                "charts": _charts(samples, marks, window) if samples else [],
                "is_marked": is_marked,
            },
        )

    return (PageRoute("GET", _PATH, visit_inside),)


async def _marks(visit: Visit, window: TimeWindow) -> tuple[list[Bin], bool]:
    """Return the newest events of the window as marks, and whether the store told them."""
    question = [("from", rfc3339(window.from_ms)), ("to", rfc3339(window.to_ms)), ("limit", str(_MOST_MARKS))]
    try:
        answer = await visit.get("/v1/events", question)
    except Unavailable:
        return [], False
    events = (
        EventMark(ms_of(event["ts"]), event["kind"] or "", event["title"] or "without a title", page_address(EVENT_PAGE, event["id"]))
        for event in answer["events"]
    )
    return gather_bins(events, window, timeline_address), True


def _row(sample: FigureSample) -> dict[str, object]:
    return {
        "at": sample.at,
        "accepted": sample.accepted,
        "rate": _rate(sample),
        "requests": sample.requests,
        "median": _response_ms(sample, 0.5),
        "slow": _response_ms(sample, 0.95),
        "lags": sample.lags,
    }


def _rate(sample: FigureSample) -> float:
    return sample.accepted / sample.seconds if sample.seconds else 0.0


def _response_ms(sample: FigureSample, share: float) -> float | None:
    seconds = bucket_quantile(sample.buckets, share)
    return None if seconds is None else seconds * 1_000


def _charts(samples: list[FigureSample], marks: list[Bin], window: TimeWindow) -> list[tuple[str, object]]:
    """Return the headings of the charts with their pictures."""
    rates = ChartLine("events a second", [(sample.at, _rate(sample)) for sample in samples])
    times = [
        ChartLine(f"{share * 100:.0f} % took at most", [(one.at, _response_ms(one, share)) for one in samples]) for share in (0.5, 0.95)
    ]
    stages = sorted({stage for sample in samples for stage in sample.lags})
    lags = [
        ChartLine(stage, [(sample.at, lag.seconds if (lag := sample.lags.get(stage)) else None) for sample in samples]) for stage in stages
    ]
    return [
        ("Throughput", draw_chart("Events that were accepted, a second", "/s", [rates], marks, window)),
        ("Response Time", draw_chart("How long requests that write took", "ms", times, marks, window)),
        ("Lag", draw_chart("How old the oldest record is that a stage has not applied", "s", lags, [], window)),
    ]
