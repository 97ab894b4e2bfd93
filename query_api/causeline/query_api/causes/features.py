"""The table of features: what is asked of every candidate, and where each idea comes from.

A feature that has nothing to say is left out. What must change together: this table, the weights of `model.py`, docs/causes.md.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from causeline.query_api.causes.breadth import weigh_breadth
from causeline.query_api.causes.context import Context
from causeline.query_api.causes.evidence import Evidence
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.rates import weigh_history, weigh_kind, weigh_outcome, weigh_surprise
from causeline.query_api.causes.scope import weigh_environment, weigh_scope
from causeline.query_api.causes.timing import weigh_time
from causeline.query_api.causes.versions import weigh_version
from causeline.query_api.causes.wording import weigh_text

Weigh = Callable[[ProblemFacts, Candidate, Context], Evidence | None]


class Feature(NamedTuple):
    """One row: its name, the question that it answers, and where the idea comes from. Its weights are named after it."""

    name: str
    question: str
    source: str
    weigh: Weigh


FEATURES: Final = (
    Feature(
        "time",
        "How long before the onset did it take effect?",
        "event studies: the density of delays of known causes beside that of any time",
        lambda problem, change, _: weigh_time(problem, change),
    ),
    Feature(
        "scope", "How close is what was changed to what is broken?", "service graphs: faults travel from callees to callers", weigh_scope
    ),
    Feature(
        "version",
        "Did it bring what the problem names?",
        "error trackers: the first release that an error is seen in",
        lambda problem, change, _: weigh_version(problem, change),
    ),
    Feature(
        "environment",
        "Is it in the same environment?",
        "practice: what staging does, production does not feel",
        lambda problem, change, _: weigh_environment(problem, change),
    ),
    Feature(
        "kind",
        "How often does a problem follow such a change?",
        "change failure rates, with shrinkage as in empirical Bayes",
        lambda _, change, context: weigh_kind(change, context),
    ),
    Feature(
        "outcome",
        "Did it fail, was it rolled back, did it never finish?",
        "practice: who rolls back has a reason",
        lambda problem, change, _: weigh_outcome(problem, change),
    ),
    Feature(
        "surprise",
        "How unusual is such a change?",
        "information theory: what happens all day carries little",
        lambda _, change, context: weigh_surprise(change, context),
    ),
    Feature("text", "Do both speak of the same rare things?", "retrieval: inverse document frequency", weigh_text),
    Feature(
        "breadth",
        "Does it explain other problems of the same minutes?",
        "fault localization: one cause for many symptoms",
        lambda _, change, context: weigh_breadth(change, context),
    ),
    Feature(
        "history",
        "Were such changes causes before?",
        "feedback of the people who were on call",
        lambda _, change, context: weigh_history(change, context),
    ),
)

FEEDBACK_FEATURE: Final = "feedback"
"""What people say of this change and this problem is shown as a reason, but weighs nothing: it decides where the change stands."""
