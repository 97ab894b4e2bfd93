"""What an address of the timeline asks: its window, its lanes, its filters; and the addresses from there on. Pure; times are ms UTC.

The address is the whole state. A window that ends now says so in it, and goes on when the page is loaded again.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple, cast, get_args
from urllib.parse import urlencode

from causeline.query_api.questions.parameters import MAX_LANE_COUNT, MAX_SPAN_MS, parse_time
from causeline.query_api.questions.query import LaneBy
from causeline.query_api.ui.addresses import unfit_parameters
from causeline.query_api.ui.drawing.axis import choose_step
from causeline.query_api.ui.drawing.lanes import MAX_BINS, TimeWindow
from causeline.query_api.ui.visits import FormPairs
from causeline.schemas.values.times import MAX_MS, MIN_MS, rfc3339
from causeline.schemas.web.errors import FieldError, Invalid

TIMELINE_PATH: Final = "/timeline"
LANE_COLUMNS: Final[tuple[LaneBy, ...]] = get_args(LaneBy)
_FILTERS: Final = ("service", "environment", "kind", "team", "status", "priority", "dialect", "entity", "tag", "q")
_OWN: Final = ("from", "to", "by", "skip", "live", "list", "cursor")
_SECOND: Final = 1_000
_MINUTE: Final = 60_000
_USUAL: Final = 120 * _MINUTE
_NARROW: Final = 360 * _MINUTE


class TimelineQuestion(NamedTuple):
    """A window in lanes `by` a column, of the events that the filters leave. `is_list`: these events one by one, not as a picture.

    `now` is the millisecond after this one: what came in this very moment is in a window that ends now.
    """

    window: TimeWindow
    by: LaneBy
    filters: FormPairs
    now: int
    skip: int = 0
    is_live: bool = True
    is_list: bool = False
    cursor: str = ""

    @property
    def span(self) -> int:
        """Return how long the window is (ms)."""
        return self.window.to_ms - self.window.from_ms

    @property
    def step(self) -> int:
        """Return how long a bin is (ms)."""
        return choose_step(*self.window, MAX_BINS)

    @property
    def times(self) -> FormPairs:
        """Return the window as the API takes it."""
        return [("from", _write_moment(self.window.from_ms)), ("to", _write_moment(self.window.to_ms))]

    @property
    def is_now(self) -> bool:
        """Tell whether the window ends now, so that what comes in would be in it."""
        return self.window.from_ms < self.now <= self.window.to_ms

    def pairs(self) -> FormPairs:
        """Return this question as an address says it, what goes without saying left out."""
        is_usual = self.window == TimeWindow(self.now - _USUAL, self.now)
        ends_now = [("from", f"now-{self.span // 1_000}s")] if self.window.to_ms == self.now else self.times
        times: FormPairs = [] if is_usual else ends_now
        own = {"by": self.by if self.by != "service" else "", "skip": str(self.skip or ""), "live": "" if self.is_live else "off"}
        return [*times, *((name, value) for name, value in own.items() if value), *self.filters]

    @property
    def address(self) -> str:
        """Return the address of this question."""
        query = urlencode([*self.pairs(), *([("list", "1")] if self.is_list else [])], safe=":")
        return f"{TIMELINE_PATH}?{query}" if query else TIMELINE_PATH

    @property
    def absolute_address(self) -> str:
        """Return the address of the same window also when it is read later: what the cursor of a next page belongs to."""
        return self._replace(now=MIN_MS).address

    def within(self, from_ms: int, to_ms: int) -> "TimelineQuestion":
        """Return the same question of another window: to whole seconds, unless it ends now, and cut to the times that events can have."""
        low, high = (from_ms, to_ms) if to_ms == self.now else (from_ms // _SECOND * _SECOND, -(-to_ms // _SECOND) * _SECOND)
        low = min(max(low, MIN_MS), MAX_MS - _MINUTE)
        return self._replace(window=TimeWindow(low, max(min(high, MAX_MS, low + MAX_SPAN_MS), low + 1)), skip=0)

    def of_lane(self, name: str) -> "TimelineQuestion":
        """Return the same question of one lane; of the lane without a name the same one, since no filter says that a column is empty."""
        others = [pair for pair in self.filters if pair[0] != self.by]
        return self._replace(filters=[*others, (self.by, name)], skip=0) if name else self

    def listing(self, from_ms: int, to_ms: int, name: str) -> str:
        """Return the address of the events of a bin of a lane, one by one."""
        return self.of_lane(name).within(from_ms, to_ms)._replace(is_list=True).address

    def moves(self) -> Mapping[str, str]:
        """Return the addresses that other windows have, by their keys."""
        low, high = self.window
        quarter, half = max(self.span // 4, 1), max(self.span // 2, 1)
        nearer = self.within(high - max(half, _MINUTE), high) if self.is_now else self.within(low + quarter, high - quarter)
        farther = self.within(high - 2 * self.span, high) if self.is_now else self.within(low - half, high + half)
        return {
            "+": (nearer if self.span > _MINUTE else self).address,
            "-": farther.address,
            "[": self.within(low - half, high - half).address,
            "]": self.within(low + half, high + half).address,
            "n": self.within(self.now - self.span, self.now).address,
        }

    def narrower(self) -> "TimelineQuestion":
        """Return the last 6 hours of the window, of one that is not longer the last half of it: what is asked where it is too large."""
        return self.within(self.window.to_ms - (_NARROW if self.span > _NARROW else max(self.span // 2, 1)), self.window.to_ms)

    def values(self, name: str) -> list[str]:
        """Return the values of a filter."""
        return [value for key, value in self.filters if key == name]


def read_timeline(pairs: FormPairs, now: int) -> TimelineQuestion:
    """Return the question of an address: without times the last two hours. Raises Invalid that names what cannot be read."""
    now += 1
    own = {name: value.strip() for name, value in pairs if name in _OWN}
    errors = unfit_parameters(pairs, (*_OWN, *_FILTERS))
    to_ms = _read_moment(own.get("to", ""), "to", now, now, errors)
    from_ms = _read_moment(own.get("from", ""), "from", to_ms - _USUAL, now, errors)
    by, skip = own.get("by") or "service", own.get("skip") or "0"
    if not errors and not 0 < to_ms - from_ms <= MAX_SPAN_MS:
        errors.append(FieldError("from", f"must be before to, and at most {MAX_SPAN_MS // 86_400_000} days"))
    if by not in LANE_COLUMNS:
        errors.append(FieldError("by", f"is not one of {', '.join(LANE_COLUMNS)}"))
    if not (skip.isascii() and skip.isdigit() and int(skip[:9]) <= MAX_LANE_COUNT * 250):
        errors.append(FieldError("skip", "is not the number of a lane"))
    if errors:
        raise Invalid.naming(errors, where="QUERY")
    return TimelineQuestion(
        TimeWindow(from_ms, to_ms),
        cast("LaneBy", by),
        [(name, value) for name, value in pairs if name in _FILTERS and value.strip()],
        now,
        int(skip),
        own.get("live") != "off",
        own.get("list") == "1",
        own.get("cursor", ""),
    )


def _write_moment(at: int) -> str:
    """Return a time as short as it can be said exactly: most windows begin and end with a second or a minute."""
    text = rfc3339(at).removesuffix(".000Z").removesuffix("Z")
    return f"{text.removesuffix(':00') if text.count(':') > 1 else text}Z"


def _read_moment(text: str, name: str, default: int, now: int, errors: list[FieldError]) -> int:
    try:
        return parse_time(text, now) if text else default
    except ValueError as error:
        errors.append(FieldError(name, str(error)))
        return default
