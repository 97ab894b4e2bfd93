"""Time: how long before the onset a change took effect, and what that says.

The density of the delay is a mixture of two lognormals: faults that show at once (median 10 minutes) and faults that creep (leaks, caches,
jobs of the night; median 3 hours). What counts is the density beside that of changes that come at any time, so neither 30 seconds nor two
hours is best. It has a floor: a long delay alone refutes nothing, and nothing that began before the onset is below what began after it.
"""

import math
from typing import Final, NamedTuple

from causeline.query_api.causes.evidence import Evidence, Term, clip, say_duration
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.kinds import CLOCK_ERROR, HOUR, MINUTE

FLOOR: Final = -4.0
_SHORTEST: Final = MINUTE / 4


class _Lognormal(NamedTuple):
    share: float
    median: float
    sigma: float

    def density(self, delay: float) -> float:
        z = math.log(delay / self.median) / self.sigma
        return self.share * math.exp(-z * z / 2) / (delay * self.sigma * math.sqrt(2 * math.pi))


_MIXTURE: Final = (_Lognormal(0.75, 10 * MINUTE, 1.0), _Lognormal(0.25, 3 * HOUR, 1.2))


class Effect(NamedTuple):
    """When a change took effect last before the onset, ms UTC, and what happened then, in words."""

    at: int
    what: str


def is_vetoed(change: Candidate, onset: int) -> bool:
    """Tell whether a change had its first effect after the onset, by more than clocks differ: then it did nothing to it."""
    return change.begin > onset + CLOCK_ERROR


def effective_moment(change: Candidate, onset: int) -> Effect:
    """Return the latest instant of a change and its steps that is not after the onset (and the clock error), else its begin.

    An unfinished step counts by its start, a failed one by its end too.
    """
    moments = [Effect(change.begin, "began")]
    if change.end is not None:
        moments.append(Effect(change.end, "finished"))
    for step in change.steps:
        moments.append(Effect(step.start, "a step began"))
        if step.end is not None:
            moments.append(Effect(step.end, "a step finished"))
    return max((moment for moment in moments if moment.at <= onset + CLOCK_ERROR), default=moments[0])


def log_density(delay: float) -> float:
    """Return the logarithm of a delay's density (ms) beside that of any instant of four hours, not below the floor."""
    density = sum(part.density(max(delay, _SHORTEST)) for part in _MIXTURE)
    return math.log(max(density * 4 * HOUR, math.exp(FLOOR)))


def weigh_time(problem: ProblemFacts, change: Candidate) -> Evidence:
    """Return what the delay says. One whose first effect is after the onset has the floor, and a discount.

    The weight counts from the onset, the words from the start: that is what a problem shows, and what offsets count from.
    """
    onset = problem.onset
    if change.begin > onset:
        return Evidence((Term("time", FLOOR), Term("time.after", 1.0)), _say_late(problem, change))
    moment = effective_moment(change, onset)
    value = clip(log_density(onset - moment.at), FLOOR, -FLOOR)
    return Evidence((Term("time", value),), _say(moment, problem.start))


def _say(moment: Effect, start: int) -> str:
    if moment.at == start:
        return f"{moment.what} as the problem began"
    side = "before" if moment.at < start else "after"
    return f"{moment.what} {say_duration(moment.at - start)} {side} the problem began"


def _say_late(problem: ProblemFacts, change: Candidate) -> str:
    """Return when a change began whose first effect is after the onset, and why it is there all the same."""
    words = [_say(Effect(change.begin, "began"), problem.start)]
    if change.begin <= problem.start:
        words.append(f"less than the {say_duration(problem.detection_delay_ms)} that noticing takes")
    if not is_vetoed(change, problem.onset):
        words.append("which clocks may explain")
    return ", ".join(words)
