"""Makes the rankings that are due on the partitions that this process owns, and writes each once.

    take (a record) ─▶ book ─▶ plan ─▶ turns ─▶ publish: rank a tenant's problems together ─▶ one transaction a partition ─▶ book
                                 ▲ timers (wake)          └ fails: again, after a pause that grows

Nothing that is decided here is remembered anywhere but on the log. A partition whose transaction failed is disowned: whoever opens it reads
what was written. Between two awaits of `publish` a problem may have moved on: its next revision is planned when this one is done.
"""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import structlog

from causeline.query_api.publishing.book import Book
from causeline.query_api.publishing.last_ranking import is_other
from causeline.query_api.publishing.news import is_by_other_weights
from causeline.query_api.publishing.ports import (
    CauseOutput,
    CausePartition,
    Displaced,
    FollowedRecord,
    LogFailure,
    PublishingClock,
    Ranker,
    Tell,
    tell_nobody,
)
from causeline.query_api.publishing.revisions import delete_revision, revise
from causeline.query_api.publishing.schedule import Due, Ending, RankingCourse, next_due, opened_at
from causeline.query_api.publishing.turns import ProblemPlace, RankingTurns
from causeline.query_api.publishing.watching import Watch
from causeline.query_api.reading.causes import RankedCauses
from causeline.schemas.records.causes import CauseRevision, Occasion
from causeline.schemas.records.problem import Problem
from causeline.schemas.telemetry import RANKING_FAILURES, RANKING_SECONDS, RANKINGS_DUE, RANKINGS_PUBLISHED
from causeline.schemas.topics import CAUSES
from causeline.schemas.web.errors import RequestError, TooMuch
from causeline.schemas.wire import codec

_log = structlog.get_logger(__name__)

MOST_TOGETHER: Final = 16
"""Problems of a tenant that are ranked together. More would share more, and keep the first of them waiting for the last: at 30 ms each half
a second."""
_PLANNED_AT_ONCE: Final = 1_000
_URGENT: Final = frozenset({"opened", "closed", "gone"})
_CONDITIONAL: Final = frozenset({"changes", "feedback"})
"""Published only where they say something else than before, or by other weights: what follows is compared with that."""
_PAUSE_MS: Final = 500
_LONGEST_AWAY_MS: Final = 30_000
"""The store comes back within seconds, and what waits for it is many."""
_FAULT_MS: Final = 4_000
_LONGEST_FAULT_MS: Final = 3_600_000
"""What fails by a fault of the program will fail again."""
_MOST_DOUBLINGS: Final = 20


class _Ownership(NamedTuple):
    """A partition of this process, and what is known of its problems. Another opening of it is another value."""

    partition: CausePartition
    book: Book
    writing: asyncio.Lock


class _Job(NamedTuple):
    place: ProblemPlace
    ownership: _Ownership
    course: RankingCourse
    occasion: Occasion | Ending
    at: int


class _Draft(NamedTuple):
    """What is to be written for a job. `revision` None: a tombstone alone."""

    job: _Job
    revision: CauseRevision | None
    outputs: tuple[CauseOutput, ...]


