"""What one request does to a tenant's feedback: repeats, bounds, and what is cleared away beside it. Pure.

Who says again what holds changes nothing: the first word stays, with its time. A key is remembered in the record that it wrote.
"""

from typing import Final, NamedTuple

import msgspec

from causeline.ingest.idempotency import fingerprint_of
from causeline.ingest.key_memory import KeyMemory
from causeline.schemas.feedback.assessment import Assessment, AssessmentPlace, AssessmentRecord
from causeline.schemas.feedback.view import TenantFeedback
from causeline.schemas.web.errors import Invalid

MAX_OF_PROBLEM: Final = 100
"""Pieces of feedback on one problem: each may name an event that a ranking has to fetch."""
MAX_FEEDBACK_BYTES: Final = 16 << 20
"""Of all feedback of a tenant: 10,000 of 1.6 KB. Every server holds them."""
_SWEPT: Final = 100
"""Old records that a request clears away beside its own work."""
_DELETE: Final = fingerprint_of({"deleted": True})


class FeedbackLimits(NamedTuple):
    """How much feedback a tenant may give, how long an idempotency key is known, and how long problems are kept (ms)."""

    assessments: int = 10_000
    key_window_ms: int = 3_600_000
    retention_ms: int = 730 * 86_400_000


class FeedbackChanges:
    """The changes of one request at `now` (ms UTC) under its idempotency key ('' without). `records` is what has to be written."""

    def __init__(self, feedback: TenantFeedback, limits: FeedbackLimits, now: int, key: str) -> None:
        self.records: Final[dict[AssessmentPlace, AssessmentRecord]] = {}
        self._feedback, self._limits, self._now = feedback, limits, now
        self._keys = KeyMemory(key, now, limits.key_window_ms)
        old_places = (place for place, record in feedback.records.items() if self._is_old(record))
        for place, _ in zip(old_places, range(_SWEPT), strict=False):
            self.records[place] = AssessmentRecord()

    def put(self, place: AssessmentPlace, assessment: Assessment) -> None:
        """Let this be said from here on. Raises Invalid beyond a bound, Conflict where the key came with other content."""
        record = self._record(place)
        content = {"verdict": assessment.verdict, "note": assessment.note}
        fingerprint = fingerprint_of(content) if self._keys.is_keyed else 0
        if self._keys.use(record.uses, fingerprint):
            return
        before = record.assessment
        is_same = before is not None and (before.verdict, before.note) == (assessment.verdict, assessment.note)
        after = AssessmentRecord(assessment=before if is_same else assessment, uses=self._keys.next_uses(record.uses, fingerprint))
        if after != record:
            self._demand_room(place, after)
            self.records[place] = after

    def delete(self, place: AssessmentPlace) -> None:
        """Let nothing be said from here on; where nothing is, nothing changes. Raises Conflict as `put`."""
        record = self._record(place)
        if record.assessment is None or self._keys.use(record.uses, _DELETE):
            return
        self.records[place] = AssessmentRecord(uses=self._keys.next_uses(record.uses, _DELETE))

    def _record(self, place: AssessmentPlace) -> AssessmentRecord:
        return self.records.get(place) or self._feedback.records.get(place) or AssessmentRecord()

    def _demand_room(self, place: AssessmentPlace, after: AssessmentRecord) -> None:
        """Refuse what would be too much; who says no more than was said may always."""
        of_problem = self._feedback.of_problem(place.problem)
        if place.event not in of_problem and len(of_problem) >= MAX_OF_PROBLEM:
            raise Invalid(f"a problem takes at most {MAX_OF_PROBLEM} pieces of feedback")
        count = len(self._feedback.records) - len(self.records)
        if place not in self._feedback.records and count >= self._limits.assessments:
            message = (
                f"a tenant has at most {self._limits.assessments:,} pieces of feedback (--max-feedback), those just taken back among them"
            )
            raise Invalid(message)
        more = len(msgspec.json.encode(after)) - self._feedback.sizes.get(place, 0)
        if more > 0 and self._feedback.total_bytes + more > MAX_FEEDBACK_BYTES:
            raise Invalid(f"the feedback of a tenant takes at most {MAX_FEEDBACK_BYTES >> 20} MiB together")

    def _is_old(self, record: AssessmentRecord) -> bool:
        """Tell whether nobody asks for it any more: its problem, which began before it, is gone; or all its keys are forgotten."""
        if record.assessment is not None:
            return record.assessment.at <= self._now - self._limits.retention_ms
        return all(map(self._keys.is_forgotten, record.uses.values()))
