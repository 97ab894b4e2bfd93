"""What publishing needs from outside: the log, which is its only memory, and somebody who ranks.

`memory/cause_log.py` ships the twin of Kafka; both pass `tests/contract/test_cause_log_laws.py`.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple, Protocol

from causeline.query_api.questions.query import ChangeUpdate, UpdateQuery
from causeline.query_api.reading.causes import RankedCauses
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem


class LogFailure(Exception):
    """The log refused, did not answer in time, or was lost: what was begun is undone, and the partition is to be opened anew."""


class Displaced(LogFailure):
    """Somebody else opened the partition: it is no longer ours."""


class FollowedRecord(NamedTuple):
    """One committed record of `causeline.problems.current` or `causeline.causes`; a value of None is a tombstone."""

    topic: str
    key: bytes
    value: bytes | None


class CauseOutput(NamedTuple):
    """One record to write; a value of None is a tombstone."""

    topic: str
    partition: int
    key: bytes
    value: bytes | None


Tell = Callable[[CauseRevision, bytes], Iterable[tuple[str, int, bytes, bytes | None]]]
"""What else is written in the transaction of a revision (and of its framed bytes), for whoever is to hear of it: fields of outputs."""


def tell_nobody(_revision: CauseRevision, _frame: bytes) -> Iterable[CauseOutput]:
    """Say that nobody hears of a revision but those who read the topic."""
    return ()


class CausePartition(Protocol):
    """One partition of both topics, and the one writer of its rankings. After a LogFailure only `close` may follow."""

    @property
    def number(self) -> int:
        """Which partition it is."""
        ...

    @property
    def is_restored(self) -> bool:
        """Whether `read` has given all that was committed on both topics when the partition was opened."""
        ...

    async def read(self) -> Sequence[FollowedRecord]:
        """Return the next committed records, of each topic in its order; none if none came for a while.

        It begins with all of both topics, and goes on with the problems alone: rankings are written by nobody else. Raises LogFailure,
        also where a commit did.
        """
        ...

    async def commit(self, outputs: Sequence[CauseOutput]) -> None:
        """Write records all together or not at all. On return they are durable. Raises Displaced, LogFailure; then nothing may be there.

        Called by one at a time.
        """
        ...

    async def close(self) -> None:
        """Release it, in bounded time. Never raises; nothing uncommitted becomes visible."""
        ...


class Owner(Protocol):
    """Who is told what the group decides."""

    def assigned(self, partitions: Sequence[int]) -> None:
        """Begin the work on these partitions in the background. Returns at once."""
        ...

    async def revoked(self) -> None:
        """End the work on all partitions. Returns when none is open; never raises."""
        ...


class CauseLog(Protocol):
    """A member of the group that shares the partitions among the servers."""

    async def serve(self, owner: Owner) -> None:
        """Be a member until cancelled, and leave then. Raises LogFailure where the group cannot be trusted any more."""
        ...

    async def open(self, partition: int) -> CausePartition:
        """Return a partition as its only writer: who had it before can commit nothing any more. Raises LogFailure."""
        ...


class RankedBatch(NamedTuple):
    """Rankings in the order of their problems, or why there is none. `as_of`: up to when (ms UTC) what was on the log is seen."""

    answers: Sequence[RankedCauses | Exception]
    as_of: int


class Ranker(Protocol):
    """Ranks problems of one tenant, of what everybody of the tenant may see."""

    async def rank(self, problems: Sequence[Problem], now: int) -> RankedBatch:
        """Return the rankings of some problems of one tenant, as of `now` (ms UTC), which share what they ask. Never raises."""
        ...

    async def updates(self, query: UpdateQuery, now: int) -> tuple[Sequence[ChangeUpdate], int]:
        """Return which changes got a version lately, and up to when (ms UTC) what was on the log is in the rows. Raises RequestError."""
        ...

    async def problem(self, tenant: str, problem_id: str, now: int) -> Problem | None:
        """Return a problem as it is stored, None where it was deleted. Raises RequestError where that cannot be told now."""
        ...


class PublishingClock(Protocol):
    """Time comes in from outside, so that a test can move it."""

    def now_ms(self) -> int:
        """Return the wall clock in ms UTC; it may step back."""
        ...

    def sleep(self, seconds: float) -> Awaitable[None]:
        """Return when so many seconds have passed."""
        ...
