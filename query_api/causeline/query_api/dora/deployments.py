"""Deployments: rollouts that succeeded, what they brought, which earlier one they roll back; and attempts that never succeeded.

What an event says of itself is read in `rollout_events.py`, which events are one rollout in `rollouts.py`, what goes back in
`going_back.py`, when commits were in `commit_times.py`. Here it comes together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.dora.commit_times import CommitBook, DeployedCommit
from causeline.query_api.dora.dora_facts import NO_ALIASES, ChangeFact, CommitEvent
from causeline.query_api.dora.going_back import rollback_targets_of
from causeline.query_api.dora.rollout_events import RolloutEvent, RolloutPlace, events_by_place
from causeline.query_api.dora.rollout_words import HotfixMark, mark_among
from causeline.query_api.dora.rollouts import Rollout, gather_rollouts
from causeline.schemas.dora.definition import Definition


class LateFailure(NamedTuple):
    """An event that says of a deployment, after it succeeded, that it failed."""

    event: str
    at: int


class PlacedAttempt(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of a way into an environment, however it ended. `service` is what aliases mean, `environment` canonical."""

    id: str
    service: str = ""
    environment: str = ""
    release: str = ""
    team: str = ""
    repo: str = ""
    project: str = ""
    start: int
    end: int


class Deployment(PlacedAttempt, frozen=True, kw_only=True, gc=False):
    """A rollout that succeeded. `id` is the event of its first success, `end` its last success, `successes` the ends of all of them.

    `targets` are the deployments that it rolls back, by id. `is_rollback`: it
    does, or is marked so. `is_partial`: of its commits only the newest one is known.
    """

    successes: tuple[int, ...]
    late_failure: LateFailure | None = None
    targets: tuple[str, ...] = ()
    is_rollback: bool = False
    is_hotfix: bool = False
    commits: tuple[DeployedCommit, ...] = ()
    is_partial: bool = False


class FailedAttempt(PlacedAttempt, frozen=True, kw_only=True, gc=False):
    """A try that failed before anything of its rollout succeeded."""


class Deployments(NamedTuple):
    """What a tenant deployed, each in order of end and id. `by_event` has the id of the deployment that an event is a part of.

    `placeless` succeeded too, but in which environment nobody said: they are no deployments to production, and are told of.
    """

    successes: tuple[Deployment, ...]
    attempts: tuple[FailedAttempt, ...]
    by_event: Mapping[str, str]
    placeless: tuple[Deployment, ...] = ()


class PlaceRollouts(NamedTuple):
    """What happened in one place: rollouts that succeeded, in order of end and id, and what they roll back, by id."""

    successes: Sequence[Rollout]
    attempts: Sequence[FailedAttempt] = ()
    by_event: Mapping[str, str] = {}
    targets: Mapping[str, tuple[str, ...]] = {}


def deployments(
    changes: Iterable[ChangeFact],
    commit_events: Iterable[CommitEvent],
    definition: Definition,
    aliases: Mapping[str, str] = NO_ALIASES,
) -> Deployments:
    """Return the deployments to production among events (newest versions of one tenant, in any order, each at least once)."""
    in_order: list[tuple[int, str, RolloutPlace, Rollout]] = []
    attempts: list[FailedAttempt] = []
    by_event: dict[str, str] = {}
    targets: dict[str, tuple[str, ...]] = {}
    for place, events in events_by_place(changes, definition, aliases).items():
        own = rollouts_of_place(place, events, definition.attribution.window)
        in_order += [(one.end, one.id, place, one) for one in own.successes]
        attempts += own.attempts
        by_event.update(own.by_event)
        targets.update(own.targets)
    in_order.sort(key=itemgetter(0, 1))
    book = CommitBook(commit_events)
    hotfix = mark_among((event.fact for *_, one in in_order for event in one.events), definition.hotfix)
    # In order, since a commit counts where it was deployed first.
    complete = [deployment_of(place, rollout, targets.get(id_, ()), book, hotfix) for _, id_, place, rollout in in_order]
    return Deployments(
        tuple(one for one in complete if one.environment),
        tuple(sorted(attempts, key=attrgetter("end", "id"))),
        by_event,
        tuple(one for one in complete if not one.environment),
    )


