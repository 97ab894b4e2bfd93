"""What is planned and what is frozen, out of events as the API shows them, and which of them meet. Pure; times are ms UTC.

An event is a freeze by its kind. It is a planned change by its status, or because it begins later than now: what has begun, and what says
that it is over, is a change like any other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
from typing import Any, Final, Literal, NamedTuple

from causeline.schemas.values.times import ms_of

FREEZE_KINDS: Final = ("freeze", "change_freeze", "freeze_window")
PLANNED_STATUSES: Final = ("planned", "scheduled")

PlanState = Literal["to come", "under way", "due", "over"]


class ChangePlan(NamedTuple):
    """A planned change or a freeze: when (`end` equals `start` where none was said), and what it is about, empty where it is for all."""

    id: str
    title: str
    kind: str
    status: str
    service: str
    environment: str
    start: int
    end: int

    @property
    def is_freeze(self) -> bool:
        """Tell whether it says when nothing should change."""
        return self.kind in FREEZE_KINDS

    def tell_state(self, now: int) -> PlanState:
        """Return how it stands: a change without an end whose time has come is due, since nothing says that it was made."""
        if now < self.start:
            return "to come"
        if self.end > self.start:
            return "under way" if now < self.end else "over"
        return "due"


class PlanOverlap(NamedTuple):
    """Two plans that are about the same at the same time, and from when to when."""

    first: ChangePlan
    second: ChangePlan
    start: int
    end: int


def span_of_view(event: Mapping[str, Any]) -> tuple[int, int]:
    """Return when an event happens, from its start (else its time) to its end (else the same)."""
    start = ms_of(event["start"] or event["ts"])
    return start, max(start, ms_of(event["end"])) if event["end"] else start


def fits_filters(event: Mapping[str, Any], filters: Sequence[tuple[str, str]]) -> bool:
    """Tell whether an event has one of the values of each filter, as the API judges equal ones."""
    values_by_name: dict[str, set[str]] = {}
    for name, value in filters:
        values_by_name.setdefault(name, set()).add(value)
    return all(event[name] in values for name, values in values_by_name.items())


def read_plans(events: Iterable[Mapping[str, Any]], now: int) -> list[ChangePlan]:
    """Return the planned changes and freezes among events, each once, in the order of time."""
    plans: dict[str, ChangePlan] = {}
    for event in events:
        start, end = span_of_view(event)
        if event["kind"] in FREEZE_KINDS or event["status"] in PLANNED_STATUSES or start > now:
            title = event["title"] or event["kind"]
            plans[event["id"]] = ChangePlan(
                event["id"], title, event["kind"], event["status"], event["service"], event["environment"], start, end
            )
    return sorted(plans.values(), key=lambda plan: (plan.start, plan.end, plan.id))


def find_overlaps(plans: Sequence[ChangePlan]) -> list[PlanOverlap]:
    """Return the pairs of plans, which are in the order of time, that meet on a service; of two freezes none.

    A freeze that names no service or environment is for all of them; a change that names no service meets no other change.
    """
    return [
        PlanOverlap(first, second, second.start, min(first.end, second.end))
        for number, first in enumerate(plans)
        for second in _until(first.end, islice(plans, number + 1, None))
        if not (first.is_freeze and second.is_freeze) and _is_same_place(first, second)
    ]


def _until(end: int, plans: Iterable[ChangePlan]) -> Iterator[ChangePlan]:
    return takewhile(lambda plan: plan.start <= end, plans)


def _is_same_place(first: ChangePlan, second: ChangePlan) -> bool:
    is_with_freeze = first.is_freeze or second.is_freeze
    services, environments = {first.service, second.service}, {first.environment, second.environment}
    is_same_service = len(services) == 1 if not is_with_freeze else len(services - {""}) <= 1
    return is_same_service and (bool(first.service) or is_with_freeze) and len(environments - {""}) <= 1
