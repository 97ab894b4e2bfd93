"""The judge of the fault runs would see it: every wrong that is planted in a literal list of records is counted, and nothing else."""

import pytest

from tests.crash.account import Counts, Moved, Seen, judge_lives, judge_versions

WRITES = {"a": 3, "b": 1}
RIGHT = [Seen(0, "a", 1), Seen(1, "b", 1), Seen(0, "a", 2), Seen(0, "a", 3)]


@pytest.mark.parametrize(
    ("records", "counts"),
    [
        pytest.param(RIGHT, Counts(0, 0, 0), id="each version once and in order is exact"),
        pytest.param(RIGHT[:1] + RIGHT[2:], Counts(1, 0, 0), id="an event that is missing is lost"),
        pytest.param(RIGHT[:3], Counts(1, 0, 0), id="a newest version that is missing is lost"),
        pytest.param([RIGHT[0], RIGHT[1], RIGHT[3]], Counts(1, 0, 1), id="a gap is a loss, and what follows it is out of order"),
        pytest.param([*RIGHT, RIGHT[1]], Counts(0, 1, 0), id="a record that comes twice is doubled"),
        pytest.param([*RIGHT, Seen(0, "a", 4)], Counts(0, 1, 0), id="a version that no write stands for is doubled"),
        pytest.param([*RIGHT, Seen(0, "c", 1)], Counts(0, 1, 0), id="an event that no write stands for is doubled"),
        pytest.param(
            [RIGHT[0], RIGHT[1], RIGHT[3], RIGHT[2]], Counts(0, 0, 2), id="a step back is out of order, and so is the leap before it"
        ),
        pytest.param([*RIGHT[:3], Seen(1, "a", 3)], Counts(0, 0, 1), id="a version on another partition is out of order"),
        pytest.param([], Counts(4, 0, 0), id="an empty topic has lost all"),
    ],
)
def test_a_version_that_is_lost_doubled_or_out_of_order_is_counted(records: list[Seen], counts: Counts) -> None:
    assert judge_versions(WRITES, records) == counts


OPENED, REFRESHED, CLOSED = Moved(0, "p", 1, "a", "opened"), Moved(0, "p", 2, "a", "refreshed"), Moved(0, "p", 3, "a", "closed")
REOPENED, CLOSED_AGAIN = Moved(0, "q", 1, "a", "reopened"), Moved(0, "q", 2, "a", "closed")
LIFE = [OPENED, REFRESHED, CLOSED, REOPENED, CLOSED_AGAIN]


@pytest.mark.parametrize(
    ("moves", "counts"),
    [
        pytest.param(LIFE, Counts(0, 0, 0), id="opened, refreshed, closed, reopened, closed is a life"),
        pytest.param(LIFE[:4], Counts(1, 0, 0), id="a problem that stays open has lost its closing"),
        pytest.param([*LIFE, CLOSED_AGAIN], Counts(0, 1, 0), id="a transition that comes twice is doubled"),
        pytest.param(
            [*LIFE, Moved(0, "r", 1, "a", "reopened"), Moved(0, "r", 2, "a", "closed")], Counts(0, 1, 0), id="a life too many is doubled"
        ),
        pytest.param([OPENED, CLOSED, REOPENED, CLOSED_AGAIN], Counts(0, 0, 1), id="a version that is skipped is out of order"),
        pytest.param(
            [OPENED, REFRESHED, REOPENED, CLOSED, CLOSED_AGAIN],
            Counts(0, 0, 3),
            id="a problem opened again before it closed is out of order",
        ),
        pytest.param([REFRESHED, CLOSED, REOPENED, CLOSED_AGAIN], Counts(0, 0, 1), id="a life without its opening is out of order"),
        pytest.param([], Counts(2, 0, 0), id="an empty topic has lost all"),
    ],
)
def test_a_transition_that_is_lost_doubled_or_out_of_order_is_counted(moves: list[Moved], counts: Counts) -> None:
    assert judge_lives({"a": 2}, moves) == counts