class Publisher:
    """See the module. `woken` is called where something may be published; `tell` says what else goes into a revision's transaction.

    `watch` says which problems late changes concern.
    """

    def __init__(
        self,
        ranker: Ranker,
        clock: PublishingClock,
        tell: Tell = tell_nobody,
        woken: Callable[[], None] = lambda: None,
        watch: Watch | None = None,
    ) -> None:
        self._ranker: Final = ranker
        self._clock: Final = clock
        self._tell: Final = tell
        self.woken = woken
        self._ownerships: Final[dict[int, _Ownership]] = {}
        self._turns: Final = RankingTurns()
        self._busy: Final[set[ProblemPlace]] = set()
        self._timers: Final[list[tuple[int, ProblemPlace]]] = []
        self._timer_of: Final[dict[ProblemPlace, int]] = {}
        self._watch: Final = watch or Watch()
        self._restless: set[str] = set()
        self._wishes: Final[dict[ProblemPlace, Occasion]] = {}
        self._failures: Final[dict[ProblemPlace, tuple[int, int]]] = {}
        """How often on end a problem could not be ranked, and when it is tried again (ms UTC)."""

    async def own(self, partition: CausePartition, book: Book) -> None:
        """Take over a partition whose topics were read to their ends into the book."""
        self._ownerships[partition.number] = _Ownership(partition, book, asyncio.Lock())
        book.settle(self._clock.now_ms())
        for number, problem_id in enumerate(list(book.courses)):
            self._plan(ProblemPlace(partition.number, problem_id))
            if number % _PLANNED_AT_ONCE == 0:
                await asyncio.sleep(0)  # A week of problems may be a hundred thousand: others have their turn.

    def disown(self, number: int) -> None:
        """Let a partition go; what is being ranked of it is not published."""
        self._ownerships.pop(number, None)
        self._turns.drop(number)
        for memory in (self._wishes, self._failures, self._timer_of):
            for place in [place for place in memory if place.partition == number]:
                del memory[place]

    def take(self, number: int, records: Iterable[FollowedRecord]) -> None:
        """Take in what was written to an owned partition. Raises LogFailure where it is not owned any more."""
        ownership = self._ownerships.get(number)
        if ownership is None:
            raise LogFailure("a transaction of the partition failed")
        for record in records:
            self._plan(ProblemPlace(number, ownership.book.take(record)))

    async def wake(self) -> bool:
        """Let what is due by now have its turn; return whether anything waits."""
        now = self._clock.now_ms()
        while self._timers and self._timers[0][0] <= now:
            at, place = heapq.heappop(self._timers)
            if self._timer_of.get(place) == at:
                del self._timer_of[place]
                self._plan(place)
        RANKINGS_DUE.set(len(self._turns))
        return len(self._turns) > 0

    def note(self, tenant: str, problem_id: str | None, occasion: Occasion) -> None:
        """Rank a problem of a tenant again, if it is this process's; a revision follows where it says something else.

        None: all its watched problems, at the next look for changes, however often that is said before.
        """
        if problem_id is None:
            self._restless.add(tenant)
            return
        for number, ownership in self._ownerships.items():
            course = ownership.book.get(problem_id)
            if course is not None and course.tenant == tenant and course.last is not None and not course.is_gone:
                place = ProblemPlace(number, problem_id)
                if self._wishes.get(place) != "feedback":
                    self._wishes[place] = occasion
                self._plan(place)

    async def watch(self) -> bool:
        """Look for changes that concern watched problems, and let these be ranked again; return whether any were concerned."""
        now = self._clock.now_ms()
        restless, self._restless = self._restless, set()
        is_any = False
        courses = (course for ownership in self._ownerships.values() for course in ownership.book.courses.values())
        for tenant in self._watch.look(courses, now, restless):
            name = tenant.query.tenant
            try:
                updates, as_of = await self._ranker.updates(tenant.query, now)
            except RequestError as error:
                RANKING_FAILURES.labels(error.reason).inc()
                self._restless |= restless & {name}
                continue
            problem_ids = self._watch.choose(tenant, updates, as_of)
            if name in restless:
                problem_ids = [problem.id for problem in tenant.problems]
            for problem_id in problem_ids:
                is_any = True
                self.note(name, problem_id, "changes")
        for ownership in self._ownerships.values():
            ownership.book.settle(now)
        return is_any

    async def publish(self) -> bool:
        """Rank what one tenant is due, a batch of it, and publish; return whether there was anything to do. Never raises."""
        turn = self._turns.take(MOST_TOGETHER)
        if turn is None:
            return False
        tenant, places = turn
        self._busy.update(places)
        try:
            await self._publish([job for job in map(self._job, places) if job is not None])
        finally:
            self._turns.finish(tenant)
            self._busy.difference_update(places)
            for place in places:
                self._plan(place)
            self.woken()
        return True

    def _plan(self, place: ProblemPlace) -> None:
        """Let a problem wait for its turn, or for its time."""
        ownership = self._ownerships.get(place.partition)
        course = ownership.book.get(place.problem_id) if ownership is not None else None
        if course is None:
            self._wishes.pop(place, None)
            self._failures.pop(place, None)
        if course is None or place in self._busy:
            return
        now = self._clock.now_ms()
        due = next_due(course, now)
        is_due = due is not None and due.at <= now
        if not is_due and place not in self._wishes:
            if due is not None:
                self._set_timer(place, due.at)
            return
        _, retry_at = self._failures.get(place, (0, 0))
        if retry_at > now:
            self._set_timer(place, retry_at)
            return
        self._turns.add(course.tenant, place, is_urgent=is_due and due is not None and due.occasion in _URGENT)
        self.woken()

    def _set_timer(self, place: ProblemPlace, at: int) -> None:
        current = self._timer_of.get(place)
        if current is None or at < current:
            self._timer_of[place] = at
            heapq.heappush(self._timers, (at, place))

    def _job(self, place: ProblemPlace) -> _Job | None:
        ownership = self._ownerships.get(place.partition)
        course = ownership.book.get(place.problem_id) if ownership is not None else None
        wish = self._wishes.pop(place, None)
        if ownership is None or course is None:
            return None
        now = self._clock.now_ms()
        due = next_due(course, now)
        if due is None or due.at > now:
            due = Due(wish, now) if wish is not None else None
        return None if due is None else _Job(place, ownership, course, *due)

    async def _publish(self, jobs: Sequence[_Job]) -> None:
        now = self._clock.now_ms()
        drafts = [draft for job in jobs if job.occasion == "gone" and (draft := await self._end(job, now)) is not None]
        pairs = [(job, problem) for job in jobs if job.occasion != "gone" and (problem := await self._problem(job, now)) is not None]
        if pairs:
            answers, as_of = await self._ranker.rank([problem for _, problem in pairs], now)
            for (job, problem), answer in zip(pairs, answers, strict=True):
                draft = self._draft(job, problem, answer, now, as_of)
                if draft is not None:
                    drafts.append(draft)
        for ownership in {id(draft.job.ownership): draft.job.ownership for draft in drafts}.values():
            await self._commit(ownership, [draft for draft in drafts if draft.job.ownership is ownership])

    async def _problem(self, job: _Job, now: int) -> Problem | None:
        """Return the snapshot to rank: that of a problem that closed long ago is the store's."""
        if job.course.problem is not None:
            return job.course.problem
        try:
            return await self._ranker.problem(job.course.tenant, job.place.problem_id, now)
        except RequestError as error:
            self._fail(job, error)
            return None

    async def _end(self, job: _Job, now: int) -> _Draft | None:
        """Return the end of a ranking: whether its problem was deleted or only forgotten, the store knows."""
        last = job.course.last
        if last is None:
            return None
        try:
            is_deleted = await self._ranker.problem(job.course.tenant, job.place.problem_id, now) is None
        except RequestError as error:
            self._fail(job, error)
            return None
        tombstone = CauseOutput(CAUSES, job.place.partition, job.place.problem_id.encode(), None)
        if not is_deleted:
            return _Draft(job, None, (tombstone,))
        revision = delete_revision(last, now)
        return self._outputs(job, revision, tombstone)

    def _draft(self, job: _Job, problem: Problem, answer: RankedCauses | Exception, now: int, as_of: int) -> _Draft | None:
        if isinstance(answer, Exception):
            self._fail(job, answer)
            return None
        before = job.course.last
        # Not before the instant that it is due at, nor before the last one: else it would be due again where a clock stepped back.
        computed_at = max(now, job.at, before.bare.computed_at if before is not None else 0)
        occasion: Occasion = "closed" if job.occasion == "gone" else job.occasion
        try:
            revision = revise(problem, answer, before, occasion=occasion, computed_at=computed_at, as_of=as_of)
        except Exception as error:  # noqa: BLE001 - one problem's fault is not to hold up the others
            self._fail(job, error)
            return None
        if (
            before is not None
            and job.occasion in _CONDITIONAL
            and not (is_other(revision, before) or is_by_other_weights(revision, before))
        ):
            self._failures.pop(job.place, None)
            return None
        return self._outputs(job, revision)

    def _outputs(self, job: _Job, revision: CauseRevision, *others: CauseOutput) -> _Draft | None:
        try:
            frame = codec.encode_record(revision)
            own = CauseOutput(CAUSES, job.place.partition, job.place.problem_id.encode(), frame)
            return _Draft(job, revision, (own, *others, *(CauseOutput(*fields) for fields in self._tell(revision, frame))))
        except Exception as error:  # noqa: BLE001 - as above: it is the hook's, or that of a text that no record can hold
            self._fail(job, error)
            return None

    async def _commit(self, ownership: _Ownership, drafts: Iterable[_Draft]) -> None:
        async with ownership.writing:
            await self._write(ownership, [draft for draft in drafts if self._is_timely(draft)])

    async def _write(self, ownership: _Ownership, timely: Sequence[_Draft]) -> None:
        number = ownership.partition.number
        if not timely or self._ownerships.get(number) is not ownership:
            return
        try:
            await ownership.partition.commit([output for draft in timely for output in draft.outputs])
        except LogFailure as error:
            RANKING_FAILURES.labels("displaced" if isinstance(error, Displaced) else "log").inc(len(timely))
            _log.warning("rankings were not published", partition=number, reason=repr(error))
            if self._ownerships.get(number) is ownership:
                self.disown(number)
            return
        for draft in timely:
            self._keep(ownership, draft)

    def _is_timely(self, draft: _Draft) -> bool:
        """Tell whether a problem is still what it was: one that went meanwhile gets no ranking any more."""
        course = draft.job.ownership.book.get(draft.job.place.problem_id)
        return course is not None and course.last is draft.job.course.last and course.is_gone == draft.job.course.is_gone

    def _keep(self, ownership: _Ownership, draft: _Draft) -> None:
        self._failures.pop(draft.job.place, None)
        revision = draft.revision
        if draft.job.occasion == "gone":
            ownership.book.forget(draft.job.place.problem_id)
        elif revision is not None:
            ownership.book.record_revision(revision)
        if revision is None:
            return
        RANKINGS_PUBLISHED.labels(revision.occasion).inc()
        problem = draft.job.course.problem
        if revision.occasion == "opened" and problem is not None:
            RANKING_SECONDS.observe(max(self._clock.now_ms() - opened_at(problem), 0) / 1_000)

    def _fail(self, job: _Job, error: Exception) -> None:
        """Count what a problem could not be ranked for, and try again later, with what was wished for."""
        times, _ = self._failures.get(job.place, (0, 0))
        if isinstance(error, RequestError):
            RANKING_FAILURES.labels(error.reason).inc()
        else:
            RANKING_FAILURES.labels("error").inc()
            _log.error("a problem cannot be ranked", problem=job.place.problem_id, times=times + 1, exc_info=error)
        is_away = isinstance(error, RequestError) and not isinstance(error, TooMuch)
        first, longest = (_PAUSE_MS, _LONGEST_AWAY_MS) if is_away else (_FAULT_MS, _LONGEST_FAULT_MS)
        pause = min(first << min(times, _MOST_DOUBLINGS), longest)
        self._failures[job.place] = times + 1, self._clock.now_ms() + pause
        if job.occasion in {"changes", "feedback"}:
            self._wishes.setdefault(job.place, job.occasion)
