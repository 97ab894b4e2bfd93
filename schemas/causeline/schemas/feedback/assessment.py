"""What one tenant says of one change in one problem, and as its record of the configuration holds it.

What must change together: the members here, what a body may say (`causeline.ingest.feedback.requests`) and its OpenAPI schema.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple

import msgspec

from causeline.schemas.records.config import Value
from causeline.schemas.records.key_uses import KeyUse

AssessmentVerdict = Literal["confirmed", "rejected"]

NO_EVENT: Final = "none"
"""Where the id of an event stands: that no change did it."""


class Assessment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That a change was the cause of a problem, or was not. `at` is ms UTC, `by` who said it, '' where nobody is authenticated.

    `service` (as the event names it) and `kind` are the change's, `correlation_id` the problem's, so that what was said before is counted
    without looking anything up. `is_restricted`: the event was for some groups only.
    """

    verdict: AssessmentVerdict
    note: str = ""
    at: int = 0
    by: str = ""
    service: str = ""
    kind: str = ""
    correlation_id: str = ""
    is_restricted: bool = False


class AssessmentRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the configuration holds of one change in one problem: what was said (None: taken back), and the keys of the last writes."""

    assessment: Assessment | None = None
    uses: dict[str, KeyUse] = msgspec.field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has to be remembered."""
        return self.assessment is None and not self.uses

    @property
    def value(self) -> Value | None:
        """Return what is stored, None where nothing has to be remembered."""
        content: Mapping[str, Any] = msgspec.to_builtins(self)
        return None if self.is_empty else content


class AssessmentPlace(NamedTuple):
    """A problem and an event (or `NO_EVENT`), by their ids."""

    problem: str
    event: str


def assessment_key(tenant: str, place: AssessmentPlace) -> str:
    """Return where what was said lies. Neither a tenant's name nor an id holds a slash."""
    return f"{tenant}/{place.problem}/{place.event}"


def assessment_record(value: Value) -> AssessmentRecord:
    """Return the record of a stored value. Raises msgspec.ValidationError."""
    return msgspec.convert(value, AssessmentRecord)
