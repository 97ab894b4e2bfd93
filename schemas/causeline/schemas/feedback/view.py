"""What every tenant said of changes in problems, as this process has followed it, with the counts that rankings ask for.

Counts are of what everybody of the tenant may know: what was said of an event that was for some groups only is in none of them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from causeline.schemas.feedback.assessment import NO_EVENT, Assessment, AssessmentPlace, AssessmentRecord, assessment_record
from causeline.schemas.records.config import FEEDBACK, ConfigView, Value

FeedbackListener = Callable[[str, str], None]
"""Called with the tenant and the id of the problem of which something was said or taken back."""

_NOTHING: Final[Mapping[str, Assessment]] = MappingProxyType({})


class VerdictCount(NamedTuple):
    """How often changes were confirmed as a cause, and how often rejected."""

    confirmations: int = 0
    rejections: int = 0


class TenantFeedback:
    """What holds of one tenant. `records` are by place (those of what was taken back too, while their keys count)."""

    def __init__(self) -> None:
        self.records: Final[dict[AssessmentPlace, AssessmentRecord]] = {}
        self.sizes: Final[dict[AssessmentPlace, int]] = {}
        self.total_bytes = 0
        self._by_problem: Final[dict[str, dict[str, Assessment]]] = {}
        self._by_event: Final[dict[str, dict[str, None]]] = {}
        self._by_change: Final[dict[tuple[str, str], VerdictCount]] = {}
        self._confirmed_none: Final[Counter[str]] = Counter()
        self._explanations: Final[Counter[str]] = Counter()

    def take(self, place: AssessmentPlace, record: AssessmentRecord | None, size: int) -> None:
        """Let a place hold this record from here on; None takes it away."""
        self.total_bytes += size - self.sizes.pop(place, 0)
        before = self.records.pop(place, None)
        if before is not None and before.assessment is not None:
            self._forget(place, before.assessment)
        if record is not None:
            self.records[place], self.sizes[place] = record, size
            if record.assessment is not None:
                self._remember(place, record.assessment)

    def of_problem(self, problem_id: str) -> Mapping[str, Assessment]:
        """Return what was said in a problem, by the event's id or `NO_EVENT`."""
        return self._by_problem.get(problem_id, _NOTHING)

    def problems_of(self, event_id: str) -> Collection[str]:
        """Return the problems in which something was said of an event, oldest word first."""
        return tuple(self._by_event.get(event_id, ()))

    def count_of(self, service: str, kind: str) -> VerdictCount:
        """Return how often changes of this kind, of what events call by this name, were confirmed and rejected."""
        return self._by_change.get((service, kind), VerdictCount())

    def none_count(self, correlation_id: str) -> int:
        """Return in how many problems of a correlation id it was confirmed that no change did them."""
        return self._confirmed_none[correlation_id]

    def is_explained(self, problem_id: str) -> bool:
        """Tell whether a change was confirmed as the cause of a problem."""
        return problem_id in self._explanations

    def _remember(self, place: AssessmentPlace, assessment: Assessment) -> None:
        self._by_problem.setdefault(place.problem, {})[place.event] = assessment
        if place.event != NO_EVENT:
            self._by_event.setdefault(place.event, {})[place.problem] = None
        self._count(place, assessment, 1)

    def _forget(self, place: AssessmentPlace, assessment: Assessment) -> None:
        of_problem = self._by_problem[place.problem]
        del of_problem[place.event]
        if not of_problem:
            del self._by_problem[place.problem]
        if (of_event := self._by_event.get(place.event)) is not None:
            of_event.pop(place.problem, None)
            if not of_event:
                del self._by_event[place.event]
        self._count(place, assessment, -1)

    def _count(self, place: AssessmentPlace, assessment: Assessment, by: int) -> None:
        is_confirmed = assessment.verdict == "confirmed"
        if place.event == NO_EVENT:
            if is_confirmed:
                _add(self._confirmed_none, assessment.correlation_id, by)
        elif not assessment.is_restricted:
            pair = assessment.service, assessment.kind
            confirmations, rejections = self.count_of(*pair)
            self._by_change[pair] = VerdictCount(confirmations + by * is_confirmed, rejections + by * (not is_confirmed))
            if self._by_change[pair] == VerdictCount():
                del self._by_change[pair]
            if is_confirmed:
                _add(self._explanations, place.problem, by)


def _add(counts: Counter[str], name: str, by: int) -> None:
    counts[name] += by
    if not counts[name]:
        del counts[name]


class FeedbackView:
    """The fold of the configuration's feedback, kept up by listening. Made before the configuration is followed, or later."""

    def __init__(self, view: ConfigView) -> None:
        self._tenants: Final[dict[str, TenantFeedback]] = {}
        self._listeners: Final[list[FeedbackListener]] = []
        view.follow(self._take)
        for key, value in view.all(FEEDBACK).items():
            self._take(FEEDBACK, key, value)

    def follow(self, listener: FeedbackListener) -> None:
        """Call the listener with tenant and problem for everything that is said or taken back from here on, once it counts."""
        self._listeners.append(listener)

    def of(self, tenant: str) -> TenantFeedback:
        """Return what holds of a tenant, empty where it said nothing."""
        return self._tenants.get(tenant) or TenantFeedback()

    def _take(self, kind: str, key: str, value: Value | None) -> None:
        if kind != FEEDBACK:
            return
        tenant, problem, event = key.split("/", 2)
        place = AssessmentPlace(problem, event)
        feedback = self._tenants.setdefault(tenant, TenantFeedback())
        before = feedback.of_problem(problem).get(event)
        feedback.take(place, None, 0)  # what cannot be read does not go on as it was
        if value is not None:
            feedback.take(place, assessment_record(value), len(msgspec.json.encode(value)))
        if feedback.of_problem(problem).get(event) != before:
            for listener in self._listeners:
                listener(tenant, problem)
