"""When the ranking of a problem is published again: a function of its newest snapshot, its newest revision and the time. Pure.

    opened ─▶ 1  … +10, +20, +60 min ─▶ one each, if it is open then … closed ─▶ one more … forgotten ─▶ a tombstone, no revision
                                                                       deleted ─▶ a deleted revision and a tombstone

The log is the state: nothing else is remembered, so whoever reads the two topics knows what is due, and what was missed while nobody looked
is made up for by one revision, not by several.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from causeline.query_api.causes.kinds import HOUR, MINUTE
from causeline.query_api.publishing.last_ranking import LastRanking
from causeline.schemas.records.causes import Occasion
from causeline.schemas.records.problem import Problem

MARKS: Final = (10 * MINUTE, 20 * MINUTE, 60 * MINUTE)
"""How long after its opening the ranking of an open problem is made again."""
WATCHED_OPEN: Final = 24 * HOUR
WATCHED_CLOSED: Final = HOUR
"""How long a problem is watched: late changes make its ranking again. A closed one that never had a ranking gets one as long."""

Ending = Literal["gone"]


class RankingCourse(msgspec.Struct, frozen=True):
    """A problem on its way. `problem` is None where its snapshot is of no use any more, or where there is none (`is_gone`)."""

    tenant: str
    problem: Problem | None = None
    last: LastRanking | None = None
    is_gone: bool = False


class Due(NamedTuple):
    """What is to be published, and since or from when (ms UTC)."""

    occasion: Occasion | Ending
    at: int


def opened_at(problem: Problem) -> int:
    """Return when a problem opened by the log's time (ms UTC): its start may lie long before, as its source says."""
    return problem.ingest_ts


def next_due(course: RankingCourse, now: int) -> Due | None:
    """Return what is due next, which may lie ahead of `now` (ms UTC); None where time alone makes no more revisions.

    Closed problems that never had a ranking are let be after an hour: a store full of old ones is not ranked.
    """
    problem, last = course.problem, course.last
    if course.is_gone:
        return None if last is None else Due("gone", 0)
    if problem is None:
        return None
    if problem.state == "closed":
        if last is None:
            return Due("closed", problem.at) if now - problem.at <= WATCHED_CLOSED else None
        return Due("closed", problem.at) if last.bare.state == "open" else None
    if last is None:
        return Due("opened", opened_at(problem))
    marks = (opened_at(problem) + mark for mark in MARKS)
    return next((Due("scheduled", mark) for mark in marks if mark > last.bare.computed_at), None)


def is_watched(problem: Problem, now: int) -> bool:
    """Tell whether late changes still make a problem's ranking again."""
    if problem.state == "closed":
        return now - problem.at < WATCHED_CLOSED
    return now - opened_at(problem) < WATCHED_OPEN


def is_settled(course: RankingCourse, now: int) -> bool:
    """Tell whether nothing but somebody's word, or its end, makes another revision: its snapshot need not be remembered."""
    problem = course.problem
    return problem is not None and problem.state == "closed" and not is_watched(problem, now) and next_due(course, now) is None
