"""What the past says of changes like this one: how often problems follow them, how usual they are, what people said of them."""

import math
from typing import Final

from causeline.query_api.causes.context import Context, Pair, PastFeedback, RiskCount
from causeline.query_api.causes.evidence import Evidence, Term, clip, say_duration, say_kind
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.kinds import DAY, HOUR
from causeline.query_api.causes.outcomes import BEGINNINGS, fold_status
from causeline.query_api.causes.timing import effective_moment

_PRIOR_CHANGES: Final = 20.0
"""How many changes of the wider group count beside those of the narrower one: with fewer, the group says more than they do."""
_MOST_RISK: Final = 2.0
_MOST_SURPRISE: Final = 4.0
_USUAL: Final = math.log(3)
"""Between one in three days and three a day nothing is unusual."""
_MOST_HISTORY: Final = 2.0
_SLIGHT: Final = 0.1
"""Below this a logarithm is not worth a line."""


def _shrink(count: RiskCount, wider: float) -> float:
    return (count.problems + _PRIOR_CHANGES * wider) / (count.changes + _PRIOR_CHANGES)


def weigh_kind(change: Candidate, context: Context) -> Evidence | None:
    """Return how much oftener than after any change a problem follows this kind of change of this service, as a logarithm."""
    if context.risk.changes <= 0 or context.risk.problems <= 0:
        return None
    overall = context.risk.problems / context.risk.changes
    by_kind = _shrink(context.kind_risks.get(change.kind, RiskCount()), overall)
    own = context.risks.get(Pair(change.service, change.kind), RiskCount())
    value = clip(math.log(_shrink(own, by_kind) / overall), -_MOST_RISK, _MOST_RISK)
    if abs(value) < _SLIGHT:
        return None
    what = say_kind(change.kind)
    often = "more often" if value > 0 else "less often"
    text = f"problems follow {what}s {often} than other changes"
    if own.changes >= _PRIOR_CHANGES:
        text = f"a problem followed {own.problems:.0f} of {own.changes:.0f} {what}s of {change.service or 'no service'} within a day"
    return Evidence((Term("kind", value),), text)


def weigh_outcome(problem: ProblemFacts, change: Candidate) -> Evidence | None:
    """Return what it means that a change failed, was rolled back, or should long have ended as the problem began."""
    if change.outcome == "rolled_back":
        return Evidence((Term("outcome.rolled_back", 1.0),), "was rolled back")
    if change.outcome == "failed":
        return Evidence((Term("outcome.failed", 1.0),), "failed")
    newest = effective_moment(change, problem.onset).at
    if change.end is None and change.start is not None and fold_status(change.status) in BEGINNINGS and problem.onset - newest > HOUR:
        text = f"never finished: nothing heard of it for {say_duration(problem.start - newest)} before the problem began"
        return Evidence((Term("outcome.unfinished", 1.0),), text)
    return None


def weigh_surprise(change: Candidate, context: Context) -> Evidence | None:
    """Return how unusual such a change is: 0 for one a day, as a logarithm. A service without a known rate says nothing."""
    rate = context.deploys_per_day.get(Pair(change.service, change.kind), 0.0)
    if rate <= 0:
        return None
    value = clip(-math.log(rate), -_MOST_SURPRISE, _MOST_SURPRISE)
    if abs(value) < _USUAL:
        return None
    what = f"{change.service or 'something'} has {_add_article(change.kind)}"
    if rate > 1:
        return Evidence((Term("surprise", value),), f"{what} about {rate:.0f} times a day, so one says little")
    return Evidence((Term("surprise", value),), f"{what} about once in {say_duration(DAY / rate)}, so one says much")


def weigh_history(change: Candidate, context: Context) -> Evidence | None:
    """Return what people said of such changes in other problems."""
    past = context.history.get(Pair(change.service, change.kind), PastFeedback())
    if past.confirmations == past.rejections:
        return None
    value = clip(math.log((past.confirmations + 1) / (past.rejections + 1)), -_MOST_HISTORY, _MOST_HISTORY)
    what = f"{say_kind(change.kind)}s of {change.service or 'no service'}"
    opinions = f"{_times(past.confirmations)} confirmed as a cause, {_times(past.rejections)} rejected"
    return Evidence((Term("history", value),), f"{what}: {opinions}")


def _add_article(kind: str) -> str:
    what = say_kind(kind)
    return f"{'an' if what[:1] in 'aeiou' else 'a'} {what}"


def _times(number: int) -> str:
    return f"{number:,} {'time' if number == 1 else 'times'}"
