"""What judges bad endpoints finds what must not be."""

from collections import Counter
from typing import Final

import pytest

from tests.crash.bad_cases import RETRY_AFTER_S, limit
from tests.crash.bad_checks import asked_too_early
from tests.crash.bad_table import LATE_MS, Row, p99_ms, table
from tests.receiver import Received

GOOD: Final = Row("500", 40, 46, Counter({"200": 40, "500": 6}), "open", 31.5, 0, 0, 50.0, 60.0, ())


def request(at: float, status: int, webhook_id: str = "a") -> Received:
    return Received("/", {"webhook-id": webhook_id}, b"", at, status)


def test_a_row_without_loss_disorder_or_delay_has_no_fault() -> None:
    assert GOOD.faults == []
    assert GOOD._replace(healthy_p99_ms=50 + LATE_MS).faults == []


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(GOOD._replace(lost=1), id="lost"),
        pytest.param(GOOD._replace(out_of_order=1), id="out of order"),
        pytest.param(GOOD._replace(healthy_p99_ms=51 + LATE_MS), id="late"),
        pytest.param(GOOD._replace(healthy_p99_ms=p99_ms([])), id="the healthy one was told nothing"),
        pytest.param(GOOD._replace(wrong=["health did not show the fault"]), id="something was not seen"),
    ],
)
def test_each_thing_that_must_not_be_is_a_fault(row: Row) -> None:
    (fault,) = row.faults
    assert fault.startswith("500: ")


def test_a_percentile_is_the_nearest_rank() -> None:
    assert p99_ms(n / 1_000 for n in range(1, 201)) == 198
    assert p99_ms([0.003]) == 3


def test_the_table_has_a_line_for_each_case_under_its_heads() -> None:
    heads, line = table([GOOD])
    assert heads.split()[0] == "case"
    assert line.split("  ")[0] == "500"
    assert "40 200, 6 500" in line


@pytest.mark.parametrize(
    ("later", "wrong"),
    [
        pytest.param(request(RETRY_AFTER_S - 0.1, 200), 1, id="the same delivery too early"),
        pytest.param(request(RETRY_AFTER_S, 200), 0, id="the same delivery in time"),
        pytest.param(request(0.5, 200, "b"), 0, id="another one that was under way"),
        pytest.param(request(2.0, 200, "b"), 1, id="another one too early"),
    ],
)
def test_who_asked_to_be_left_alone_is_not_asked_before(later: Received, wrong: int) -> None:
    assert len(asked_too_early([request(0.0, limit().code), later])) == wrong


def test_a_failure_asks_for_no_rest() -> None:
    assert asked_too_early([request(0.0, 500), request(0.1, 200)]) == []
