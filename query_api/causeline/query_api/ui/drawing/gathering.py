"""Single events become bins: an event that is alone in its stretch of time links to itself, several to their list. Pure; ms UTC."""

from collections import Counter
from collections.abc import Callable, Iterable
from itertools import groupby
from typing import NamedTuple

from causeline.query_api.ui.drawing.axis import choose_step, name_minute
from causeline.query_api.ui.drawing.lanes import MAX_BINS, Bin, TimeWindow


class EventMark(NamedTuple):
    """An event as a picture knows it: when, of which kind, its title, and its page."""

    at: int
    kind: str
    name: str
    address: str


def gather_bins(events: Iterable[EventMark], window: TimeWindow, list_address: Callable[[int, int], str]) -> list[Bin]:
    """Return the events of a window as bins, in order. `list_address` is where those of [start, end) are listed."""
    step = choose_step(*window, MAX_BINS)
    visible = sorted(event for event in events if window.from_ms <= event.at < window.to_ms)
    return [_bin(start * step, step, list(members), list_address) for start, members in groupby(visible, lambda event: event.at // step)]


def _bin(start: int, step: int, events: list[EventMark], list_address: Callable[[int, int], str]) -> Bin:
    if len(events) == 1:
        only = events[0]
        return Bin(start, start + step, {only.kind: 1}, only.address, f"{only.name}: {only.kind}, {name_minute(only.at)}")
    return Bin(start, start + step, Counter(event.kind for event in events), list_address(start, start + step))
