"""Times, durations, numbers and names as people read them: the filters of all templates. Pure.

A time is shown in UTC, as `<time>` with its whole value, from which the script shows the reader's own zone beside it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup, escape

from causeline.schemas.values.times import ms_of

NOTHING: Final = "\u2013"
"""A dash, for what is not known or not there."""
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SECOND_UNIT_BELOW: Final = 10
"""From here on one unit is enough: `12 h`, but `3 h 20 min`."""


def show_moment(value: str | int | None) -> Markup:
    """Return a time (RFC 3339 or ms UTC) as `<time>`, to the second; a dash for none."""
    if value is None:
        return escape(NOTHING)
    at = datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else datetime.fromtimestamp(value / 1_000, UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat().replace("+00:00", "Z"), at.strftime("%Y-%m-%d %H:%M:%S"))


def show_duration(seconds: float | None) -> str:
    """Return a length of time in one or two units, such as `3 h 20 min`; a dash for none."""
    if seconds is None:
        return NOTHING
    whole = round(abs(seconds))
    for number, (size, unit) in enumerate(_UNITS):
        if whole >= size:
            count, rest = divmod(whole, size)
            if count >= _SECOND_UNIT_BELOW or number == len(_UNITS) - 1:
                return f"{round(whole / size)} {unit}"
            smaller, name = _UNITS[number + 1]
            return f"{count} {unit} {rest // smaller} {name}" if rest // smaller else f"{count} {unit}"
    return "0 s"


def seconds_between(start: str, end: str | int) -> float:
    """Return the seconds from a time to another one, of the API or in ms UTC."""
    return ((ms_of(end) if isinstance(end, str) else end) - ms_of(start)) / 1_000


def show_offset(seconds: float) -> str:
    """Return how far a change lies from what it is shown beside: `4 min before`, `10 s after`."""
    return f"{show_duration(seconds)} {'before' if seconds < 0 else 'after'}"


def count_nouns(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: `1 problem`, `1,200 problems`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def show_percent(share: float | None) -> str:
    """Return a share as whole percents; a dash for none."""
    return NOTHING if share is None else f"{share * 100:.0f} %"


FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "moment": show_moment,
    "duration": show_duration,
    "between": seconds_between,
    "offset": show_offset,
    "count_of": count_nouns,
    "percent": show_percent,
}
"""By the name that templates know them by."""
