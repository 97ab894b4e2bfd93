import pytest

from causeline.processors.runtime.pacing import pause_s, spacing_s


@pytest.mark.parametrize(
    ("records", "since_s", "expected", "why"),
    [
        (1, float("inf"), 0.0, "nothing came before"),
        (0, 1.0, 0.0, "nothing came now"),
        (1, 1.0, 0.0002, "at rest the next one goes at once"),
        (25, 1.0, 0.005, "in proportion"),
        (250, 1.0, 0.05, "in proportion"),
        (500, 1.0, 0.1, "busy"),
        (9_000, 1.0, 0.1, "never longer"),
        (3, 0.0, 0.1, "no time has passed: a burst"),
    ],
)
def test_the_pause_follows_the_rate(records: int, since_s: float, expected: float, why: str) -> None:
    assert pause_s(records, since_s, longest_s=0.1, busy_per_s=500) == pytest.approx(expected), why


@pytest.mark.parametrize(
    ("took_s", "expected", "why"),
    [
        (0.0, 0.0, "what costs nothing needs no space"),
        (0.01, 0.04, "a quarter of the time"),
        (0.05, 0.2, "a slower machine, fewer of them"),
        (0.1, 0.25, "never longer"),
        (30.0, 0.25, "what was late goes on at once"),
    ],
)
def test_they_take_a_share_of_the_time_at_most(took_s: float, expected: float, why: str) -> None:
    assert spacing_s(took_s, longest_s=0.25, share=0.25) == pytest.approx(expected), why