def rollouts_of_place(place: RolloutPlace, events: Iterable[RolloutEvent], window: int | None) -> PlaceRollouts:
    """Return what the events of a place are. Of what nobody placed there are neither attempts nor rollbacks."""
    rollouts = gather_rollouts(events)
    successes = sorted((one for one in rollouts if one.successes), key=attrgetter("end", "id"))
    if not place.environment:
        return PlaceRollouts(successes)
    attempts = [attempt for one in rollouts if len(one.events) != len(one.successes) for attempt in _attempts(place, one)]
    by_event = {event.id: one.id for one in successes for event in one.events}
    return PlaceRollouts(successes, attempts, by_event, rollback_targets_of(successes, by_event, window))


def deployment_of(
    place: RolloutPlace, rollout: Rollout, targets: tuple[str, ...], book: CommitBook | None, hotfix: HotfixMark
) -> Deployment:
    """Return a rollout that succeeded as a deployment, with its new commits where there is a book that knows the earlier ones."""
    events = rollout.events
    facts = [event.fact for event in events]
    is_one = len(facts) == 1  # as nearly all are: then there is nothing to compare
    release, team, repo, project = _columns_of(facts[0]) if is_one else _columns(events)
    return Deployment(
        id=rollout.id,
        service=place.service,
        environment=place.environment,
        release=release,
        team=team,
        repo=repo,
        project=project,
        start=events[0].begin if is_one else _start(rollout),
        end=rollout.end,
        successes=rollout.successes,
        late_failure=None if is_one else _late_failure(rollout),
        targets=targets,
        is_rollback=rollout.is_rollback or bool(targets),
        is_hotfix=hotfix.is_on(facts[0]) if is_one else any(map(hotfix.is_on, facts)),
        # What nobody placed is in no order with the others: it takes no commits from them.
        commits=book.enter(place.service, facts, rollout.end) if book is not None and place.environment else (),
        is_partial=is_partial_list(facts),
    )


def is_partial_list(facts: Iterable[ChangeFact]) -> bool:
    """Tell whether of the commits of events only heads are known."""
    is_head = False
    for fact in facts:
        if fact.commits:
            return False
        is_head = is_head or bool(fact.commit)
    return is_head


_columns_of: Final[Callable[[ChangeFact], tuple[str, str, str, str]]] = attrgetter("release", "team", "repo", "project")


def _columns(events: Iterable[RolloutEvent]) -> tuple[str, str, str, str]:
    """Return release, team, repo and project: what the first event says that says anything, those that succeeded before others."""
    facts = [event.fact for event in sorted(events, key=lambda event: event.outcome != "success")]
    release, team, repo, project = (next(filter(None, values), "") for values in zip(*map(_columns_of, facts), strict=True))
    return release, team, repo, project


def _start(rollout: Rollout) -> int:
    """Return when what succeeded began: attempts that had failed before are none of it."""
    first = rollout.successes[0]
    failures = [event.end for event in rollout.events if event.outcome == "failure" and event.end < first]
    after = max(failures, default=None)
    begins = [
        event.begin
        for event in rollout.events
        if event.outcome == "success" or (event.outcome == "unfinished" and (after is None or event.begin >= after))
    ]
    return min(begins)


def _late_failure(rollout: Rollout) -> LateFailure | None:
    last = rollout.end
    failures = [LateFailure(event.id, event.end) for event in rollout.events if event.outcome == "failure" and event.end > last]
    return min(failures, key=itemgetter(1, 0)) if failures else None


def _attempts(place: RolloutPlace, rollout: Rollout) -> Iterator[FailedAttempt]:
    """Yield the failures before the first success, one for those that began at one instant: the first of them."""
    first = rollout.successes[0] if rollout.successes else None
    release, team, repo, project = _columns(rollout.events)
    starts = set()
    for event in rollout.events:
        if event.outcome == "failure" and (first is None or event.end < first) and event.begin not in starts:
            starts.add(event.begin)
            yield FailedAttempt(
                id=event.id,
                service=place.service,
                environment=place.environment,
                release=release,
                team=team,
                repo=repo,
                project=project,
                start=event.begin,
                end=event.end,
            )
