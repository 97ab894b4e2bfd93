"""What a body says of a change: the verdict and a note. Pure."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, cast, get_args

from causeline.schemas.feedback.assessment import Assessment, AssessmentPlace, AssessmentVerdict
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, Invalid, strangers

MAX_NOTE: Final = 2_000
FEEDBACK_MEMBERS: Final = ("verdict", "note")
VERDICTS: Final = get_args(AssessmentVerdict)


class FeedbackBody(NamedTuple):
    """What was sent, the note without blanks around it."""

    verdict: AssessmentVerdict
    note: str


def feedback_of(content: Mapping[str, Any]) -> FeedbackBody:
    """Return what a body says; a note that is absent or null is empty. Raises Invalid naming what is wrong."""
    errors = strangers(content, FEEDBACK_MEMBERS, "is not a member of feedback")
    verdict, note = content.get("verdict"), content.get("note")
    if verdict not in VERDICTS:
        errors.append(FieldError("verdict", f"must be {' or '.join(VERDICTS)}"))
    text = "" if note is None else note.strip() if isinstance(note, str) else None
    if text is None or len(text) > MAX_NOTE:
        errors.append(FieldError("note", f"must be a text of at most {MAX_NOTE:,} characters"))
    if errors:
        raise Invalid.naming(errors)
    return FeedbackBody(cast("AssessmentVerdict", verdict), text or "")


def feedback_view(place: AssessmentPlace, assessment: Assessment) -> dict[str, Any]:
    """Return the JSON object that shows what was said of an event in a problem."""
    return {
        "problem_id": place.problem,
        "event_id": place.event,
        "verdict": assessment.verdict,
        "note": assessment.note,
        "by": assessment.by,
        "at": rfc3339(assessment.at),
    }
