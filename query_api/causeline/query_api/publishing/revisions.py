"""The record of a ranking, and of its end. Pure."""

import msgspec

from causeline.query_api.causes.ranking import Cause
from causeline.query_api.publishing.last_ranking import LastRanking
from causeline.query_api.publishing.news import is_news
from causeline.query_api.reading.causes import RankedCauses, is_provisional, round_shown
from causeline.schemas.records.causes import (
    MOST_PUBLISHED,
    MOST_SUMMARY,
    BlindSpotEntry,
    CauseEntry,
    CauseRevision,
    Occasion,
    ReasonEntry,
)
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem


def revise(
    problem: Problem, answer: RankedCauses, before: LastRanking | None, *, occasion: Occasion, computed_at: int, as_of: int
) -> CauseRevision:
    """Return the next revision of a problem's ranking. `answer` must be of what everybody of the tenant may see."""
    ranking = answer.ranking
    causes = [_entry(cause, answer.events[cause.event_id]) for cause in ranking.causes[:MOST_PUBLISHED]]
    revision = CauseRevision(
        tenant=problem.tenant,
        id=problem.id,
        revision=1 if before is None else before.revision + 1,
        occasion=occasion,
        verdict=ranking.verdict,
        previous_verdict="" if before is None else before.told_verdict,
        none_probability=round_shown(ranking.none_probability),
        none_score=round_shown(ranking.none_score),
        candidates=ranking.candidates,
        truncated=answer.is_truncated,
        provisional=is_provisional(problem, computed_at),
        model=ranking.model,
        computed_at=computed_at,
        as_of=as_of,
        causes=causes,
        blind_spots=[BlindSpotEntry(service=spot.service, kind=spot.kind) for spot in ranking.blind_spots],
        problem_version=problem.version,
        correlation_id=problem.correlation_id,
        dialect=problem.dialect,
        kind=problem.kind,
        state=problem.state,
        start=problem.start,
        end=problem.end,
        service=problem.service,
        environment=problem.environment,
        priority=problem.priority,
        title=problem.title,
        text=problem.text,
        tags=problem.tags,
        entities=problem.entities,
    )
    return msgspec.structs.replace(revision, is_news=is_news(revision, answer, before))


def delete_revision(before: LastRanking, computed_at: int) -> CauseRevision:
    """Return the last revision of a problem that was deleted: no cause, no news, nothing of what it said."""
    bare = before.bare
    return msgspec.structs.replace(
        bare,
        revision=bare.revision + 1,
        is_deleted=True,
        previous_verdict=before.told_verdict,
        occasion="deleted",
        is_news=False,
        candidates=0,
        truncated=False,
        computed_at=max(computed_at, bare.computed_at),
    )


def _entry(cause: Cause, event: Event) -> CauseEntry:
    return CauseEntry(
        event_id=cause.event_id,
        probability=round_shown(cause.probability),
        score=round_shown(cause.score),
        relation=cause.relation,
        offset_seconds=cause.offset_seconds,
        feedback=cause.feedback or "",
        kind=event.kind,
        title=event.title[:MOST_SUMMARY],
        service=event.service,
        ts=event.ts,
        reasons=[
            ReasonEntry(feature=reason.feature, contribution=round_shown(reason.contribution), text=reason.text) for reason in cause.reasons
        ],
    )
