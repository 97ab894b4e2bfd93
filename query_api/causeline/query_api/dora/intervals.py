"""How sure a ratio is."""

from math import sqrt
from statistics import NormalDist
from typing import Final

_Z: Final = NormalDist().inv_cdf(0.975)


def wilson_interval(successes: int, count: int) -> tuple[float, float] | None:
    """Return the 95 % interval of a ratio by Wilson's score, None of nothing.

    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927); it holds also for few and for none.
    """
    if not count:
        return None
    ratio, share = successes / count, _Z * _Z / count
    centre = ratio + share / 2
    half = _Z * sqrt(ratio * (1 - ratio) / count + share / (4 * count))
    low = 0.0 if not successes else max((centre - half) / (1 + share), 0.0)
    high = 1.0 if successes == count else min((centre + half) / (1 + share), 1.0)
    return low, high
