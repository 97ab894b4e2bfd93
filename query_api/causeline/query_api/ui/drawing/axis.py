"""An axis of time in UTC: which steps are round, where its ticks stand, and what a moment is called on it. Pure; times are ms UTC."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

_SECOND: Final = 1_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_STEPS: Final = (
    *(number * _SECOND for number in (1, 2, 5, 10, 30)),
    *(number * _MINUTE for number in (1, 2, 5, 10, 15, 30)),
    *(number * _HOUR for number in (1, 2, 3, 6, 12)),
    *(number * _DAY for number in (1, 2, 7, 14, 28, 91, 182, 364, 728)),
)
"""Each is what people count time by, and the next one of most. Multiples of them since the epoch are round times."""
MOST_TICKS: Final = 12


class AxisTick(NamedTuple):
    """A round time of an axis, what it is called, and the day above it where that is another than the tick's before it."""

    at: int
    label: str
    day: str


def choose_step(from_ms: int, to_ms: int, most: int) -> int:
    """Return the shortest round step (ms) that cuts [from_ms, to_ms) into at most so many, those that it begins and ends within counted."""
    return next((step for step in _STEPS if -(-to_ms // step) - from_ms // step <= most), _STEPS[-1])


def place_ticks(from_ms: int, to_ms: int) -> list[AxisTick]:
    """Return the ticks of [from_ms, to_ms), in order; none where that is empty."""
    step = choose_step(from_ms, to_ms, MOST_TICKS)
    ticks: list[AxisTick] = []
    previous_day = ""
    for at in range(-(-from_ms // step) * step, to_ms, step):
        day = name_moment(at, _DAY)
        ticks.append(AxisTick(at, name_moment(at, step), day if step < _DAY and day != previous_day else ""))
        previous_day = day
    return ticks


def name_moment(at: int, step: int) -> str:
    """Return what a time is called among others that lie a step apart: the day, the minute, or the second."""
    moment = datetime.fromtimestamp(at / _SECOND, UTC)
    if step >= _DAY:
        return f"{moment:%Y-%m-%d}"
    return f"{moment:%H:%M}" if step >= _MINUTE else f"{moment:%H:%M:%S}"


def name_minute(at: int) -> str:
    """Return a time with its day, to the minute."""
    return f"{name_moment(at, _DAY)} {name_moment(at, _MINUTE)}"


def name_span(from_ms: int, to_ms: int) -> str:
    """Return what [from_ms, to_ms) is called, to the minute: the day once, where it begins and ends on the same."""
    is_one_day = name_moment(from_ms, _DAY) == name_moment(to_ms, _DAY)
    return f"{name_minute(from_ms)} to {name_moment(to_ms, _MINUTE) if is_one_day else name_minute(to_ms)}"
