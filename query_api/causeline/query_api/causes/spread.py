"""Spread: which other services suffer in the same minutes though nothing known connects them with this problem. They speak for no change.

Where many suffer at once, something mostly reaches them all, and that may have been changed: what this service depends on, they depend on
too, or a change of shortly before is for everything. A fault has one cause, so the one service that explains the most of them is taken, and
only what it leaves unexplained counts: in a fleet any two services have some callee in common.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import islice
from typing import Final

from causeline.query_api.causes.context import Neighbour
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.timing import effective_moment, is_vetoed, log_density

MOST_SUFFERING: Final = 50
"""Services whose problems are looked at, the first ones: what each depends on is looked up, and more would say the same."""
MOST_REACHED: Final = 100
"""Of what one of them depends on, the nearest: beyond that everything of a fleet is reached from everywhere."""


def count_unrelated(
    problem: ProblemFacts,
    others: Iterable[Neighbour],
    candidates: Iterable[Candidate],
    callees: Mapping[str, int],
    callers: frozenset[str],
    reach: Callable[[str], Collection[str]],
) -> int:
    """Return how many services of other problems neither a common dependency nor a change for everything connects with this problem.

    `others` opened within minutes of it, in no other environment, the nearest first. `callees` and `callers` are the problem's own, `reach`
    tells what a service depends on. Of a problem that says neither service nor entity nothing is unrelated.
    """
    if not problem.service and not problem.entities:
        return 0
    own = {problem.service, *callees} - {""}
    apart = (other for other in others if other.service not in own | callers | {""} and problem.entities.isdisjoint(other.entities))
    suffering = list(islice(dict.fromkeys(other.service for other in apart), MOST_SUFFERING))
    if not suffering or any(change.is_unscoped and _is_timely(change, problem.onset) for change in candidates):
        return 0
    common_counts = Counter(name for service in suffering for name in own.intersection(reach(service)))
    return len(suffering) - max(common_counts.values(), default=0)


def _is_timely(change: Candidate, onset: int) -> bool:
    """Tell whether a change took effect when causes do: its time speaks for it."""
    return not is_vetoed(change, onset) and log_density(max(onset - effective_moment(change, onset).at, 0)) > 0
