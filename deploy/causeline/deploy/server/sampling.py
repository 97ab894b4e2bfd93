"""What a server remembers of its own figures, for `/inside`: counters as they stand, read now and then, become samples of six hours. Pure.

The counters are those of `/metrics`; what a sample says is in `causeline.query_api.ui.figures`.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from causeline.query_api.ui.figures import Drop, FigureSample, StageLag

SAMPLE_S: Final = 10.0
_MOST: Final = 2_160
"""Six hours; each takes about 0.5 KB."""


class CounterReading(NamedTuple):
    """Counters as they stand at `at` (ms UTC) and `steady` (ms of a clock that never steps back); `buckets` are cumulative, as read."""

    at: int
    steady: int
    accepted: int
    buckets: Sequence[int]
    drops: Mapping[Drop, int]


class Measuring(NamedTuple):
    """Where the figures of `/inside` come from: the samples, and how far the stages are behind now."""

    samples: Callable[[], Sequence[FigureSample]]
    lags: Callable[[], Mapping[str, StageLag]]


UNMEASURED: Final = Measuring(tuple, dict)
"""Of a server that does not measure itself."""


class SampleRing:
    """The newest samples, in the order of time."""

    def __init__(self) -> None:
        self._samples: deque[FigureSample] = deque(maxlen=_MOST)
        self._before: CounterReading | None = None

    def observe(self, reading: CounterReading, lags: Mapping[str, StageLag]) -> None:
        """Take in the next reading, and how far the stages are behind. The first one only says from where on is counted."""
        if self._before is not None:
            self._samples.append(sample_between(self._before, reading, lags))
        self._before = reading

    def samples(self) -> Sequence[FigureSample]:
        """Return them."""
        return tuple(self._samples)


def sample_between(before: CounterReading, after: CounterReading, lags: Mapping[str, StageLag]) -> FigureSample:
    """Return what happened between two readings."""
    counts = [now - then for then, now in zip(before.buckets, after.buckets, strict=True)]
    drops = {drop: count for drop, total in after.drops.items() if (count := total - before.drops.get(drop, 0))}
    return FigureSample(
        at=after.at,
        seconds=(after.steady - before.steady) / 1_000,
        accepted=after.accepted - before.accepted,
        buckets=tuple(upper - lower for lower, upper in pairwise([0, *counts])),
        drops=drops,
        lags=lags,
    )
