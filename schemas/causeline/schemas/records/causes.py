"""A ranking of causes as it was published: the public record of `causeline.causes`, one a revision, a full snapshot of it.

It holds what everybody of the tenant may see, and the first changes of the ranking only. What filters
ask of a problem stands in it as well, so that nobody has to look the problem up.

What must change together: `avro/causes.v*.avsc`, `registry.lock.json`, `clickhouse/*.sql` and the fields below (a test compares them).
"""

from typing import Final, Literal

import msgspec

CauseVerdict = Literal["likely", "possible", "none", "unknown"]
Occasion = Literal["opened", "scheduled", "changes", "feedback", "closed", "deleted"]
"""Why a ranking was made again: the problem opened; 10, 20 or 60 minutes passed since; a change of its window came in late, ended, was
rolled back or taken away; somebody said something; the problem is over; it was deleted."""

MOST_PUBLISHED: Final = 20
"""Causes in one record. `candidates` says how many there were."""
MOST_SUMMARY: Final = 200
"""Characters of a change's title."""


class ReasonEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What one feature adds to a score, and why."""

    feature: str
    contribution: float
    text: str


class CauseEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a ranking. `offset_seconds` counts from the problem's start, `feedback` is "" where nobody said anything.

    `kind`, `title` (cut), `service` and `ts` (ms UTC) are those of the event as it was then.
    """

    event_id: str
    probability: float
    score: float
    relation: str
    offset_seconds: float
    feedback: str = ""
    kind: str = ""
    title: str = ""
    service: str = ""
    ts: int
    reasons: list[ReasonEntry] = []


class BlindSpotEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of change that nobody reported of a service."""

    service: str
    kind: str


class CauseRevision(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of the ranking of one problem. Times are ms UTC.

    `id` is the problem's, `revision` counts from 1 without gaps. `is_news`: the first cause or the verdict is another one than in the
    revision before, because facts changed, or there was none before: that is what subscribers are told. The first one by other weights is
    none, unless a fact alone explains it. `previous_verdict` is the verdict that was news last, "" in the first one. `computed_at` is when
    it was ranked, `as_of` the log's time up to which it saw everything. `problem_version` and the fields behind it are those of the problem
    at that moment.
    """

    tenant: str
    id: str
    revision: int
    is_deleted: bool = False
    occasion: Occasion
    is_news: bool = True
    verdict: CauseVerdict
    previous_verdict: str = ""
    none_probability: float
    none_score: float = 0.0
    candidates: int = 0
    truncated: bool = False
    provisional: bool = False
    model: str
    computed_at: int
    as_of: int
    causes: list[CauseEntry] = []
    blind_spots: list[BlindSpotEntry] = []
    problem_version: int
    correlation_id: str
    dialect: str
    kind: str
    state: str
    start: int
    end: int | None = None
    service: str = ""
    environment: str = ""
    priority: str = ""
    title: str = ""
    text: str = ""
    tags: dict[str, str] = {}
    entities: list[str] = []

    @property
    def first(self) -> str:
        """Return the event id of the first cause, "" without one."""
        return self.causes[0].event_id if self.causes else ""
