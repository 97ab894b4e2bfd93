"""Quantiles: linear between the two nearest values, both ends included (ClickHouse's `quantileExactInclusive`, Excel's PERCENTILE.INC)."""

from collections.abc import Sequence


def quantile(values: Sequence[int], level: float) -> float | None:
    """Return the quantile of sorted values at a level of 0 to 1, None of no values. The arithmetic is the engine's, to the last digit."""
    if not values:
        return None
    place = level * (len(values) - 1) + 1
    whole = int(place)
    if whole >= len(values):
        return float(values[-1])
    return values[whole - 1] + (place - whole) * (values[whole] - values[whole - 1])
