"""How a published ranking is shown: as a ranking of now is (`causes_http.py`), with what is left of its changes."""

from typing import Any

from causeline.query_api.questions.query import ProblemHistory
from causeline.query_api.questions.views import history_view
from causeline.query_api.reading.revisions import PastCauses
from causeline.schemas.dialects.native.cause_views import change_summary
from causeline.schemas.dialects.native.views import view
from causeline.schemas.records.causes import CauseEntry
from causeline.schemas.records.event import Event
from causeline.schemas.values.times import rfc3339


def revision_view(history: ProblemHistory, past: PastCauses) -> dict[str, Any]:
    """Return a published ranking as `?at=` shows it: the problem and the changes as they are now, the rest as it was said."""
    return {"problem": history_view(history), **past_view(past)}


def past_view(past: PastCauses) -> dict[str, Any]:
    """Return a published ranking without its problem. Who gave feedback, and with which words, is not published."""
    revision = past.revision
    return {
        "verdict": revision.verdict,
        "none_probability": revision.none_probability,
        "none_score": revision.none_score,
        "none_assessment": None,
        "candidates": revision.candidates,
        "truncated": revision.truncated,
        "provisional": revision.provisional,
        "revision": revision.revision,
        "model": revision.model,
        "computed_at": rfc3339(revision.computed_at),
        "as_of": rfc3339(revision.as_of),
        "blind_spots": [{"service": spot.service, "kind": spot.kind} for spot in revision.blind_spots],
        "causes": [_entry_view(entry, past.events.get(entry.event_id)) for entry in revision.causes],
    }


def _entry_view(entry: CauseEntry, event: Event | None) -> dict[str, Any]:
    reasons = [{"feature": reason.feature, "contribution": reason.contribution, "text": reason.text} for reason in entry.reasons]
    return {
        "probability": entry.probability,
        "score": entry.score,
        "relation": entry.relation,
        "offset_seconds": entry.offset_seconds,
        "feedback": entry.feedback or None,
        "assessment": None,
        "reasons": reasons,
        "event": change_summary(entry) if event is None else view(event),
    }
