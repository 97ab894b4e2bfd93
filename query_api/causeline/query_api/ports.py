"""What the queries need from outside: the stored rows, how far they are applied, and the log itself for those who follow it.

`memory/store.py` and `memory/tail.py` ship twins that pass the same contract suites as ClickHouse and Kafka.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, ProblemFact, ProblemScope
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.tallies import InsightTallies
from causeline.query_api.live.positions import Batch, Partition, Positions, Topics
from causeline.query_api.questions.dora_query import IncidentQuery, RolloutQuery
from causeline.query_api.questions.query import (
    ChangeQuery,
    ChangeRate,
    ChangeUpdate,
    CountedBy,
    DeliveryFilter,
    Edges,
    EventFilter,
    LaneAnswer,
    LaneQuery,
    Page,
    ProblemFilter,
    ProblemHistory,
    RateQuery,
    RelatedChange,
    TimeBucket,
    UpdateQuery,
)
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.principal import Groups


class DeliveryStore(Protocol):
    """What became of deliveries, up to 90 days ago. Errors are those of EventStore; rows of another tenant are never read.

    The order is (received, id). Only `records` returns what was carried: in all other rows `record` is empty.
    """

    async def newest(self, where: DeliveryFilter, page: Page) -> list[Delivery]:
        """Return a page of deliveries, each as its newest attempt. Ask for one row more than is shown to learn whether there are more."""
        ...

    async def attempts(self, tenant: str, delivery_id: str) -> list[Delivery]:
        """Return all attempts of a delivery in the order of time, none where there is no such delivery."""
        ...

    async def records(self, tenant: str, delivery_ids: Sequence[str]) -> dict[str, bytes]:
        """Return the framed event or problem that each of these deliveries carried when it died last; absent where it never died.

        A record may have 1 MiB: ask for few at once.
        """
        ...


class DoraStore(Protocol):
    """Facts of deployments and problems, in no order: newest versions, nothing deleted, nothing that the caller may not see.

    Errors are those of EventStore; rows of another tenant are never read. Names are as they were sent: aliases are not resolved, nor are
    the ids of other APIs.
    """

    async def changes(self, query: RolloutQuery) -> list[ChangeFact]:
        """Return the events of a window that may be deployments or parts of one: of titles the beginning, of tags those asked for."""
        ...

    async def commit_events(self, query: RolloutQuery, since: int) -> list[CommitEvent]:
        """Return when the commits were that these events bring without a time: of each kind and status the earliest from `since` on."""
        ...

    async def problems(self, query: IncidentQuery) -> list[ProblemFact]:
        """Return the problems of a window by the columns of the events that opened them, without what is known of their causes."""
        ...

    async def likely_causes(self, query: IncidentQuery) -> dict[str, str]:
        """Return the first cause of each of these problems whose newest published ranking is not withdrawn and finds it likely.

        Whoever may not see a problem or its cause has neither among the facts: this alone tells ids of both.
        """
        ...

    async def scopes(self, tenant: str, groups: Groups) -> list[ProblemScope]:
        """Return each combination of columns that an event had which ever opened a problem: where there is a source of problems."""
        ...


class EventStore(Protocol):
    """Newest versions of events and problems, and published rankings. A method raises `Unavailable` where the store cannot answer.

    It raises `TooMuch` where the question is over a bound of the store, and `TooSlow` (an `Unavailable`) where its time is up.

    Deleted rows are never returned, rows of another tenant never read, events of groups that the caller shares none of never
    returned; but for `updates`, which says of those too when they changed. Event order is (ts, id), problem order (start, id).
    """

    @property
    def deliveries(self) -> DeliveryStore:
        """What was told to subscriptions."""
        ...

    @property
    def dora(self) -> DoraStore:
        """What DORA metrics are made of."""
        ...

    @property
    def fresh(self) -> "EventStore":
        """The same rows, never from a replica that lacks what was acknowledged: for what follows a write.

        `Unavailable` where no replica has all of it. Where rows lie in one place only, it is as good as this store itself.
        """
        ...

    async def event(self, tenant: str, event_id: str, groups: Groups = None) -> Event | None:
        """Return one event by its UUID text, whatever version of UUID it is, also after a patch moved it in time; None if it is hidden."""
        ...

    async def event_by_low(self, tenant: str, low: int, ts: int | None, groups: Groups = None) -> Event | None:
        """Return one event by the signed low 64 bits of its id, and its ts where known; None if it is hidden (DESK, `storedIds`)."""
        ...

    async def events_by_id(self, tenant: str, event_ids: Sequence[str], groups: Groups = None) -> dict[str, Event]:
        """Return some events by their ids, as `event` does each; absent where it is None. Ask for a hundred at once at most."""
        ...

    async def events(self, where: EventFilter, page: Page, edges: Edges | None = None) -> list[Event]:
        """Return a page of events. Ask for one row more than is shown to learn whether there are more."""
        ...

    async def count(self, where: EventFilter, edges: Edges | None = None) -> int:
        """Return the number of matching events."""
        ...

    async def histogram(self, where: EventFilter, step_ms: int, by: CountedBy) -> list[TimeBucket]:
        """Return the non-empty buckets of [from_ms, to_ms), aligned to multiples of the step since the epoch, in order."""
        ...

    async def lanes(self, query: LaneQuery) -> LaneAnswer:
        """Return lanes of events, the fullest first, then by name, with their bins aligned to multiples of the step since the epoch."""
        ...

    async def insights(self, query: InsightQuery) -> InsightTallies:
        """Return what the lifecycle events of a window amount to, as `insights.tallies.tally` says of them."""
        ...

    async def changes(self, query: ChangeQuery) -> list[RelatedChange]:
        """Return the changes of a correlation window, closest relation first, then nearest in time, then by id."""
        ...

    async def rates(self, query: RateQuery) -> list[ChangeRate]:
        """Return the rates of every pair of service and kind that had a change, in the order of both. Ask for few services at once."""
        ...

    async def updates(self, query: UpdateQuery) -> list[ChangeUpdate]:
        """Return which changes got a version lately, deleted ones too, the newest update first, then by id: one for each time of each."""
        ...

    async def problems(self, where: ProblemFilter, page: Page) -> list[Problem]:
        """Return a page of problems, each in its newest version, read as of `where.now`."""
        ...

    async def problem(self, tenant: str, problem_id: str, now: int) -> ProblemHistory | None:
        """Return one problem with its transitions, read as of `now`."""
        ...

    async def looks(self, tenant: str, problem_ids: Sequence[str]) -> list[Problem]:
        """Return how problems looked, also deleted ones: every combination of what filters ask for once, in its first version, by version.

        At most the first `problem_past.MAX_LOOKS` of each problem. Ask for some hundreds of problems at once.
        """
        ...

    async def cause_revision(self, tenant: str, problem_id: str, at: int | None = None) -> CauseRevision | None:
        """Return the newest published ranking of a problem, of those that were made up to `at` (ms UTC); None where there is none.

        It is there within a second of being published, and as long as rows are kept.
        """
        ...

    async def cause_revisions(self, tenant: str, problem_ids: Sequence[str]) -> dict[str, CauseRevision]:
        """Return the newest published ranking of each problem that has one, by id. Ask for some hundreds of problems at once."""
        ...

    async def open_problem(self, tenant: str, correlation_id: str, now: int) -> Problem | None:
        """Return the problem with that correlation id which is open at `now`."""
        ...


class Frontier(Protocol):
    """How far the rows are behind the log."""

    async def reach(self, partition: int | None = None, offset: int | None = None) -> bool:
        """Wait until a position of the ingest log is applied to the rows; without one, all that is on the log now.

        Return False where that did not happen in time (5 s).
        """
        ...

    async def missing(self, positions: Mapping[int, int], within_s: float, *, with_forwarded: bool = False) -> frozenset[int]:
        """Wait at most `within_s` until these positions (partition to offset) are applied; return the partitions that are not there yet.

        With `with_forwarded`, also for what the processors passed on to other partitions on account of them.
        """
        ...

    def partition(self, event_id: str) -> int:
        """Return the partition of the ingest log on which the changes of an event lie."""
        ...

    def behind(self, partition: int) -> float:
        """Return how many seconds ago everything was on a partition that is known to be applied; infinity where nothing is known.

        It is as new as the last look at the log, which somebody makes about every second.
        """
        ...


class LogReading(Protocol):
    """One reader of public topics: committed records only, outside any group, nothing is committed. Tombstones are passed.

    A method raises `Unavailable` where the log does not answer in time; the reading is of no use then but to be closed.
    """

    async def begins(self) -> dict[Partition, int]:
        """Return the oldest offset that each partition has."""
        ...

    async def ends(self) -> dict[Partition, int]:
        """Return the place behind the last record of each partition, records of open transactions not counted."""
        ...

    async def since(self, ms: int) -> dict[Partition, int]:
        """Return the place from which the next record is the first one written at or after a time (ms UTC), the end where there is none."""
        ...

    def seek(self, positions: Positions) -> None:
        """Begin, or go on, at these offsets; all partitions are named, and none lies before its begin."""
        ...

    async def poll(self) -> Batch:
        """Return the next records as soon as there are some, none after about a quarter of a second.

        Once everything is read, the positions are those of `ends`.
        """
        ...

    async def close(self) -> None:
        """Free the connection, in bounded time."""
        ...


class LogTail(Protocol):
    """Opens readings of `causeline.events`, `causeline.problems` and `causeline.causes`, each with `partitions` partitions."""

    @property
    def partitions(self) -> int:
        """How many partitions each topic has."""
        ...

    async def open(self, topics: Topics) -> LogReading:
        """Return a reading of these topics, which the caller closes. Raises `Unavailable`."""
        ...
