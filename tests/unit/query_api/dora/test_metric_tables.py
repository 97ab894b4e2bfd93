"""Lead times, what is left out of them, which states numbers have, and what belongs to a window: a row a rule."""

import pytest

from causeline.query_api.dora.commit_times import DeployedCommit, commits_without_time
from causeline.query_api.dora.deployments import deployments
from causeline.query_api.dora.dora_answers import group_by, metrics, series, show_bucket, show_drill_down
from causeline.query_api.dora.dora_counts import durations_of
from causeline.query_api.dora.dora_facts import ChangeFact, CommitEvent, ListedCommit, ProblemFact, ProblemScope
from causeline.query_api.dora.dora_metrics import DoraMetrics, Metric, median_seconds
from causeline.query_api.dora.dora_scope import DoraScope
from causeline.query_api.dora.history import take_history
from causeline.query_api.dora.intervals import wilson_interval
from causeline.query_api.dora.windows import ZonedWindow
from causeline.schemas.dora.definition import Definition
from tests.unit.query_api.dora.dora_samples import DAY, DEFAULTS, HOUR, T0, caused_by, change, listed, problem

NOON = T0 + 12 * HOUR


def on(*facts: ChangeFact, events: tuple[CommitEvent, ...] = ()) -> list[tuple[str, tuple[DeployedCommit, ...]]]:
    return [(one.id, one.commits) for one in deployments(facts, events, DEFAULTS).successes]


def hours(number: float) -> int:
    return int(number * HOUR)


HALF_A_DAY = DeployedCommit("a", hours(12))
UNKNOWN = DeployedCommit("a", None, "unknown_time")


@pytest.mark.parametrize(
    ("fact", "events", "commits", "why"),
    [
        (change("d", NOON, commits=listed(a=T0)), (), [HALF_A_DAY], "the list has a time"),
        (
            change("d", NOON, commits=listed(a=T0, b=T0 + HOUR)),
            (),
            [HALF_A_DAY, DeployedCommit("b", hours(11))],
            "each",
        ),
        (change("d", NOON, commit="a"), (), [UNKNOWN], "nobody says when it was"),
        (change("d", NOON, commits=listed(a=None), commit="a"), (), [UNKNOWN], "the head is in the list"),
        (
            change("d", NOON, commits=listed(a=T0), commit="b"),
            (),
            [HALF_A_DAY, DeployedCommit("b", None, "unknown_time")],
            "list and head",
        ),
        (change("d", NOON, commit="a"), (CommitEvent("a", T0),), [HALF_A_DAY], "a commit event says it"),
        (change("d", NOON, commits=listed(a=T0)), (CommitEvent("a", T0 - DAY),), [HALF_A_DAY], "the list comes first"),
        (
            change("d", NOON, commit="a"),
            (CommitEvent("a", T0 + HOUR), CommitEvent("a", T0)),
            [HALF_A_DAY],
            "the earliest",
        ),
        (
            change("d", NOON, commit="a"),
            (CommitEvent("a", T0, status="failed"),),
            [UNKNOWN],
            "a failed one",
        ),
        (
            change("d", NOON, commit="a"),
            (CommitEvent("a", T0, "change", "Initiated"),),
            [HALF_A_DAY],
            "work began on it",
        ),
        (
            change("d", NOON, commit="a"),
            (CommitEvent("a", T0, "change", "failed"),),
            [UNKNOWN],
            "no beginning",
        ),
        (
            change("d", NOON, commit="a"),
            (CommitEvent("a", T0 + HOUR), CommitEvent("a", T0, "change", "initiated")),
            [DeployedCommit("a", hours(11))],
            "a commit before a beginning of work",
        ),
        (change("d", NOON, commits=listed(a=NOON)), (), [DeployedCommit("a", None, "not_positive")], "not before the deployment ended"),
        (change("d", NOON, commits=listed(a=NOON + 1)), (), [DeployedCommit("a", None, "not_positive")], "after it"),
        (change("d", NOON), (), [], "no commit is no commit"),
        (
            change("d", NOON, commits=(ListedCommit("a", None), ListedCommit("a", T0 + HOUR), ListedCommit("a", T0))),
            (),
            [HALF_A_DAY],
            "listed thrice: the earliest time",
        ),
    ],
)
def test_how_long_a_commit_took(fact: ChangeFact, events: tuple[CommitEvent, ...], commits: list[DeployedCommit], why: str) -> None:
    assert on(fact, events=events) == [("d", tuple(commits))], why


