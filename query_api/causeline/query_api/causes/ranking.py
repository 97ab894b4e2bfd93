"""The ranking: every candidate's probability of being the cause, with reasons that add up, and the probability of none.

Scores add up from the features; the probabilities are the softmax over the null candidate and the changes. A candidate's place depends
on itself and the context alone, never on the other candidates. What must change together: `verdicts.py`, docs/causes.md.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from causeline.query_api.causes.context import Context, Feedback, Opinion
from causeline.query_api.causes.evidence import Evidence, Term
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.features import FEATURES, FEEDBACK_FEATURE
from causeline.query_api.causes.model import DEFAULT_MODEL, Model
from causeline.query_api.causes.null import null_terms
from causeline.query_api.causes.scope import CauseRelation, relate
from causeline.query_api.causes.timing import is_vetoed
from causeline.query_api.causes.verdicts import BlindSpot, blind_spots, decide_verdict, is_confirmed
from causeline.schemas.records.causes import CauseVerdict

_FEEDBACK_TEXTS: dict[Feedback, str] = {
    "confirmed": "somebody confirmed that it was the cause",
    "rejected": "somebody ruled it out",
    "implied": "its rollback ended the problem",
}


class Reason(NamedTuple):
    """What one feature adds to a candidate's score, and why: the terms that weights multiply."""

    feature: str
    contribution: float
    text: str
    terms: tuple[Term, ...] = ()


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """A change as a cause. `score` is the sum of its reasons' contributions.

    `offset_seconds` is from the problem's start to the change's time, negative before: reasons that say when count from that start too.
    """

    event_id: str
    probability: float
    score: float
    relation: CauseRelation
    offset_seconds: float
    feedback: Feedback | None
    reasons: tuple[Reason, ...]


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """All causes, the likeliest first. `none_score`, of `none_terms`, is what the null candidate has instead of reasons."""

    verdict: CauseVerdict
    none_probability: float
    none_score: float
    candidates: int
    causes: tuple[Cause, ...]
    blind_spots: tuple[BlindSpot, ...]
    model: str
    none_terms: tuple[Term, ...] = ()


class _Scored(NamedTuple):
    change: Candidate
    score: float
    reasons: tuple[Reason, ...]
    opinion: Opinion | None


def evidence_of(problem: ProblemFacts, change: Candidate, context: Context) -> list[tuple[str, Evidence]]:
    """Return what each feature has to say of a change, by the feature's name."""
    pairs = ((feature.name, feature.weigh(problem, change, context)) for feature in FEATURES)
    return [(name, evidence) for name, evidence in pairs if evidence is not None]


def terms_of(problem: ProblemFacts, change: Candidate, context: Context) -> list[Term]:
    """Return the terms of a change's score."""
    return [term for _, evidence in evidence_of(problem, change, context) for term in evidence.terms]


def is_ranked(problem: ProblemFacts, change: Candidate, context: Context) -> bool:
    """Tell whether a change stands in the ranking: it began before the onset, or somebody said something of it."""
    return not is_vetoed(change, problem.onset) or change.id in context.feedback


def rank(problem: ProblemFacts, candidates: Iterable[Candidate], context: Context, model: Model = DEFAULT_MODEL) -> Ranking:
    """Rank the changes of a problem and the chance of none. The order of `candidates` does not matter, nor does any clock.

    What a reader may not see must not be among the candidates: the ranking is then as if it never was. What somebody confirmed stands
    first, the newest of them first of all; what somebody rejected has no part in the sum and stands last.
    """
    ranks = [_score(problem, change, context, model) for change in candidates if is_ranked(problem, change, context)]
    ranks.sort(key=lambda each: _place(each, problem.start))
    none_terms = null_terms(context)
    none_score = model.score(none_terms)
    parts = _softmax(
        [each.score if each.opinion is None or is_confirmed(each.opinion) else -math.inf for each in ranks], none_score, context
    )
    causes = tuple(_cause(problem, each, part, context) for each, part in zip(ranks, parts[1:], strict=True))
    return Ranking(
        verdict=decide_verdict(problem, [(part, each.opinion) for each, part in zip(ranks, parts[1:], strict=True)], parts[0], context),
        none_probability=parts[0],
        none_score=none_score,
        candidates=len(causes),
        causes=causes,
        blind_spots=blind_spots(problem, context),
        model=model.version,
        none_terms=none_terms,
    )


def _score(problem: ProblemFacts, change: Candidate, context: Context, model: Model) -> _Scored:
    reasons = [
        Reason(name, model.score(evidence.terms), evidence.text, evidence.terms)
        for name, evidence in evidence_of(problem, change, context)
        if evidence.terms
    ]
    opinion = context.feedback.get(change.id)
    if opinion is not None:
        reasons.insert(0, Reason(FEEDBACK_FEATURE, 0.0, _FEEDBACK_TEXTS[opinion.feedback]))
    score = math.fsum(reason.contribution for reason in reasons)
    return _Scored(change, score, tuple(reasons), opinion)


def _place(each: _Scored, start: int) -> tuple[int, int, float, int, str]:
    """Return what is sorted by: what people said, the score, how near in time it is, and the id, so that there is one order only."""
    group, newest = (1, 0) if each.opinion is None else (0, -each.opinion.at) if is_confirmed(each.opinion) else (2, 0)
    return group, newest, -each.score, abs(each.change.ts - start), each.change.id


def _softmax(scores: Sequence[float], none_score: float, context: Context) -> list[float]:
    """Return the part of none, then of each score. Rejected ones, none among them, have no part; nothing at all has nothing."""
    opinion = context.feedback_on_none
    all_scores = [none_score if opinion is None or is_confirmed(opinion) else -math.inf, *scores]
    highest = max(all_scores)
    if highest == -math.inf:
        return [0.0] * len(all_scores)
    parts = [math.exp(score - highest) for score in all_scores]
    whole = math.fsum(parts)
    return [part / whole for part in parts]


def _cause(problem: ProblemFacts, each: _Scored, probability: float, context: Context) -> Cause:
    return Cause(
        event_id=each.change.id,
        probability=probability,
        score=each.score,
        relation=relate(problem, each.change, context),
        offset_seconds=(each.change.ts - problem.start) / 1000,
        feedback=each.opinion.feedback if each.opinion is not None else None,
        reasons=tuple(sorted(each.reasons, key=lambda reason: (reason.feature != FEEDBACK_FEATURE, -abs(reason.contribution)))),
    )
