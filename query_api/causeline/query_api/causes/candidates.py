"""Which events are candidates of a problem, and which are steps of one: the rule that the bounded read narrows down to.

A step is an event whose `related_id` names a change, without a release of its own or with the same one, and not marked as a rollback. It
is no candidate of its own. Any other related event is none: a problem, a ticket, another release. A rollback marks what it names.
"""

from collections.abc import Collection, Iterable, Mapping

from causeline.query_api.causes.facts import (
    MOST_ENTITIES,
    MOST_TEXT,
    Candidate,
    Outcome,
    ProblemFacts,
    RolloutStep,
    ServiceOfFiles,
    first_tags,
)
from causeline.query_api.causes.kinds import is_in_reach, lookback_of
from causeline.query_api.causes.outcomes import outcome_of, rolls_back
from causeline.query_api.questions.relation import span_of
from causeline.schemas.records.event import NOT_CHANGES, Event

_NO_NAMES: Mapping[str, str] = {}
_NO_FILES: Mapping[str, ServiceOfFiles] = {}


def select_candidates(
    problem: ProblemFacts,
    events: Iterable[Event],
    *,
    custom_kinds: frozenset[str] = frozenset(),
    before: int | None = None,
    services: Mapping[str, str] = _NO_NAMES,
    of_files: Mapping[str, ServiceOfFiles] = _NO_FILES,
    own_ids: Mapping[str, str] = _NO_NAMES,
    feedback_ids: Collection[str] = (),
) -> list[Candidate]:
    """Return the changes among the events (newest versions of one tenant) that touch the problem's window, sorted by id, with their steps.

    A change that began too early is still one if a step of it lies in the window, as long as it is among the events. `before` replaces
    the kind's own lookback (ms). `services` resolves aliases; `of_files` are the services, by their ids, of changes that name none.
    `own_ids` maps the ids that other APIs show to Causeline's. What people said something of (`feedback_ids`) is a candidate whatever its
    kind and time, for people know more.
    """
    by_id = {event.id: event for event in events if not event.is_deleted}
    changes = {event.id: event for event in by_id.values() if lookback_of(event.kind, custom_kinds, before) is not None}
    wholes, rollbacks = _relate_parts(by_id, changes, own_ids)
    steps: dict[str, list[Event]] = {}
    for part in wholes:
        if root := _root_of(part, wholes):
            steps.setdefault(root, []).append(by_id[part])
    step_ids = {event.id for group in steps.values() for event in group}

    def is_candidate(event: Event) -> bool:
        if event.id in feedback_ids:
            return True
        own_steps = steps.get(event.id, [])
        return event.id not in step_ids and _is_any_in_reach(event, own_steps, problem.onset, custom_kinds, before)

    return [
        _candidate(
            event,
            steps.get(event.id, []),
            "rolled_back" if event.id in rollbacks else outcome_of(event.status),
            of_files.get(event.id) or ServiceOfFiles(services.get(event.service, event.service), ""),
        )
        for event in sorted(by_id.values(), key=lambda event: event.id)
        if is_candidate(event)
    ]


def _relate_parts(by_id: Mapping[str, Event], changes: Mapping[str, Event], own_ids: Mapping[str, str]) -> tuple[dict[str, str], set[str]]:
    """Return which change each step names, by ids, and which changes are named by what rolls them back."""
    wholes: dict[str, str] = {}
    rollbacks = set()
    for event in by_id.values():
        whole = changes.get(own_ids.get(event.related_id, event.related_id))
        if whole is None or whole.id == event.id or event.kind in NOT_CHANGES:
            continue
        if rolls_back(event, whole):
            rollbacks.add(whole.id)
        else:
            wholes[event.id] = whole.id
    return wholes, rollbacks


def _root_of(part: str, wholes: Mapping[str, str]) -> str:
    """Return the change that a step belongs to in the end; empty where steps name each other in a circle, and so are none."""
    path = {part}
    while part in wholes:
        part = wholes[part]
        if part in path:
            return ""
        path.add(part)
    return part


def _is_any_in_reach(event: Event, steps: Iterable[Event], onset: int, custom_kinds: frozenset[str], before: int | None) -> bool:
    """Tell whether a change or one of its steps lies in the window that the change's kind has."""
    lookback = lookback_of(event.kind, custom_kinds, before)
    return lookback is not None and any(is_in_reach(part, onset, lookback) for part in (event, *steps))


def _candidate(event: Event, steps: Iterable[Event], outcome: Outcome, own: ServiceOfFiles) -> Candidate:
    return Candidate(
        id=event.id,
        kind=event.kind,
        dialect=event.dialect,
        status=event.status,
        outcome=outcome,
        service=own.service,
        files=own.files,
        environment=event.environment,
        entities=frozenset(event.entities[:MOST_ENTITIES]),
        tags=first_tags(event.tags),
        title=event.title[:MOST_TEXT],
        text=event.text[:MOST_TEXT],
        commit=event.commit,
        release=event.release,
        ts=event.ts,
        start=event.start,
        end=event.end,
        steps=tuple(sorted(map(_step, steps), key=lambda step: (step.start, step.end or step.start, step.status))),
    )


def _step(event: Event) -> RolloutStep:
    first, _ = span_of(event)
    return RolloutStep(first, event.end, event.status)
