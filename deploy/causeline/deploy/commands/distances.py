"""How far one moment is from another, in the words that reasons say it in, and how long something took. Pure."""

from typing import Final

from causeline.query_api.causes.evidence import say_duration

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400


def short_distance(seconds: float) -> str:
    """Return how far a change is from the start of its problem: `4 min before`."""
    return f"{say_duration(seconds * 1_000)} {'after' if seconds > 0 else 'before'}"


def short_duration(seconds: float) -> str:
    """Return how long something took, in the largest unit that it has two of: `90.0 min`, `18.0 h`."""
    size = abs(seconds)
    unit, name = next(((unit, name) for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")) if size >= 2 * unit), (1, "s"))
    return f"{seconds / unit:.1f} {name}"
