"""The fortnight on which four systems give four change failure rates: every number of it, here and by the naive rule."""

import msgspec
import pytest

from causeline.query_api.dora.dora_answers import drill_down, group_by, metrics, series, show_drill_down, show_metrics
from causeline.query_api.dora.dora_metrics import days_per_week
from causeline.query_api.dora.windows import Calendar
from causeline.schemas.dora.definition import Attribution, Definition
from tests.unit.query_api.dora.dora_samples import DEFAULTS, GOLDEN_WINDOW, HOUR, MINUTE, NAIVE, golden


def test_the_golden_table() -> None:
    values = metrics(GOLDEN_WINDOW, golden(), DEFAULTS)
    frequency = values.deployment_frequency
    assert (frequency.value, frequency.n, frequency.numerator, frequency.denominator) == (6 / 14, 6, 6, 14)
    assert frequency.median_days_per_week == 2.5
    assert frequency.excluded == {"failed_attempts": 1}
    assert (values.change_lead_time.value, values.change_lead_time.n) == (18 * 3600, 6)
    assert (values.change_fail_rate.numerator, values.change_fail_rate.denominator) == (1, 6)
    assert values.failed_deployment_recovery_time.value == 90 * 60
    assert values.time_to_restore.value == 80 * 60
    assert (values.deployment_rework_rate.numerator, values.deployment_rework_rate.denominator) == (1, 6)


def test_the_days_of_its_weeks() -> None:
    span = Calendar(GOLDEN_WINDOW).over(GOLDEN_WINDOW.span)
    assert days_per_week(golden().within(GOLDEN_WINDOW.span).count(span.calendar, DEFAULTS.timeouts).days, span) == [3, 2]


def test_by_the_naive_rule_two_failed() -> None:
    values = metrics(GOLDEN_WINDOW, golden(NAIVE), NAIVE)
    assert (values.change_fail_rate.numerator, values.change_fail_rate.denominator) == (2, 6)


def test_the_naive_rule_within_a_day_says_what_causes_say() -> None:
    bounded = Definition(attribution=Attribution(rule="latest"))
    assert metrics(GOLDEN_WINDOW, golden(bounded), bounded) == metrics(GOLDEN_WINDOW, golden(), DEFAULTS)


def test_the_shape_of_the_answer() -> None:
    shape = show_metrics(metrics(GOLDEN_WINDOW, golden(), DEFAULTS))
    assert list(shape) == [
        "deployment_frequency",
        "change_lead_time",
        "change_fail_rate",
        "failed_deployment_recovery_time",
        "deployment_rework_rate",
        "time_to_restore",
    ]
    rate = shape["change_fail_rate"]
    assert rate == {
        "value": pytest.approx(1 / 6),
        "unit": "ratio",
        "n": 6,
        "numerator": 1,
        "denominator": 6,
        "interval": pytest.approx([0.0301, 0.5635], abs=1e-4),
        "excluded": {"failed_attempts": 1},
        "state": "ok",
    }
    assert {shape[name]["unit"] for name in shape if name.endswith("time")} == {"seconds"}
    assert shape["change_lead_time"]["excluded"] == {"not_positive": 0, "unknown_time": 0}
    assert shape["failed_deployment_recovery_time"]["excluded"] == {"still_open": 0, "timed_out": 0, "abandoned": 0}
    assert shape["change_lead_time"]["partial"] is False
    assert msgspec.json.encode(shape)


def test_each_number_can_be_taken_apart() -> None:
    rows = {row["id"]: row for row in map(show_drill_down, drill_down(GOLDEN_WINDOW, golden()))}
    assert list(rows) == ["d1", "d2", "d3", "d4", "d5", "a1", "d6"]
    assert rows["d4"] == {
        "id": "d4",
        "service": "checkout",
        "environment": "production",
        "release": "4",
        "start": "2024-01-09T10:00:00.000Z",
        "end": "2024-01-09T10:00:00.000Z",
        "excluded": None,
        "failed": True,
        "failures": [{"type": "problem", "id": "i1"}, {"type": "problem", "id": "i2"}, {"type": "rollback", "id": "d5"}],
        "recovered_at": "2024-01-09T11:30:00.000Z",
        "recovery_time": 90 * MINUTE / 1000,
        "rework": [],
        "commits": [{"id": "c5", "lead_time": 24 * HOUR / 1000, "excluded": None}],
    }
    assert rows["a1"]["excluded"] == "failed_attempt"
    assert not rows["a1"]["failed"]
    assert rows["d5"]["rework"] == ["rollback", "closed_problem"]


def test_its_weeks_and_its_only_service() -> None:
    weeks = series(GOLDEN_WINDOW, "week", golden(), DEFAULTS)
    assert [bucket.metrics.deployment_frequency.numerator for bucket in weeks] == [3, 3]
    assert [bucket.metrics.change_fail_rate.numerator for bucket in weeks] == [0, 1]
    (group,) = group_by(GOLDEN_WINDOW, "service", golden(), DEFAULTS)
    assert (group.value, group.metrics) == ("checkout", metrics(GOLDEN_WINDOW, golden(), DEFAULTS))
