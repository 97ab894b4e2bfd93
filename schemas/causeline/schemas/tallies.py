"""Metrics of what happens for every event: noted at once, counted when somebody reads them, or when many notes wait.

Why: a counter of the library takes a lock, a histogram two and a walk over its buckets, for every event; a note and its share of the
counting take a third of that. What is read is the same. Notes may come from any thread: whoever counts takes each of them out of its
queue once.
"""

from abc import abstractmethod
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import Final

from prometheus_client import Counter, Histogram
from prometheus_client.metrics import MetricWrapperBase
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


class _Tallied(MetricWrapperBase):
    """What a metric does with its notes; `_count` is how it counts them."""

    def _metric_init(self) -> None:
        super()._metric_init()  # type: ignore[no-untyped-call]
        self._notes: deque[float] = deque()

    def _note(self, amount: float) -> None:
        self._notes.append(amount)
        if len(self._notes) >= _MANY:
            self._count(_take(self._notes))

    @abstractmethod
    def _count(self, amounts: list[float]) -> None: ...

    def _child_samples(self) -> Iterable[Sample]:
        self._count(_take(self._notes))
        return super()._child_samples()


class TalliedCounter(_Tallied, Counter):
    """A Counter of what is counted for every event."""

    def inc(self, amount: float = 1, exemplar: dict[str, str] | None = None) -> None:
        """See Counter.inc."""
        if exemplar or amount < 0:
            super().inc(amount, exemplar)
        else:
            self._note(amount)

    def _count(self, amounts: list[float]) -> None:
        self._value.inc(sum(amounts))


class TalliedHistogram(_Tallied, Histogram):
    """A Histogram of what is observed for every event."""

    def observe(self, amount: float, exemplar: dict[str, str] | None = None) -> None:
        """See Histogram.observe."""
        if exemplar:
            super().observe(amount, exemplar)
        else:
            self._note(amount)

    def _count(self, amounts: list[float]) -> None:
        in_buckets = [0] * len(self._upper_bounds)
        for amount in amounts:
            in_buckets[bisect_left(self._upper_bounds, amount)] += 1
        self._sum.inc(sum(amounts))
        for bucket, count in zip(self._buckets, in_buckets, strict=True):
            if count:
                bucket.inc(count)