def test_a_commit_counts_where_its_service_first_deployed_it() -> None:
    first = change("d1", NOON, release="1", commits=listed(a=T0))
    again = change("d2", NOON + DAY, release="2", commits=listed(a=T0, b=T0))
    elsewhere = change("d3", NOON + DAY, service="search", commits=listed(a=T0))
    failed = change("d0", NOON - HOUR, release="0", status="failed", commits=listed(b=T0))
    found = dict(on(again, first, elsewhere, failed))
    assert found["d1"] == (DeployedCommit("a", hours(12)),)
    assert found["d2"] == (DeployedCommit("b", hours(36)),)
    assert found["d3"] == (DeployedCommit("a", hours(36)),)


def test_a_lead_time_ends_with_the_last_step() -> None:
    parts = [change("s", NOON, release="1", commits=listed(a=T0)), change("t", NOON + HOUR, release="1", commits=listed(b=T0))]
    assert on(*parts) == [("s", (DeployedCommit("a", hours(13)), DeployedCommit("b", hours(13))))]


def test_which_times_have_to_be_looked_up() -> None:
    facts = [change("d", NOON, commits=listed(a=T0, b=None), commit="c"), change("e", NOON, commits=listed(b=T0), commit="a")]
    assert commits_without_time(facts) == {"c"}


WINDOW = ZonedWindow(T0, T0 + 7 * DAY)


def numbers(*facts: ChangeFact, problems: tuple[ProblemFact, ...] = (), definition: Definition = DEFAULTS) -> DoraMetrics:
    return metrics(WINDOW, take_history(facts, (), problems, definition), definition)


def days(count: int) -> list[ChangeFact]:
    return [change(f"d{number}", NOON + number * DAY, release=str(number)) for number in range(count)]


@pytest.mark.parametrize(
    ("facts", "partial", "why"),
    [
        ([change("d", NOON, commit="a")], True, "only the newest commit is known"),
        ([change("d", NOON, commit="a", commits=listed(b=T0))], False, "there is a list"),
        ([change("d", NOON)], False, "no commit is known at all"),
        ([change("d", NOON, commit="a", release="1"), change("e", NOON, release="1", commits=listed(b=T0))], False, "a part has a list"),
        ([change("d", NOON - DAY, commit="a")], False, "not in this window"),
    ],
)
def test_lead_times_are_partial_where_only_the_newest_commit_is_known(facts: list[ChangeFact], partial: bool, why: str) -> None:  # noqa: FBT001
    assert numbers(*facts).change_lead_time.partial == partial, why


def test_what_is_left_out_of_lead_times_is_counted() -> None:
    lead = numbers(change("d", NOON, commits=listed(a=None, b=NOON, c=T0, d=T0 + HOUR))).change_lead_time
    assert (lead.value, lead.n, lead.excluded) == (11.5 * 3600, 2, {"not_positive": 1, "unknown_time": 1})


def test_a_window_holds_its_beginning_and_not_its_end() -> None:
    facts = [change(str(number), at, release=str(number)) for number, at in enumerate([T0 - 1, T0, T0 + 7 * DAY - 1, T0 + 7 * DAY])]
    troubles = tuple(problem(f"p{fact.id}", fact.ts, fact.ts + HOUR) for fact in facts)
    values = numbers(*facts, problems=troubles)
    assert values.deployment_frequency.numerator == 2
    assert values.time_to_restore.n == 2


