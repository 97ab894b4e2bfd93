"""What is delivered in the demo: a deployment alone, as the past is told, or with all that leads to it. Pure.

A deployment of the day is two events, a begin and an end that names it (`related_id`): one rollout, of which the end is a step. What leads
to it are pairs of begins and ends of one commit, which insights make runs of.
"""

import math
from collections.abc import Iterator
from random import Random
from typing import Any, Final, NamedTuple

from causeline.deploy.commands.demo.fleet import PEOPLE, DemoService
from causeline.deploy.commands.demo.marks import Body, DemoEvent, DemoRun, make_event
from causeline.query_api.causes.kinds import HOUR, MINUTE

_SECOND: Final = 1_000

_WORK: Final = (
    *("Retry once where the connection was reset", "Show the price with tax", "Drop the old cache keys", "Batch reads of the profile"),
    *("Bound the queue of the importer", "Round totals half to even", "Log the id of the order", "Use the new client of the bus"),
    *("Answer 404 for what was archived", "Move the timeout to a setting", "Update base image", "Fix the sort order of variants"),
)
_STAGES: Final = (("build", 4 * MINUTE, 0.04), ("unittest", 6 * MINUTE, 0.06), ("e2e_test", 11 * MINUTE, 0.08))
"""What a commit goes through: the stage, how long it mostly takes (ms), and how often it fails at first."""


class ToldDeployment(NamedTuple):
    """A deployment: what others name it by, what it brought, when it began and ended (ms UTC)."""

    key: str
    service: DemoService
    release: str
    start: int
    end: int


def draw_length(random: Random, median: float, spread: float = 0.6) -> int:
    """Return a length of time (ms) whose logarithm is normal: mostly the median, now and then several times as long."""
    return round(math.exp(random.gauss(math.log(median), spread)))


def draw_whether(random: Random, share: float) -> bool:
    """Say whether something happens that happens in this share of cases."""
    return random.random() < share


def draw_commit(random: Random) -> str:
    """Return an id as git's are."""
    return f"{random.getrandbits(160):040x}"


def deployment_fields(random: Random, service: DemoService, release: str, commits: list[Body]) -> Body:
    """Return what a deployment to production says of itself."""
    head = commits[-1]["id"]
    return {
        **service.fields,
        "environment": "production",
        "release": release,
        "branch": "main",
        "commit": head,
        "commits": commits,
        "actor": random.choice(PEOPLE),
        "links": {"pipeline": f"https://ci.example.com/{service.repo}/{head[:10]}"},
    }


def tell_deployment(
    run: DemoRun, random: Random, key: str, service: DemoService, release: str, at: int
) -> tuple[ToldDeployment, DemoEvent]:
    """Return a deployment that began at a time (ms UTC), as one event that was sent when it was over."""
    commits = [{"id": draw_commit(random), "time": at - draw_length(random, 5 * HOUR, 1.0)} for _ in range(random.randint(1, 3))]
    rollout = ToldDeployment(key, service, release, at, at + draw_length(random, 4 * MINUTE))
    status = "failed" if draw_whether(random, 0.04) else "succeeded"
    fields = deployment_fields(random, service, release, sorted(commits, key=lambda commit: commit["time"]))
    title = f"Deploy {service.name} {release}"
    return rollout, make_event(run, key, "deployment", title, at, start=at, end=rollout.end, status=status, **fields)


def tell_pipeline(
    run: DemoRun, random: Random, key: str, service: DemoService, release: str, at: int, end: int
) -> tuple[ToldDeployment, list[DemoEvent]]:
    """Return a deployment from `at` to `end` (ms UTC) with its ticket, its commit, its review, its stages, and the step in staging."""
    commit, work = draw_commit(random), random.choice(_WORK)
    runs_from = at - 40 * MINUTE
    committed_at = runs_from - draw_length(random, 2 * HOUR)
    about: Body = {**service.fields, "branch": "main", "commit": commit, "actor": random.choice(PEOPLE)}
    events = [make_event(run, f"{key}/commit", "commit", work, committed_at, status="succeeded", **about)]
    if draw_whether(random, 0.5):
        opened_at = committed_at - draw_length(random, 20 * HOUR)
        events += _pair(run, f"{key}/ticket", "ticket", f"Ticket: {work}", (opened_at, at), ("opened", "done"), **about)
    review = (committed_at + 5 * MINUTE, committed_at + 5 * MINUTE + draw_length(random, 50 * MINUTE))
    if review[1] < runs_from:
        events += _pair(run, f"{key}/review", "review", f"Review: {work}", review, ("initiated", "succeeded"), **about)
    events += tell_stages(run, random, key, about, runs_from)
    staging = {**about, "environment": "staging", "release": release, "status": "succeeded"}
    title = f"Deploy {service.name} {release}"
    events.append(make_event(run, f"{key}/staging", "deployment", f"{title} to staging", at - 12 * MINUTE, **staging))
    fields = deployment_fields(random, service, release, [{"id": commit, "time": committed_at}])
    begin = make_event(run, key, "deployment", title, at, start=at, status="started", **fields)
    done = {"start": at, "end": end, "status": "succeeded", **fields}
    events += [begin, make_event(run, f"{key}/end", "deployment", f"{title}: done", end, whole=key, **done)]
    return ToldDeployment(key, service, release, at, end), events


def tell_stages(run: DemoRun, random: Random, key: str, about: Body, at: int) -> Iterator[DemoEvent]:
    """Yield what became of a commit from a time on (ms UTC), stage by stage; what fails is tried once more."""
    for stage, median, risk in _STAGES:
        for number in range(2 if draw_whether(random, risk) else 1):
            end = at + draw_length(random, median, 0.35)
            outcome = "failed" if draw_whether(random, risk) else "succeeded"
            name = f"{key}/{stage}-{number}"
            yield from _pair(run, name, stage, f"{stage.replace('_', ' ')} of {about['service']}", (at, end), ("started", outcome), **about)
            at = end + 20 * _SECOND


def _pair(
    run: DemoRun, key: str, kind: str, title: str, span: tuple[int, int], actions: tuple[str, str], **fields: Any
) -> Iterator[DemoEvent]:
    for at, action in zip(span, actions, strict=True):
        yield make_event(run, f"{key}/{action}", kind, title, at, status=action, **fields)
