import signal
from itertools import accumulate

import pytest

from causeline.deploy.embedded.restarts import next_delay, reason


def test_the_delay_doubles_up_to_five_seconds() -> None:
    delays = list(accumulate(range(7), lambda delay, _: next_delay(delay, 0.1), initial=next_delay(None, 0.1)))
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


@pytest.mark.parametrize(("ran_s", "expected"), [(29.9, 5.0), (30.0, 0.2), (3_600.0, 0.2)])
def test_who_was_healthy_for_thirty_seconds_starts_over(ran_s: float, expected: float) -> None:
    assert next_delay(5.0, ran_s) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [(0, "exit code 0"), (70, "exit code 70"), (-signal.SIGKILL, "signal SIGKILL"), (-120, "signal 120")],
)
def test_an_end_is_told_by_exit_code_or_by_signal_name(code: int, expected: str) -> None:
    assert reason(code) == expected
