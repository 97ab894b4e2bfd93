"""What holds of every history: the order of facts and repeats do not matter, parts sum to the whole, what is unknown stays unknown."""

import os
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causeline.query_api.dora.blaming import attribute, production_problems
from causeline.query_api.dora.columns.history_columns import HistoryColumns, take_columns
from causeline.query_api.dora.deployments import deployments
from causeline.query_api.dora.dora_answers import group_by, metrics, series
from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, Confirmation, ListedCommit, ProblemFact
from causeline.query_api.dora.dora_metrics import DoraMetrics
from causeline.query_api.dora.dora_scope import DoraScope, GroupColumn
from causeline.query_api.dora.history import DoraHistory, take_history
from causeline.query_api.dora.intervals import wilson_interval
from causeline.query_api.dora.windows import SeriesStep, ZonedWindow
from causeline.schemas.dora.definition import Attribution, Definition
from tests.unit.query_api.dora.dora_samples import DAY, HOUR, T0

SLOTS: Final = 200
"""Instants are whole hours, so that many are equal and pauses of six hours are common."""
WINDOW: Final = ZonedWindow(T0 + DAY, T0 + 6 * DAY, "Europe/Berlin")

MODERATE: Final = settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
"""A history has a hundred draws: fewer of them."""

NAMES = [f"e{number}" for number in range(8)]
HOURS = st.integers(0, SLOTS).map(lambda hour: T0 + hour * HOUR)
SERVICES = st.sampled_from(["a", "a", "a", "a-old", "b", ""])
COLUMNS = st.sampled_from(["", "x", "y"])
ENVIRONMENTS = st.sampled_from(["production", "production", "PROD", "staging", ""])
DEFINITIONS = st.builds(
    Definition,
    attribution=st.builds(Attribution, rule=st.sampled_from(["causes", "latest"]), window=st.sampled_from([DAY, 2 * HOUR, None])),
    timeouts=st.sampled_from(["exclude", "count"]),
)
ALIASES: Final = {"a-old": "a"}


@st.composite
def change_facts(draw: st.DrawFn, name: str) -> ChangeFact:
    start = draw(HOURS)
    return ChangeFact(
        id=name,
        ts=start,
        end=draw(st.sampled_from([None, start, start + HOUR, start + 3 * HOUR])),
        kind=draw(st.sampled_from(["deployment"] * 4 + ["release", "change"])),
        dialect=draw(st.sampled_from(["native", "native", "native", "cto_ai", "escapekit"])),
        status=draw(st.sampled_from(["success", "", "failed", "success", "started"])),
        service=draw(SERVICES),
        environment=draw(ENVIRONMENTS),
        release=draw(st.sampled_from(["", "1", "2", "3"])),
        commit=draw(st.sampled_from(["", "c1", "c2", "c3"])),
        commits=tuple(draw(st.lists(st.builds(ListedCommit, st.sampled_from(["c1", "c4", "c5"]), st.none() | HOURS), max_size=2))),
        title=draw(st.sampled_from(["", "", "Deploy", "Roll back", "Hotfix"])),
        team=draw(COLUMNS),
        repo=draw(COLUMNS),
        project=draw(COLUMNS),
        tags=draw(st.sampled_from([{}, {}, {"deployment_id": "7"}, {"rollback": "true"}, {"hotfix": "no"}])),
        related_id=draw(st.sampled_from(["", "", "", *NAMES])),
    )


@st.composite
def problem_facts(draw: st.DrawFn, name: str) -> ProblemFact:
    opened = draw(HOURS)
    return ProblemFact(
        id=name,
        opened=opened,
        closed=draw(st.none() | st.integers(0, 30).map(lambda hour: opened + hour * HOUR)),
        closed_by=draw(st.sampled_from(["closed", "closed", "timeout", "abandoned"])),
        service=draw(SERVICES),
        environment=draw(ENVIRONMENTS),
        team=draw(COLUMNS),
        confirmations=tuple(draw(st.lists(st.builds(Confirmation, st.sampled_from([*NAMES, "none"]), st.integers(0, 3)), max_size=2))),
        rejections=frozenset(draw(st.lists(st.sampled_from(NAMES), max_size=2))),
        likely_cause=draw(st.sampled_from(["", *NAMES])),
    )


class Facts(msgspec.Struct, frozen=True):
    changes: list[ChangeFact]
    commits: list[CommitEvent]
    problems: list[ProblemFact]
    definition: Definition

    def history(self, **fields: Any) -> DoraHistory:
        facts = msgspec.structs.replace(self, **fields)
        return take_history(facts.changes, facts.commits, facts.problems, facts.definition, aliases=ALIASES)

    def columns(self) -> HistoryColumns:
        return take_columns(self.changes, self.commits, self.problems, self.definition, aliases=ALIASES)


