"""What a store answers about insights: counts and quantiles by stage, bucket and hour, and how it follows from the facts.

`tally` is the definition. ClickHouse counts the same with arrays (`sql/insights.py`), and a property test holds both equal.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.kinds import DAY, HOUR
from causeline.query_api.insights.facts import Fact
from causeline.query_api.insights.pairing import LifecycleRun, runs_by_stage
from causeline.query_api.insights.quantiles import quantile
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.insights.stages import COMMIT, DEPLOYMENT, code_of, is_good

WHOLE: Final = -1
"""The bucket of what is said of the whole window."""
LEVELS: Final = (0.5, 0.9, 0.95)
HOURS: Final = 168
"""Hours of a week, from Monday 0:00 on."""
MONDAY: Final = 3 * DAY
"""The epoch began on a Thursday, three days into its week."""


class ActionCount(msgspec.Struct, frozen=True):
    """How many events of a stage had an action, in the bucket that begins then (ms UTC)."""

    stage: str
    action: str
    bucket: int
    n: int


class RunTally(msgspec.Struct, frozen=True):
    """Runs of a stage in a bucket (or WHOLE): how many ended, how many of them well, and how many durations are known.

    `quantiles` (ms) are those of `LEVELS`, None where no duration is known.
    """

    stage: str
    bucket: int
    ended: int
    good: int
    timings: int
    quantiles: tuple[float | None, float | None, float | None]
    running: int
    never_finished: int


class HourCount(msgspec.Struct, frozen=True):
    """How many runs of a stage ended in an hour of the week (0: Monday, before one o'clock), in the zone of the question."""

    stage: str
    hour: int
    n: int


class FlowStep(msgspec.Struct, frozen=True):
    """Of how many commits a stage ended well, and the median time (ms) from their first commit event until it last did."""

    stage: str
    n: int
    p50: float


class InsightTallies(NamedTuple):
    """All of them, each in no order."""

    actions: Sequence[ActionCount]
    runs: Sequence[RunTally]
    hours: Sequence[HourCount]
    flow: Sequence[FlowStep]


def tally(facts: Iterable[Fact], query: InsightQuery) -> InsightTallies:
    """Return what the facts amount to; those of other teams, repositories and times may be among them."""
    near = [fact for fact in facts if query.read_from <= fact.ts < query.read_to and (not query.teams or fact.team in query.teams)]
    own = [fact for fact in near if not query.repos or fact.repo in query.repos]
    runs = [(stage, run) for stage, run in runs_by_stage(own) if query.from_ms <= run.at < query.to_ms]
    return InsightTallies(_count_actions(own, query), _tally_runs(runs, query), _count_hours(runs, query), _flow(near, query))


def _bucket(query: InsightQuery, ts: int) -> int:
    return query.edges[bisect_right(query.edges, ts) - 1]


def _count_actions(facts: Iterable[Fact], query: InsightQuery) -> list[ActionCount]:
    counts = Counter((fact.stage, fact.action, _bucket(query, fact.ts)) for fact in facts if query.from_ms <= fact.ts < query.to_ms)
    return [ActionCount(*key, n) for key, n in counts.items()]


def _tally_runs(runs: Iterable[tuple[str, LifecycleRun]], query: InsightQuery) -> list[RunTally]:
    groups: dict[tuple[str, int], list[LifecycleRun]] = {}
    for stage, run in runs:
        for bucket in (WHOLE, _bucket(query, run.at)):
            groups.setdefault((stage, bucket), []).append(run)
    return [_run_tally(stage, bucket, own, query.now) for (stage, bucket), own in groups.items()]


def _run_tally(stage: str, bucket: int, runs: Sequence[LifecycleRun], now: int) -> RunTally:
    durations = sorted(run.duration for run in runs if run.duration is not None)
    p50, p90, p95 = (quantile(durations, level) for level in LEVELS)
    ended = sum(run.end is not None for run in runs)
    never_finished = sum(run.never_finished(now) for run in runs)
    good = sum(run.is_good for run in runs)
    return RunTally(stage, bucket, ended, good, len(durations), (p50, p90, p95), len(runs) - ended - never_finished, never_finished)


def _count_hours(runs: Iterable[tuple[str, LifecycleRun]], query: InsightQuery) -> list[HourCount]:
    since = [offset.since for offset in query.offsets]
    counts: Counter[tuple[str, int]] = Counter()
    for stage, run in runs:
        if run.end is not None:
            local = run.end + query.offsets[max(bisect_right(since, run.end) - 1, 0)].offset
            counts[stage, (local + MONDAY) // HOUR % HOURS] += 1
    return [HourCount(*key, n) for key, n in counts.items()]


def _flow(facts: Iterable[Fact], query: InsightQuery) -> list[FlowStep]:
    """Return the flow of the commits that were deployed in the window. A fact without a repository may tell of any commit."""
    firsts: dict[str, int] = {}
    lasts: dict[str, dict[str, int]] = {}
    deployed_commits: set[str] = set()
    for fact in facts:
        if fact.ts >= query.to_ms or (query.repos and fact.repo not in (*query.repos, "")):
            continue
        is_done = is_good(code_of(fact.action) or 0)
        is_deployed = is_done and fact.stage == DEPLOYMENT and fact.ts >= query.from_ms and (not query.repos or fact.repo in query.repos)
        for commit in {fact.commit, *fact.commits} - {""}:
            if fact.stage == COMMIT:
                firsts[commit] = min(fact.ts, firsts.get(commit, fact.ts))
            if is_done:
                ends = lasts.setdefault(commit, {})
                ends[fact.stage] = max(fact.ts, ends.get(fact.stage, fact.ts))
            if is_deployed:
                deployed_commits.add(commit)
    spans: dict[str, list[int]] = {}
    for commit in deployed_commits & firsts.keys():
        for stage, last in lasts[commit].items():
            spans.setdefault(stage, []).append(last - firsts[commit])
    return [FlowStep(stage, len(own), quantile(sorted(own), 0.5) or 0.0) for stage, own in spans.items()]