def test_what_came_after_the_window_is_known_of_what_is_in_it() -> None:
    last = change("d", T0 + 7 * DAY - HOUR, release="1")
    trouble = problem("p", T0 + 7 * DAY + HOUR, T0 + 8 * DAY, likely_cause="d")
    values = numbers(last, problems=(trouble,))
    assert (values.change_fail_rate.value, values.failed_deployment_recovery_time.value) == (1.0, 25 * 3600)
    assert values.time_to_restore.n == 0


def test_an_empty_window_has_a_frequency_of_nought_and_knows_nothing_else() -> None:
    values = numbers(problems=(problem("p", T0 - DAY, T0),))
    assert (values.deployment_frequency.value, values.deployment_frequency.median_days_per_week) == (0, 0)
    others: list[Metric] = [getattr(values, name) for name in DoraMetrics.__struct_fields__[1:]]
    assert {(each.value, each.interval, each.n, each.state) for each in others} == {(None, None, 0, "too_few")}


def test_fewer_than_five_are_too_few_and_keep_their_value() -> None:
    trouble = problem("p", NOON, NOON + HOUR, likely_cause="d0")
    four, five = (numbers(*days(count), problems=(trouble,)).change_fail_rate for count in (4, 5))
    assert (four.value, four.state) == (0.25, "too_few")
    assert (five.value, five.state) == (0.2, "ok")


def test_without_a_source_of_problems_rates_are_unknown_and_counts_stay() -> None:
    values = numbers(*days(5), change("r", NOON + 4 * DAY + HOUR, title="Rollback"))
    rate = values.change_fail_rate
    assert (rate.value, rate.interval, rate.numerator, rate.denominator, rate.state) == (None, None, 1, 6, "no_source")
    recovery = values.failed_deployment_recovery_time
    assert (recovery.value, recovery.n, recovery.state) == (None, 1, "no_source")
    assert values.deployment_rework_rate.state == "ok"


@pytest.mark.parametrize(
    ("source", "has_source", "why"),
    [
        (ProblemScope("checkout"), True, "there was one, some day"),
        (ProblemScope("checkout-svc"), True, "under another name"),
        (ProblemScope("search"), False, "in another service"),
        (ProblemScope("checkout", "staging"), False, "not in production"),
    ],
)
def test_a_problem_of_any_time_is_a_source(source: ProblemScope, has_source: bool, why: str) -> None:  # noqa: FBT001
    history = take_history(days(5), (), (), DEFAULTS, sources=[source], aliases={"checkout-svc": "checkout"})
    part = history.narrow(DoraScope(service=frozenset({"checkout"})))
    assert (metrics(WINDOW, part, DEFAULTS).change_fail_rate.value is not None) == has_source, why


def test_a_group_has_a_source_of_its_own() -> None:
    facts = [*days(5), *(change(f"s{number}", NOON + number * DAY, service="search", release=str(number)) for number in range(5))]
    found = group_by(WINDOW, "service", take_history(facts, (), [problem("p", NOON, NOON + HOUR)], DEFAULTS), DEFAULTS)
    assert {group.value: group.metrics.change_fail_rate.state for group in found} == {"checkout": "ok", "search": "no_source"}


def test_who_failed_by_a_problem_of_another_service_has_a_source() -> None:
    trouble = problem("p", NOON + HOUR, None, service="search", confirmations=caused_by("d0"))
    (checkout, search) = group_by(WINDOW, "service", take_history(days(5), (), [trouble], DEFAULTS), DEFAULTS)
    assert (checkout.metrics.change_fail_rate.value, search.metrics.time_to_restore.excluded["still_open"]) == (0.2, 1)


def test_groups_are_sorted_and_what_has_none_is_empty() -> None:
    facts = [change(name, NOON, service=name, team=team) for name, team in (("a", "shop"), ("b", ""), ("c", "data"))]
    assert [group.value for group in group_by(WINDOW, "team", take_history(facts, (), (), DEFAULTS), DEFAULTS)] == ["", "data", "shop"]


