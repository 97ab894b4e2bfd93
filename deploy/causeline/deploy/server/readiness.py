"""Whether events flow end to end, judged from offsets alone.

A live partition commits at least once a second, because its owner appends a tick when nothing else comes. So a committed offset that stands
still says that the processors are gone, even when nothing is waiting. The sink has nothing to do on a quiet log: it is judged only
while rows are missing. The judgement is a fold over looks at the log, with the time as an argument.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from causeline.processors.sink.ports import TopicPartition
from causeline.schemas.topics import INGEST

STALL_MS: Final = 5_000
"""Five missed ticks. Shorter would flap on a slow broker, longer would hide a dead processor."""


PARTS: Final = ("broker", "processors", "sink", "clickhouse", "disk")


class Readiness(NamedTuple):
    """What is ready; `reasons` names what is not, in words for an operator."""

    broker: bool
    processors: bool
    sink: bool
    clickhouse: bool
    reasons: tuple[str, ...]
    disk: bool = True
    since: Mapping[str, int] = {}
    """When each part that is not ready stopped being so, or was first seen not to be (ms UTC)."""

    @property
    def ready(self) -> bool:
        """Return whether an event sent now would be found soon."""
        return all(getattr(self, part) for part in PARTS)


class StopTimes:
    """Remembers since when each part is not ready: a fold over judgements."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def observe(self, readiness: Readiness, now: int) -> None:
        """Take in one judgement, made at `now` (ms UTC)."""
        self._times = {part: self._times.get(part, now) for part in PARTS if not getattr(readiness, part)}

    def tell_since(self, readiness: Readiness) -> Readiness:
        """Return a judgement with the times of what is not ready, as of the last one that was observed."""
        return readiness._replace(since={part: at for part, at in self._times.items() if not getattr(readiness, part)})


class Look(NamedTuple):
    """One look at the log: ends of the topics, and what the processors and the sink have committed, by partition."""

    ends: Mapping[TopicPartition, int]
    processed: Mapping[TopicPartition, int]
    sunk: Mapping[TopicPartition, int]


class FlowJudge:
    """Folds looks at the log into a judgement."""

    def __init__(self) -> None:
        self._last_look: int | None = None
        self._moves: dict[tuple[str, TopicPartition], tuple[int, int]] = {}
        self._behind: set[tuple[str, TopicPartition]] = set()

    def observe(self, look: Look, now: int) -> None:
        """Take in one look, made at `now`: ms of a clock that never steps back, or a stall would hide for as long as a step."""
        self._last_look = now
        ingest = {tp: end for tp, end in look.ends.items() if tp.topic == INGEST}
        public = {tp: end for tp, end in look.ends.items() if tp.topic != INGEST}
        self._behind = set()
        self._note("processors", ingest, look.processed, now)
        self._note("sink", public, look.sunk, now)

    def _note(self, stage: str, ends: Mapping[TopicPartition, int], offsets: Mapping[TopicPartition, int], now: int) -> None:
        for tp, end in ends.items():
            offset = offsets.get(tp, 0)
            if offset < end:
                self._behind.add((stage, tp))
            before = self._moves.get((stage, tp))
            if before is None or before[0] != offset:
                # The first look proves nothing yet: a partition counts as moving only once an offset was seen to change.
                self._moves[stage, tp] = (offset, now if before is not None else now - STALL_MS - 1)
            elif stage == "sink" and offset >= end:
                # It has nothing to do: that it stands still counts from the row on that it does not take.
                self._moves[stage, tp] = (offset, now)

    def judge(self, now: int, *, clickhouse: bool, queries: str = "", disk: str = "") -> Readiness:
        """Return what is ready at `now`; `clickhouse`: it answers; `queries` and `disk` say what is wrong with them, if anything."""
        broker = self._last_look is not None and now - self._last_look <= STALL_MS
        still = {key for key, (_, at) in self._moves.items() if now - at > STALL_MS}
        stalled_partitions = sorted(tp.partition for stage, tp in still if stage == "processors")
        unsunk_partitions = sorted({tp.partition for stage, tp in still & self._behind if stage == "sink"})
        reasons = [] if broker else ["the broker does not answer"]
        if self._last_look is None or stalled_partitions:
            reasons.append(
                f"the processors do not advance on partitions {stalled_partitions}"
                if stalled_partitions
                else "the processors were not seen yet"
            )
        if unsunk_partitions:
            reasons.append(f"the sink does not advance on partitions {unsunk_partitions}")
        if queries or not clickhouse:
            reasons.append(queries or "ClickHouse does not answer")
        if disk:
            reasons.append(disk)
        return Readiness(
            broker=broker,
            processors=self._last_look is not None and not stalled_partitions,
            sink=not unsunk_partitions,
            clickhouse=clickhouse and not queries,
            reasons=tuple(reasons),
            disk=not disk,
        )