@st.composite
def all_facts(draw: st.DrawFn) -> Facts:
    commits = st.builds(
        CommitEvent, st.sampled_from(["c1", "c2", "c3"]), HOURS, st.sampled_from(["commit", "change"]), st.just("initiated")
    )
    return Facts(
        [draw(change_facts(name)) for name in NAMES[: draw(st.integers(0, len(NAMES)))]],
        draw(st.lists(commits, max_size=3)),
        [draw(problem_facts(f"p{number}")) for number in range(draw(st.integers(0, 4)))],
        draw(DEFINITIONS),
    )


def counts(values: DoraMetrics) -> dict[str, tuple[int, int | None, dict[str, int]]]:
    """Return what sums: of how many, how many of them, and what was left out."""
    named = {name: getattr(values, name) for name in DoraMetrics.__struct_fields__}
    return {name: (each.n, each.numerator, {key: value for key, value in each.excluded.items() if value}) for name, each in named.items()}


def total(parts: Iterable[DoraMetrics]) -> dict[str, tuple[int, int | None, dict[str, int]]]:
    sums: dict[str, tuple[int, int | None, dict[str, int]]] = {}
    for name, (n, numerator, excluded) in chain.from_iterable(counts(part).items() for part in parts):
        old_n, old_numerator, old_excluded = sums.get(name, (0, 0, {}))
        both = {key: old_excluded.get(key, 0) + excluded.get(key, 0) for key in {*old_excluded, *excluded}}
        sums[name] = (old_n + n, None if numerator is None else (old_numerator or 0) + numerator, both)
    return sums


SCOPES = st.builds(
    DoraScope,
    service=st.frozensets(st.sampled_from(["a", "b", "none"]), max_size=2),
    team=st.frozensets(st.sampled_from(["", "x"]), max_size=1),
)


@settings(MODERATE, max_examples=int(os.environ.get("DORA_HISTORIES", "8")) * 10)
@given(all_facts(), SCOPES, st.sampled_from(["day", "week"]), st.sampled_from(["service", "team", "repo", "project"]))
def test_columns_sum_to_what_judgements_sum_to(facts: Facts, scope: DoraScope, step: SeriesStep, column: GroupColumn) -> None:
    held = (facts.history(), facts.columns())
    wholes, parts = [history.sources for history in held], [history.narrow(scope) for history in held]
    assert wholes[0] == wholes[1]
    for one, other in (held, parts):
        assert metrics(WINDOW, one, facts.definition) == metrics(WINDOW, other, facts.definition)
        assert series(WINDOW, step, one, facts.definition) == series(WINDOW, step, other, facts.definition)
        assert group_by(WINDOW, column, one, facts.definition) == group_by(WINDOW, column, other, facts.definition)


@MODERATE
@given(all_facts(), st.randoms())
def test_the_order_of_facts_does_not_matter(facts: Facts, random: Any) -> None:
    shuffled = {name: random.sample(getattr(facts, name), len(getattr(facts, name))) for name in ("changes", "commits", "problems")}
    assert facts.history(**shuffled) == facts.history()


@MODERATE
@given(all_facts())
def test_a_fact_that_comes_twice_is_one(facts: Facts) -> None:
    assert facts.history(changes=facts.changes * 2, commits=facts.commits * 2, problems=facts.problems * 2) == facts.history()


@MODERATE
@given(all_facts(), st.data())
def test_a_retry_under_another_id_changes_no_number(facts: Facts, data: st.DataObject) -> None:
    if facts.changes:
        repeat = msgspec.structs.replace(data.draw(st.sampled_from(facts.changes)), id="again")
        before, after = added(repeat)(facts)
        numbers = [metrics(WINDOW, history, facts.definition) for history in (before, after)]
        assert numbers[0] == numbers[1]


@MODERATE
@given(all_facts(), st.sampled_from(["day", "week", "month"]))
def test_a_series_sums_to_the_whole(facts: Facts, step: SeriesStep) -> None:
    history = facts.history()
    parts = [bucket.metrics for bucket in series(WINDOW, step, history, facts.definition)]
    whole = metrics(WINDOW, history, facts.definition)
    assert total(parts) == counts(whole)
    assert sum(part.deployment_frequency.denominator or 0 for part in parts) == pytest.approx(whole.deployment_frequency.denominator)


