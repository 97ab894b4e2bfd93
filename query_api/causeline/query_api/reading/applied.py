"""How far the rows are known to be behind the ingest log, as a fold over looks at offsets. Pure; the instants come from outside.

    look n:      end of the ingest partition              E
    look m ≥ n:  the processors are past E; ends of the public partitions, which were read after that     P
    look k ≥ m:  the sink is past P        =>  everything that was on that partition at the instant of look n is in the rows

All three may be one look, as at rest. One instant a partition is followed at a time, so what is known is never newer than the last look
and, of a pipeline that lags by L seconds, at most twice L and two looks old.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Ends(NamedTuple):
    """One look at a partition, offsets of next records: `ingest` and `public` (by topic) were read after `processed`; `sunk` by topic."""

    ingest: int
    processed: int
    public: Mapping[str, int]
    sunk: Mapping[str, int]


class _TopicPosition(NamedTuple):
    at: float
    ingest: int
    public: Mapping[str, int] | None = None


class AppliedOffset(NamedTuple):
    """What is known of a partition: all records below `offset`, which were all that were there at `at`, are in the rows."""

    at: float = float("-inf")
    offset: int = 0


class AppliedLog:
    """The newest known instant of every partition."""

    def __init__(self) -> None:
        self._newest: Final[dict[int, AppliedOffset]] = {}
        self._pending: Final[dict[int, _TopicPosition]] = {}

    def newest(self, partition: int) -> AppliedOffset:
        """Return what is known of a partition, so far nothing where it was never seen."""
        return self._newest.get(partition, AppliedOffset())

    def observe(self, partition: int, ends: Ends, at: float) -> None:
        """Take in a look that began at `at` (seconds that never go back), in the order in which looks began."""
        pending = self._pending.pop(partition, None)
        step = self._step(partition, pending or _TopicPosition(at, ends.ingest), ends)
        if step is None and pending is not None:  # it is applied: the instant of this very look is the next one
            step = self._step(partition, _TopicPosition(at, ends.ingest), ends)
        if step is not None:
            self._pending[partition] = step

    def _step(self, partition: int, pending: _TopicPosition, ends: Ends) -> _TopicPosition | None:
        """Return what is still to be followed, None where it is applied now."""
        if pending.public is None and ends.processed >= pending.ingest:
            pending = pending._replace(public=ends.public)
        if pending.public is None or any(ends.sunk.get(topic, 0) < end for topic, end in pending.public.items()):
            return pending
        self._newest[partition] = AppliedOffset(pending.at, pending.ingest)
        return None
