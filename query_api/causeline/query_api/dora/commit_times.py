"""When commits were, and how long each took from there into production.

A time comes from the deployment's own list, else from the earliest event that says the commit succeeded, else from the earliest that says
work on the change was initiated. A commit counts where its service first deployed it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Literal, TypeVar

import msgspec

from causeline.query_api.causes.outcomes import fold_status
from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent
from causeline.query_api.dora.rollout_words import rollout_outcome

NoLeadTime = Literal["not_positive", "unknown_time"]
"""Why a commit has no lead time: it is not before the end of its deployment, or nobody said when it was."""

_INITIATED: Final = "initiated"
_Unknown = TypeVar("_Unknown", int, None)


class DeployedCommit(msgspec.Struct, frozen=True, gc=False):
    """A commit that was new to its service, with the ms from it to the end of the deployment, or why it has none."""

    id: str
    lead_time: int | None
    reason: NoLeadTime | None = None


class CommitBook:
    """The times of commits, and which a service has deployed already. Deployments are entered in order of their ends."""

    def __init__(self, events: Iterable[CommitEvent]) -> None:
        self._commits: Final[dict[str, int]] = {}
        self._changes: Final[dict[str, int]] = {}
        self._past: Final[dict[str, set[str]]] = {}
        books: dict[tuple[str, str], dict[str, int] | None] = {}  # kinds and statuses are few, events many
        for commit, ts, kind, status in events:
            key = kind, status
            if key not in books:
                books[key] = self._times_of(kind, status)
            times = books[key]
            if times is not None and ts < times.get(commit, ts + 1):
                times[commit] = ts

    def _times_of(self, kind: str, status: str) -> dict[str, int] | None:
        if kind == "change":
            return self._changes if fold_status(status) == _INITIATED else None
        return self._commits if rollout_outcome(status) == "success" else None

    def enter(self, service: str, facts: Sequence[ChangeFact], end: int) -> tuple[DeployedCommit, ...]:
        """Return the commits that a deployment brought first, in the order in which its events name them."""
        commits = commits_of(facts)
        if not commits:
            return ()
        past = self._past.setdefault(service, set())
        new = [self._take(id_, time, end) for id_, time in commits.items() if id_ not in past]
        past.update(commits)
        return tuple(new)

    def _take(self, id_: str, time: int | None, end: int) -> DeployedCommit:
        when = self.time_of(id_, None) if time is None else time
        if when is None:
            return DeployedCommit(id_, None, "unknown_time")
        return DeployedCommit(id_, end - when) if when < end else DeployedCommit(id_, None, "not_positive")

    def time_of(self, id_: str, unknown: _Unknown) -> int | _Unknown:
        """Return when a commit was, by the events that say so (ms UTC), else what stands for unknown."""
        time = self._commits.get(id_)
        return self._changes.get(id_, unknown) if time is None else time


def commits_without_time(changes: Iterable[ChangeFact]) -> set[str]:
    """Return the commits whose times must be looked up, as no list of these events has them."""
    times: dict[str, int | None] = {}
    for fact in changes:
        _collect(fact, times)
    return {id_ for id_, time in times.items() if time is None}


def commits_of(facts: Sequence[ChangeFact]) -> Mapping[str, int | None]:
    """Return a rollout's commits, with the earliest time of its lists."""
    times: dict[str, int | None] = {}
    for fact in facts:
        _collect(fact, times)
    return times


def _collect(fact: ChangeFact, times: dict[str, int | None]) -> None:
    for id_, time in fact.commits:
        when = times.get(id_)
        if when is None or (time is not None and time < when):
            times[id_] = time
    if fact.commit:
        times.setdefault(fact.commit, None)
