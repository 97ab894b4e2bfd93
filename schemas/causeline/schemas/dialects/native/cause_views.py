"""The native API's words for a published ranking of causes: as GET shows it, without the events, which are summed up as of then."""

from typing import Any

from causeline.schemas.records.causes import CauseEntry, CauseRevision
from causeline.schemas.values.times import rfc3339


def snapshot_view(revision: CauseRevision) -> dict[str, Any]:
    """Return a revision as `GET /v1/problems/{id}/causes` shows a ranking, times in RFC 3339 UTC."""
    return {
        "problem": _problem_view(revision),
        "revision": revision.revision,
        "occasion": revision.occasion,
        "is_news": revision.is_news,
        "verdict": revision.verdict,
        "previous_verdict": revision.previous_verdict or None,
        "none_probability": revision.none_probability,
        "none_score": revision.none_score,
        "candidates": revision.candidates,
        "truncated": revision.truncated,
        "provisional": revision.provisional,
        "model": revision.model,
        "computed_at": rfc3339(revision.computed_at),
        "as_of": rfc3339(revision.as_of),
        "blind_spots": [{"service": spot.service, "kind": spot.kind} for spot in revision.blind_spots],
        "causes": [_entry_view(cause) for cause in revision.causes],
    }


def _problem_view(revision: CauseRevision) -> dict[str, Any]:
    return {
        "id": revision.id,
        "version": revision.problem_version,
        "tenant": revision.tenant,
        "correlation_id": revision.correlation_id,
        "dialect": revision.dialect,
        "kind": revision.kind,
        "state": revision.state,
        "start": rfc3339(revision.start),
        "end": None if revision.end is None else rfc3339(revision.end),
        "service": revision.service,
        "environment": revision.environment,
        "priority": revision.priority,
        "title": revision.title,
        "text": revision.text,
        "tags": revision.tags,
        "entities": revision.entities,
    }


def _entry_view(cause: CauseEntry) -> dict[str, Any]:
    return {
        "probability": cause.probability,
        "score": cause.score,
        "relation": cause.relation,
        "offset_seconds": cause.offset_seconds,
        "feedback": cause.feedback or None,
        "reasons": [{"feature": reason.feature, "contribution": reason.contribution, "text": reason.text} for reason in cause.reasons],
        "event": change_summary(cause),
    }


def change_summary(cause: CauseEntry) -> dict[str, Any]:
    """Return what a ranking tells of a change, which is all that is left of one that is gone."""
    return {"id": cause.event_id, "kind": cause.kind, "title": cause.title, "service": cause.service, "ts": rfc3339(cause.ts)}
