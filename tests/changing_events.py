"""Histories of events that clients change at once, seen at versions that are old by then, with owners that come and go."""

from typing import NamedTuple

from hypothesis import strategies as st

from causeline.processors.events import state
from causeline.processors.events.settings import ProcessorSettings
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from tests.partition_log import DAY, SECOND, T0, Partition, create, delete, event, patch, tick

# Short times, so that within a few changes an event is known, then its number alone, then nothing; each step is shorter than a leap.
SETTINGS = ProcessorSettings(recent_ms=20 * SECOND, version_ms=40 * SECOND)
GAPS = st.sampled_from([0, 5 * SECOND, 15 * SECOND, 25 * SECOND, 45 * SECOND])


class Step(NamedTuple):
    """What one client does to one event, having seen it as it was `lag` versions ago."""

    kind: str
    number: int
    lag: int
    gap: int
    service: str | None
    ts: int | None
    restarts: bool


STEPS = st.builds(
    Step,
    kind=st.sampled_from(["patch", "patch", "patch", "patch", "delete"]),
    number=st.integers(1, 2),
    lag=st.sampled_from([0, 0, 1, 2, 3]),
    gap=GAPS,
    service=st.sampled_from([None, "", "a", "b", "c"]),
    ts=st.sampled_from([None, T0, T0 + DAY, T0 + 40 * DAY]),
    restarts=st.booleans(),
)


def record_of(step: Step, at: int, versions: list[Event], recent: state.RecentEvent | None) -> IngestRecord | None:
    """The record of a client, None where ingest says that there is no such event. A base older than the state is never read."""
    lag = step.lag if recent is not None else 0
    if lag == 0 and versions[-1].is_deleted:
        return None
    live = {e.version: e for e in versions if not e.is_deleted}
    base = live[max(1, min(max(live), versions[-1].version - lag))]
    if step.kind == "delete":
        return delete(base, at)
    fields = {name: value for name, value in (("service", step.service), ("ts", step.ts)) if value is not None}
    return patch(base, at, {"title": "new", **fields})


SERVICES = st.tuples(st.sampled_from(["", "a", "b"]), st.sampled_from(["", "a", "b"]))


def live_through(steps: list[Step], services: tuple[str, str]) -> dict[int, list[Event]]:
    """Two events with these services and what was published of them, in order."""
    partition, at = Partition(SETTINGS), T0
    firsts = {number: event(number, service=services[number - 1]) for number in (1, 2)}
    versions = {number: partition.feed(create(first, at)).events for number, first in firsts.items()}
    for step in steps:
        at += step.gap
        partition.feed(tick(at))
        if step.restarts:
            partition.logic = partition.restore()
        recent = partition.logic._committed.events.get(state.event_key(firsts[step.number].id))
        record = record_of(step, at, versions[step.number], recent)
        if record is not None:
            versions[step.number] += partition.feed(record).events
    return versions
