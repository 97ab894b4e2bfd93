"""Begins and ends of one key, in order of time, become runs.

    begin, end                  a run with a duration, if the end comes within LONGEST
    begin, begin within REPEAT  the same begin, told again: the run began with the first
    begin, later begin          two runs: the first never finished
    end after no begin          a run that ended, of no known duration
    end after the same end      the same end, told again

Each line looks at the marks beside it alone (a chain of repeats at its first), so that a store may do it with arrays (`sql/insights.py`).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import NamedTuple

from causeline.query_api.insights.facts import Fact
from causeline.query_api.insights.query import ABANDONED, LONGEST, REPEAT
from causeline.query_api.insights.stages import BEGIN, code_of, is_good


class LifecycleMark(NamedTuple):
    """A begin or an end: when (ms UTC), and the code of its action."""

    ts: int
    code: int


class LifecycleRun(NamedTuple):
    """One run of a stage: `begin` None where it was not told, `code` BEGIN and `end` None where it did not end.

    `is_abandoned`: something else began, or it lasted too long, so that no end will ever be its.
    """

    begin: int | None
    end: int | None
    code: int = BEGIN
    is_abandoned: bool = False

    @property
    def at(self) -> int:
        """Return the time that says to which window the run belongs: when it ended, when it began where it did not."""
        moment = self.begin if self.end is None else self.end
        assert moment is not None
        return moment

    @property
    def duration(self) -> int | None:
        """Return how long it took (ms), None where that is not known."""
        return None if self.begin is None or self.end is None else self.end - self.begin

    @property
    def is_good(self) -> bool:
        """Return whether it ended well."""
        return is_good(self.code)

    def never_finished(self, now: int) -> bool:
        """Return whether it is open and counts as never finished."""
        return self.end is None and (self.is_abandoned or now - self.at >= ABANDONED)


def runs_by_stage(facts: Iterable[Fact]) -> Iterator[tuple[str, LifecycleRun]]:
    """Yield every run with its stage, of facts in any order: those of a team, repository, stage and commit (else run id) are paired."""
    marks: dict[tuple[str, str, str, str, str], list[LifecycleMark]] = {}
    for fact in facts:
        if (code := code_of(fact.action)) is not None:
            marks.setdefault((fact.stage, fact.team, fact.repo, fact.commit, fact.run), []).append(LifecycleMark(fact.ts, code))
    for (stage, *_), own in marks.items():
        own.sort(key=itemgetter(0, 1))  # at one time a begin comes first
        yield from ((stage, run) for run in pair_marks(own))


def pair_marks(marks: Sequence[LifecycleMark]) -> Iterator[LifecycleRun]:
    """Yield the runs of one key; its marks are sorted."""
    begin: int | None = None
    for previous, mark in pairwise((None, *marks)):
        assert mark is not None
        if mark.code == BEGIN:
            if begin is not None and previous is not None and mark.ts - previous.ts <= REPEAT:
                continue
            if begin is not None:
                yield LifecycleRun(begin, None, is_abandoned=True)
            begin = mark.ts
        elif begin is not None:
            if mark.ts - begin <= LONGEST:
                yield LifecycleRun(begin, mark.ts, mark.code)
            else:
                yield LifecycleRun(begin, None, is_abandoned=True)
                yield LifecycleRun(None, mark.ts, mark.code)
            begin = None
        elif previous is None or previous.code != mark.code:
            yield LifecycleRun(None, mark.ts, mark.code)
    if begin is not None:
        yield LifecycleRun(begin, None)