@MODERATE
@given(all_facts(), st.sampled_from(["service", "team", "repo", "project"]))
def test_groups_partition_what_counts(facts: Facts, column: GroupColumn) -> None:
    history = facts.history()
    groups = group_by(WINDOW, column, history, facts.definition)
    assert [group.value for group in groups] == sorted({group.value for group in groups})
    if groups:
        assert total(group.metrics for group in groups) == counts(metrics(WINDOW, history, facts.definition))
    for group in groups:
        if group.value:
            part = history.narrow(DoraScope(**{column: frozenset({group.value})}))
            assert group.metrics.deployment_frequency == metrics(WINDOW, part, facts.definition).deployment_frequency


@MODERATE
@given(all_facts())
def test_a_problem_has_at_most_one_deployment_and_one_that_was_inferred_is_in_reach(facts: Facts) -> None:
    found = deployments(facts.changes, facts.commits, facts.definition, ALIASES)
    problems = production_problems(facts.problems, facts.definition, ALIASES)
    blame = attribute(found, problems, facts.definition)
    by_id = {one.id: one for one in found.successes}
    pairs = [(problem, by_id[id_]) for id_, own in blame.by_deployment.items() for problem in own]
    assert len(pairs) == len({problem.id for problem, _ in pairs}) == len(blame.by_problem)
    for problem, deployment in pairs:
        assert not {found.by_event.get(event) for event in problem.rejections} & {deployment.id}
        is_confirmed = deployment.id in {found.by_event.get(each.event) for each in problem.confirmations}
        window = facts.definition.attribution.window
        if facts.definition.attribution.rule == "latest" or not is_confirmed:
            delays = [problem.opened - end for end in deployment.successes if end <= problem.opened]
            assert delays
            assert window is None or min(delays) <= window


def added(*more: ChangeFact) -> Callable[[Facts], tuple[DoraHistory, DoraHistory]]:
    return lambda facts: (facts.history(), facts.history(changes=[*facts.changes, *more]))


@MODERATE
@given(all_facts(), HOURS, SERVICES)
def test_a_failed_attempt_counts_for_nothing_else(facts: Facts, at: int, service: str) -> None:
    attempt = ChangeFact(id="attempt", ts=at, status="failed", service=service, environment="production", release="9")
    before, after = added(attempt)(facts)
    assert after.judgements == before.judgements


@MODERATE
@given(all_facts(), HOURS, SERVICES, st.sampled_from(["staging", ""]), st.sampled_from(["", "2"]))
def test_what_is_not_known_to_be_production_changes_nothing_there(
    facts: Facts, at: int, service: str, environment: str, release: str
) -> None:
    before, after = added(ChangeFact(id="elsewhere", ts=at, service=service, environment=environment, release=release))(facts)
    assert after.judgements == before.judgements
    assert after.attempts == before.attempts


@MODERATE
@given(all_facts(), change_facts("other"), problem_facts("other"), DEFINITIONS)
def test_an_unrelated_service_changes_nothing_of_others(
    facts: Facts, change: ChangeFact, problem: ProblemFact, definition: Definition
) -> None:
    other = msgspec.structs.replace(change, service="other", related_id="", commit="", commits=())
    its_problem = msgspec.structs.replace(problem, service="other", confirmations=(), likely_cause="other")
    before = facts.history(definition=definition)
    after = facts.history(changes=[*facts.changes, other], problems=[*facts.problems, its_problem], definition=definition)
    assert tuple(one for one in after.judgements if one.deployment.service != "other") == tuple(before.judgements)


@MODERATE
@given(all_facts())
def test_what_counts_is_consistent(facts: Facts) -> None:
    history = facts.history()
    commits = [(one.deployment.service, commit.id) for one in history.judgements for commit in one.deployment.commits]
    assert len(commits) == len(set(commits)), "a commit counts once for a service"
    for one in history.judgements:
        assert one.deployment.start <= one.deployment.end
        assert (one.recovered_at is not None) + (one.no_recovery is not None) == bool(one.failures), "failed: recovered, or said why not"
        assert one.recovery_time is None or one.recovery_time >= 0
        assert ("rollback" in one.rework) == one.deployment.is_rollback


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_an_interval_lies_in_what_a_ratio_may_be_and_holds_it(some: int, rest: int) -> None:
    interval = wilson_interval(some, some + rest)
    if interval is None:
        assert some + rest == 0
    else:
        assert 0 <= interval[0] <= some / (some + rest) <= interval[1] <= 1


@MODERATE
@given(all_facts())
def test_without_a_problem_ever_rates_that_need_one_are_unknown(facts: Facts) -> None:
    values = metrics(WINDOW, facts.history(problems=[]), facts.definition)
    for each in (values.change_fail_rate, values.failed_deployment_recovery_time, values.time_to_restore):
        assert (each.value, each.interval, each.state) == (None, None, "no_source")
