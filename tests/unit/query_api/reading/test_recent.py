"""What this process wrote is remembered for as long and as many as it may matter."""

from causeline.query_api.reading.recent import RecentWrites


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_newest_position_of_an_id_counts() -> None:
    recent = RecentWrites(Clock())
    recent.wrote("a", (1, 10))
    recent.wrote("a", (1, 12))
    assert recent.position("a") == (1, 12)
    assert recent.position("b") is None


def test_a_position_is_forgotten_when_its_time_is_over() -> None:
    clock = Clock()
    recent = RecentWrites(clock, ttl_s=10)
    recent.wrote("a", (0, 1))
    clock.now += 9.9
    assert recent.position("a") == (0, 1)
    clock.now += 0.1
    assert recent.position("a") is None
    recent.wrote("b", (0, 2))
    assert len(recent) == 1


def test_the_oldest_gives_way_when_there_are_too_many() -> None:
    recent = RecentWrites(Clock(), limit=3)
    for n, event_id in enumerate(("a", "b", "c", "a", "d")):
        recent.wrote(event_id, (0, n))
    assert [recent.position(event_id) for event_id in "abcd"] == [(0, 3), None, (0, 2), (0, 4)]


def test_an_applied_position_is_forgotten_but_not_a_newer_one() -> None:
    recent = RecentWrites(Clock())
    recent.wrote("a", (0, 1))
    recent.wrote("a", (0, 2))
    recent.applied("a", (0, 1))
    assert recent.position("a") == (0, 2)
    recent.applied("a", (0, 2))
    assert recent.position("a") is None
