"""How far the processors and the sink are behind, judged from offsets alone: a fold over looks at the log, with the time as an argument.

Any server can tell it so, whichever process runs them. The age of what waits is known as well as the looks are apart: of the first end
beyond what a stage has committed it is remembered when it was seen.
"""

from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Final

from causeline.deploy.server.readiness import Look
from causeline.processors.sink.ports import TopicPartition
from causeline.query_api.ui.figures import StageLag
from causeline.schemas.topics import INGEST

_MEMORY: Final = 600
"""Ends of a partition that are remembered: ten minutes in which something came with every look, 40 KB. While more wait the newest one is
moved on, so that the age of the oldest stays right."""


class LagFold:
    """Folds looks at the log into the lag of each stage. Times are ms of a clock that never steps back."""

    def __init__(self) -> None:
        self._ends: dict[TopicPartition, deque[tuple[int, int]]] = defaultdict(deque)
        self.lags: Mapping[str, StageLag] = {}

    def observe(self, look: Look, now: int) -> None:
        """Take in one look, made at `now`."""
        ingest = {tp: end for tp, end in look.ends.items() if tp.topic == INGEST}
        public = {tp: end for tp, end in look.ends.items() if tp.topic != INGEST}
        self.lags = {"processors": self._lag(ingest, look.processed, now), "sink": self._lag(public, look.sunk, now)}

    def _lag(self, ends: Mapping[TopicPartition, int], offsets: Mapping[TopicPartition, int], now: int) -> StageLag:
        waiting, oldest = 0, now
        for tp, end in ends.items():
            offset = offsets.get(tp, 0)
            pending = self._ends[tp]
            self._remember(pending, end, now)
            while pending and pending[0][0] <= offset:
                pending.popleft()
            waiting += max(end - offset, 0)
            if pending:
                oldest = min(oldest, pending[0][1])
        return StageLag((now - oldest) / 1_000, waiting)

    @staticmethod
    def _remember(pending: deque[tuple[int, int]], end: int, now: int) -> None:
        if pending and pending[-1][0] >= end:
            return
        if len(pending) >= _MEMORY:
            pending[-1] = (end, pending[-1][1])
        else:
            pending.append((end, now))