def test_a_scope_is_any_of_its_values_and_all_of_its_columns() -> None:
    facts = [change(f"{service}{team}", NOON, service=service, team=team) for service in "abc" for team in "xy"]
    part = take_history(facts, (), (), DEFAULTS).narrow(DoraScope(service=frozenset("ab"), team=frozenset("x")))
    assert [one.deployment.id for one in part.judgements] == ["ax", "bx"]


def test_attempts_that_failed_stand_under_three_metrics() -> None:
    values = numbers(*days(1), change("f", NOON + DAY, status="failed"))
    for each in (values.deployment_frequency, values.change_fail_rate, values.deployment_rework_rate):
        assert each.excluded["failed_attempts"] == 1
    assert numbers(change("u", NOON, environment="")).deployment_frequency.excluded == {"failed_attempts": 0, "unknown_environment": 1}


def test_days_of_a_week_are_counted_once_and_weeks_of_none_too() -> None:
    window = ZonedWindow(T0 - DAY, T0 + 22 * DAY)
    facts = [change(str(at), T0 + at * HOUR, release=str(at)) for at in (-1, 1, 9, 30, 24 * 21 + 1)]
    frequency = metrics(window, take_history(facts, (), (), DEFAULTS), DEFAULTS).deployment_frequency
    assert (frequency.n, frequency.denominator, frequency.median_days_per_week) == (5, 23, 0)  # 2, 0, 0 days of three whole weeks
    assert (
        metrics(
            ZonedWindow(T0 + 1, T0 + 7 * DAY), take_history(facts, (), (), DEFAULTS), DEFAULTS
        ).deployment_frequency.median_days_per_week
        is None
    )


def test_problems_that_are_not_over_are_left_out_of_the_time_to_restore() -> None:
    ends = {"a": (HOUR, "closed"), "b": (3 * HOUR, "closed"), "c": (None, "closed"), "d": (9 * HOUR, "timeout"), "e": (HOUR, "abandoned")}
    troubles = tuple(problem(name, NOON, end and NOON + end, closed_by=how) for name, (end, how) in ends.items())
    time = numbers(problems=troubles).time_to_restore
    assert (time.value, time.n, time.excluded) == (2 * 3600, 2, {"still_open": 1, "timed_out": 1, "abandoned": 1})
    counted = Definition(timeouts="count")
    assert numbers(problems=troubles, definition=counted).time_to_restore.value == 3 * 3600


def test_a_series_keeps_steps_of_nothing() -> None:
    found = series(WINDOW, "day", take_history(days(1), (), (), DEFAULTS), DEFAULTS)
    assert [bucket.metrics.deployment_frequency.value for bucket in found] == [1, 0, 0, 0, 0, 0, 0]
    assert show_bucket(found[0])["to"] == "2024-01-02T00:00:00.000Z"
    assert found[1].metrics.change_lead_time.value is None


def test_a_commit_that_was_left_out_says_why() -> None:
    (one,) = take_history([change("d", NOON, commit="a")], (), (), DEFAULTS).judgements
    assert show_drill_down(one)["commits"] == [{"id": "a", "lead_time": None, "excluded": "unknown_time"}]


@pytest.mark.parametrize(
    ("part", "whole", "interval"),
    [(1, 6, (0.0301, 0.5635)), (0, 10, (0.0, 0.2775)), (10, 10, (0.7225, 1.0)), (5, 50, (0.0435, 0.2136))],  # as published calculators say
)
def test_intervals_are_wilsons(part: int, whole: int, interval: tuple[float, float]) -> None:
    assert wilson_interval(part, whole) == pytest.approx(interval, abs=1e-4)


def test_a_median_of_an_even_number_is_the_mean_of_the_middle_two() -> None:
    assert [median_seconds(durations_of(values)) for values in ([3_000, 1_000, 2_001], [1, 2], [])] == [2.001, 0.0015, None]
