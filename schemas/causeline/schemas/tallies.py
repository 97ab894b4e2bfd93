"""Metrics of what happens for every event: noted at once, counted when somebody reads them, or when many notes wait.

Why: a counter of the library takes a lock, a histogram two and a walk over its buckets, for every event; a note and its share of the
counting take a third of that. What is read is the same. Notes may come from any thread: whoever counts takes each of them out of its
queue once.
"""

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.samples import Sample

_MANY: Final = 1_024
"""Notes of one series that wait at most: 40 KB, counted in a quarter of a millisecond."""


def _take(notes: deque[float]) -> list[float]:
    """Return the notes that wait now, in their order, each taken out."""
    amounts: list[float] = []
    for _ in range(len(notes)):
        try:
            amounts.append(notes.popleft())
        except IndexError:  # another thread counts too
            break
    return amounts


class TalliedCounter(Counter):
    """A Counter of what is counted for every event."""

    def _metric_init(self) -> None:
        super()._metric_init()
        self._notes: deque[float] = deque()

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """See Counter.inc."""
        if exemplar or amount < 0:
            super().inc(amount, exemplar)
            return
        self._notes.append(amount)
        if len(self._notes) >= _MANY:
            self._count()

    def _count(self) -> None:
        self._value.inc(sum(_take(self._notes)))

    def _child_samples(self) -> Iterable[Sample]:
        self._count()
        return super()._child_samples()


class TalliedHistogram(Histogram):
    """A Histogram of what is observed for every event."""

    def _metric_init(self) -> None:
        super()._metric_init()
        self._notes: deque[float] = deque()

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """See Histogram.observe."""
        if exemplar:
            super().observe(amount, exemplar)
            return
        self._notes.append(amount)
        if len(self._notes) >= _MANY:
            self._count()

    def _count(self) -> None:
        amounts = _take(self._notes)
        in_buckets = [0] * len(self._upper_bounds)
        for amount in amounts:
            in_buckets[bisect_left(self._upper_bounds, amount)] += 1
        self._sum.inc(sum(amounts))
        for bucket, count in zip(self._buckets, in_buckets, strict=True):
            if count:
                bucket.inc(count)

    def _child_samples(self) -> Iterable[Sample]:
        self._count()
        return super()._child_samples()
