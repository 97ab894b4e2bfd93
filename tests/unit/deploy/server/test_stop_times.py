"""Since when a part is not ready: from the first judgement that says so to the first that does not."""

from causeline.deploy.server.readiness import Readiness, StopTimes

WHOLE = Readiness(broker=True, processors=True, sink=True, clickhouse=True, reasons=())
AWAY = WHOLE._replace(clickhouse=False)


def test_the_first_judgement_of_a_stop_is_its_time() -> None:
    times = StopTimes()
    for at, readiness in ((1, WHOLE), (2, AWAY), (3, AWAY)):
        times.observe(readiness, at)
    assert times.tell_since(AWAY).since == {"clickhouse": 2}
    times.observe(AWAY._replace(broker=False), 4)
    assert times.tell_since(AWAY._replace(broker=False)).since == {"clickhouse": 2, "broker": 4}


def test_what_came_back_has_no_time_and_stops_anew() -> None:
    times = StopTimes()
    times.observe(AWAY, 1)
    assert times.tell_since(WHOLE).since == {}
    times.observe(WHOLE, 2)
    times.observe(AWAY, 3)
    assert times.tell_since(AWAY).since == {"clickhouse": 3}
