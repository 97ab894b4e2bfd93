"""Arrays that everything here is made of: whole numbers, bits, texts by number, and the order of time."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
Bits = npt.NDArray[np.bool_]


def numbers(values: Iterable[int], size: int = -1) -> Numbers:
    """Return whole numbers as an array; `size` is how many they are, if that is known."""
    return np.fromiter(values, np.int64, size)


class Coded(NamedTuple):
    """Texts as numbers: `names[codes[k]]` is the k-th one, `by_text` has the number of each."""

    codes: Numbers
    by_text: Mapping[str, int]

    @property
    def names(self) -> list[str]:
        """Return the texts by their numbers."""
        return list(self.by_text)


def code(texts: Sequence[str]) -> Coded:
    """Return texts as numbers, those that are equal by one."""
    by_text: defaultdict[str, int] = defaultdict(count().__next__)  # the next number for each that is new
    codes = numbers(map(by_text.__getitem__, texts), len(texts))
    by_text.default_factory = None
    return Coded(codes, by_text)


def order_of(ends: Numbers, ids: Sequence[str]) -> Numbers:
    """Return the order of what ended at these instants, of one instant by id."""
    order = np.argsort(ends, kind="stable").astype(np.int64)
    same = np.flatnonzero(np.diff(ends[order]) == 0)
    for run in np.split(same, np.flatnonzero(np.diff(same) > 1) + 1):
        if len(run):
            low, high = run[0], run[-1] + 2
            order[low:high] = sorted(order[low:high], key=ids.__getitem__)
    return order


def starts_of(values: Numbers) -> Numbers:
    """Return where runs of one value begin in an array whose equal values lie together."""
    return np.flatnonzero(np.concatenate(([True], values[1:] != values[:-1]))) if len(values) else values


def median_of(values: Numbers) -> float | None:
    """Return the median, of an even number the mean of the middle two; None of nothing. As `statistics.median` has it."""
    if not len(values):
        return None
    low, high = (len(values) - 1) // 2, len(values) // 2
    middle = np.partition(values, (low, high))
    return (int(middle[low]) + int(middle[high])) / 2
