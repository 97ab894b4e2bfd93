"""Everything else that a ranking depends on, given from outside, so that it depends on nothing hidden.

Nothing here that a change's score depends on is computed from the candidates: a change that has nothing to do with a problem must not move
the others. What none competes with may be: a change for everything explains that many suffer.
"""

from typing import Literal, NamedTuple

import msgspec

Feedback = Literal["confirmed", "rejected", "implied"]
"""`implied`: a rollback of the change closed the problem, which counts as confirmed."""


class Pair(NamedTuple):
    """What rates are counted by."""

    service: str
    kind: str


class RiskCount(NamedTuple):
    """How many changes there were, and how many of them a problem followed within a day."""

    changes: float = 0
    problems: float = 0


class PastFeedback(NamedTuple):
    """How often people said of changes like this one that they were the cause, and that they were not."""

    confirmations: int = 0
    rejections: int = 0


class Opinion(NamedTuple):
    """What was said of a change, or of none, in this problem, and when (ms UTC)."""

    feedback: Feedback
    at: int = 0


class Neighbour(msgspec.Struct, frozen=True):
    """Another problem that opened within ten minutes of this one. `callees` are the services that its service depends on."""

    service: str = ""
    entities: frozenset[str] = frozenset()
    callees: frozenset[str] = frozenset()


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What is known beside the problem and the changes.

    `callees` are the services that the problem's service depends on, by hops (1 to 3); `callers` those that depend on it, one hop away.
    `deploys_per_day`, `risks` and `history` are by service and kind; `kind_risks` by kind; `risk` of all changes.
    `word_counts` and `tag_counts` say in how many of `documents` events a word, or a tag (key, value), occurs.
    `recurrences`: how often the same correlation id opened before without a confirmed change. `none_feedback`: how often people said of
    such problems that no change did them. `unrelated_problems`: how many other services opened problems meanwhile that nothing known
    connects with this one (`spread.py`).
    `is_outside`: the source names a cause outside. `reports` are the kinds of changes that each service's sources, and those of its
    callees, sent in the last 30 days, in any environment; `reported_kinds` those of the whole tenant.
    """

    callees: dict[str, int] = {}
    callers: frozenset[str] = frozenset()
    deploys_per_day: dict[Pair, float] = {}
    risks: dict[Pair, RiskCount] = {}
    kind_risks: dict[str, RiskCount] = {}
    risk: RiskCount = RiskCount()
    history: dict[Pair, PastFeedback] = {}
    word_counts: dict[str, int] = {}
    tag_counts: dict[tuple[str, str], int] = {}
    documents: int = 0
    neighbours: tuple[Neighbour, ...] = ()
    recurrences: int = 0
    none_feedback: int = 0
    unrelated_problems: int = 0
    is_outside: bool = False
    feedback: dict[str, Opinion] = {}
    feedback_on_none: Opinion | None = None
    reports: dict[str, frozenset[str]] = {}
    reported_kinds: frozenset[str] = frozenset()
