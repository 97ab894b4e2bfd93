"""What one feature has to say of one candidate, before it is weighed."""

from types import MappingProxyType
from typing import Final, NamedTuple

_KINDS: Final = MappingProxyType({"scale": "scaling", "flag": "flag change", "infrastructure": "infrastructure change"})


class Term(NamedTuple):
    """A number that a weight of the model multiplies, by the weight's name."""

    weight: str
    value: float


class Evidence(NamedTuple):
    """The terms of a feature, and what they mean in words for who reads them in the middle of the night."""

    terms: tuple[Term, ...]
    text: str


def say_duration(ms: float) -> str:
    """Return a time in the one unit that fits it: `40 s`, `4 min`, `3 h`, `2 days`."""
    seconds = abs(ms) / 1000
    for unit, size, most in (("s", 1, 90), ("min", 60, 90 * 60), ("h", 3_600, 36 * 3_600)):
        if seconds < most:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"


def say_kind(kind: str) -> str:
    """Return a kind as one of it is called, without an article."""
    return _KINDS.get(kind, kind.replace("_", " "))


def clip(value: float, least: float, most: float) -> float:
    """Return the value, or the bound that it is beyond."""
    return max(least, min(most, value))
