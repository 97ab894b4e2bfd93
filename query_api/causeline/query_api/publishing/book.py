"""The problems of one partition and where their rankings stand: the fold of both topics. No clock, no I/O."""

from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from causeline.query_api.publishing.last_ranking import last_ranking_of
from causeline.query_api.publishing.ports import FollowedRecord
from causeline.query_api.publishing.schedule import RankingCourse, is_settled
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Problem
from causeline.schemas.telemetry import UNREADABLE_RECORDS
from causeline.schemas.topics import CAUSES
from causeline.schemas.wire import codec


class Book:
    """Courses by problem id. Taking a record in twice, or one of its own that comes back, changes nothing."""

    def __init__(self) -> None:
        self._courses: Final[dict[str, RankingCourse]] = {}

    def __len__(self) -> int:
        return len(self._courses)

    @property
    def courses(self) -> Mapping[str, RankingCourse]:
        """Return all of them."""
        return self._courses

    def get(self, problem_id: str) -> RankingCourse | None:
        """Return where a problem stands, None where nothing is to be known of it."""
        return self._courses.get(problem_id)

    def take(self, record: FollowedRecord) -> str:
        """Take in a record; return the id of its problem. What cannot be read is counted and stepped over."""
        problem_id = record.key.decode("utf-8", "replace")
        try:
            if record.topic == CAUSES:
                self._take_revision(problem_id, record.value)
            else:
                self._take_problem(problem_id, record.value)
        except codec.CodecError:
            UNREADABLE_RECORDS.labels(record.topic).inc()
        return problem_id

    def record_revision(self, revision: CauseRevision) -> None:
        """Take in a revision that was published."""
        course = self._courses.get(revision.id) or RankingCourse(revision.tenant, is_gone=True)
        if course.last is None or course.last.revision < revision.revision:
            self._courses[revision.id] = msgspec.structs.replace(course, last=last_ranking_of(revision))

    def forget(self, problem_id: str) -> None:
        """Forget a problem, whose tombstone was published."""
        self._courses.pop(problem_id, None)

    def settle(self, now: int) -> None:
        """Let go of the snapshots that no revision needs any more, and of problems that never had one (`now`: ms UTC)."""
        for problem_id, course in list(self._settling(now)):
            if course.last is None:
                del self._courses[problem_id]
            else:
                self._courses[problem_id] = msgspec.structs.replace(course, problem=None)

    def _settling(self, now: int) -> Iterator[tuple[str, RankingCourse]]:
        return ((problem_id, course) for problem_id, course in self._courses.items() if is_settled(course, now))

    def _take_problem(self, problem_id: str, value: bytes | None) -> None:
        course = self._courses.get(problem_id)
        if value is None:
            if course is not None and course.last is None:
                del self._courses[problem_id]
            elif course is not None:
                self._courses[problem_id] = msgspec.structs.replace(course, problem=None, is_gone=True)
            return
        problem = codec.decode_record(value, Problem)
        last = course.last if course is not None else None
        self._courses[problem_id] = RankingCourse(problem.tenant, problem, last)

    def _take_revision(self, problem_id: str, value: bytes | None) -> None:
        if value is not None:
            self.record_revision(codec.decode_record(value, CauseRevision))
            return
        course = self._courses.get(problem_id)
        if course is not None and course.problem is None:
            del self._courses[problem_id]
        elif course is not None:
            self._courses[problem_id] = msgspec.structs.replace(course, last=None)
