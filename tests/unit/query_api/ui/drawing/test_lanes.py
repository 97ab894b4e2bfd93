"""Pictures of time as text: where things lie, that none hides another, and what each is called."""

import gzip
import random
import re
from itertools import pairwise

import pytest

from causeline.query_api.ui.drawing.axis import choose_step, name_span, place_ticks
from causeline.query_api.ui.drawing.bars import Bar
from causeline.query_api.ui.drawing.gathering import EventMark, gather_bins
from causeline.query_api.ui.drawing.lanes import MAX_BINS, Bin, Lane, TimeWindow, draw_lanes
from causeline.query_api.ui.drawing.marks import shape_of, shorten_count
from tests.pages import Seen

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = 1_795_953_600_000  # 2026-11-29T12:00Z
WINDOW = TimeWindow(NOON, NOON + HOUR)
HOSTILE = "</text><script>alert(1)</script>\"' onload=x"


def seen(*lanes: Lane, window: TimeWindow = WINDOW, onset: int | None = None) -> Seen:
    return Seen(200, {}, str(draw_lanes(lanes, window, onset)))


def test_a_bin_is_a_link_that_says_what_it_counts_and_when() -> None:
    page = seen(Lane("checkout", [Bin(NOON, NOON + MINUTE, {"deployment": 2, "flag": 1}, "/timeline?list=1")]))
    assert page.links == [("/timeline?list=1", "2026-11-29 12:00 to 12:01: 2 deployment, 1 flag3")]
    assert "checkout" in page.text
    assert "several kinds" in page.text, "what the shape means"


@pytest.mark.parametrize("overlap", [0, 1, 5])
def test_bars_that_overlap_lie_in_rows(overlap: int) -> None:
    bars = [Bar(NOON, NOON + HOUR, "closed", f"problem {number}", f"/problems/{number}") for number in range(overlap + 1)]
    tops = re.findall(r'class="bar closed"><title>[^<]*</title><path d="M190 (\d+)', seen(Lane("checkout", (), bars)).html)
    assert len(set(tops)) == overlap + 1


def test_bars_that_follow_each_other_share_a_row() -> None:
    bars = [Bar(NOON + number * 20 * MINUTE, NOON + (number * 20 + 10) * MINUTE, "closed", "one", "/") for number in range(3)]
    assert len(set(re.findall(r'</title><path d="M[\d.]+ ([\d.]+)H', seen(Lane("checkout", (), bars)).html))) == 1


def test_what_goes_on_ends_in_a_tip_and_says_since_when() -> None:
    html = seen(Lane("checkout", (), [Bar(NOON - DAY, None, "open", "Slow", "/problems/1")])).html
    assert "<title>Slow: open problem, since 2026-11-28 12:00</title>" in html
    assert re.search(r'<path d="M190 \d+H1190l5 6 -5 6H190z"/>', html)


def test_the_onset_is_a_line_where_the_window_has_it() -> None:
    assert 'class="onset"' in seen(onset=NOON).html
    assert 'class="onset"' not in seen(onset=NOON + HOUR).html
    assert 'class="onset"' not in seen().html


def test_what_clients_wrote_is_text() -> None:
    bars, bins = [Bar(NOON, None, "open", HOSTILE, "/")], [Bin(NOON, NOON + MINUTE, {HOSTILE: 1}, f"/?{HOSTILE}")]
    page = seen(Lane(HOSTILE, bins, bars, f"/{HOSTILE}"))
    assert HOSTILE in page.text
    assert not page.all("script")
    assert {name for _, attributes in page.elements for name in attributes if name == "style" or name.startswith("on")} == set()


@pytest.mark.parametrize(
    ("span", "step", "labels"),
    [
        (HOUR, 5 * MINUTE, ["12:00", "12:05", "12:10"]),
        (DAY, 2 * HOUR, ["12:00", "14:00", "16:00"]),
        (7 * DAY, DAY, ["2026-11-30", "2026-12-01", "2026-12-02"]),
        (20_000, 2_000, ["12:00:00", "12:00:02", "12:00:04"]),
    ],
)
def test_ticks_are_round_times_in_utc(span: int, step: int, labels: list[str]) -> None:
    ticks = place_ticks(NOON, NOON + span)
    assert [tick.label for tick in ticks[:3]] == labels
    assert {after.at - before.at for before, after in pairwise(ticks)} == {step}


def test_an_axis_says_the_day_once() -> None:
    days = [tick.day for tick in place_ticks(NOON, NOON + DAY) if tick.day]
    assert days == ["2026-11-29", "2026-11-30"]
    assert name_span(NOON, NOON + DAY) == "2026-11-29 12:00 to 2026-11-30 12:00"


@pytest.mark.parametrize("span", [1_000, 59_999, HOUR, 6 * HOUR + 1, DAY, 31 * DAY, 3_660 * DAY])
@pytest.mark.parametrize("shift", [0, 1, 61_234])
def test_no_window_has_more_bins_than_are_told_apart(span: int, shift: int) -> None:
    first, last = NOON + shift, NOON + shift + span
    step = choose_step(first, last, MAX_BINS)
    assert -(-last // step) - first // step <= MAX_BINS


def test_an_event_that_is_alone_links_to_itself_and_several_to_their_list() -> None:
    events = [EventMark(NOON + at, "deployment", f"Deploy {at}", f"/events/{at}") for at in (0, 1_000, 10 * MINUTE, HOUR)]
    first, second = gather_bins(events, WINDOW, lambda start, end: f"/list?{start - NOON}-{end - NOON}")
    assert (first.counts, first.address) == ({"deployment": 2}, "/list?0-60000")
    assert (second.name, second.address) == ("Deploy 600000: deployment, 2026-11-29 12:10", "/events/600000")


def test_kinds_have_shapes_and_any_other_kind_one_too() -> None:
    assert shape_of({"deployment": 1, "release": 5}) == shape_of({"deployment": 1}) != shape_of({"flag": 1})
    assert shape_of({HOSTILE: 1}).word == "any other kind"
    assert shape_of({"flag": 1, HOSTILE: 1}).word == "several kinds"


@pytest.mark.parametrize(
    ("number", "text"), [(2, "2"), (999, "999"), (1_234, "1.2k"), (9_999, "10k"), (45_678, "45k"), (1_000_000, "1M"), (2_500_000, "2.5M")]
)
def test_a_count_fits_under_its_mark(number: int, text: str) -> None:
    assert shorten_count(number) == text


def test_ten_thousand_events_are_a_small_picture() -> None:
    chance = random.Random(14)
    kinds = ["deployment"] * 6 + ["config_change", "flag"]
    counts: dict[tuple[int, int], dict[str, int]] = {}
    for _ in range(10_000):
        lane, place = min(int(chance.paretovariate(0.9)), 40) - 1, int(chance.triangular(0, 60, 40))
        kind = chance.choice(kinds)
        at = counts.setdefault((lane, place), {})
        at[kind] = at.get(kind, 0) + 1
    bins: dict[int, list[Bin]] = {}
    for (lane, place), by_kind in sorted(counts.items()):
        bins.setdefault(lane, []).append(_bin(place, by_kind))
    lanes = [Lane(f"service-{lane}", marks) for lane, marks in bins.items()]
    html = seen(*lanes).html
    assert len(gzip.compress(html.encode(), 6)) < 10_240, len(counts)


def _bin(place: int, counts: dict[str, int]) -> Bin:
    start = NOON + place * MINUTE
    return Bin(start, start + MINUTE, counts, f"/timeline?by=service&from={start}&to={start + MINUTE}&list=1")
