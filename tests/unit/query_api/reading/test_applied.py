"""What is known to be in the rows, from looks at offsets alone: never more than is true, and at rest everything up to the last look."""

from causeline.query_api.reading.applied import AppliedLog, AppliedOffset, Ends


def look(ingest: int, processed: int, public: int = 0, sunk: int = 0) -> Ends:
    return Ends(ingest, processed, {"events": public}, {"events": sunk})


def test_nothing_is_known_before_a_look() -> None:
    assert AppliedLog().newest(0) == AppliedOffset(float("-inf"), 0)


def test_at_rest_one_look_tells_everything_up_to_it() -> None:
    log = AppliedLog()
    log.observe(0, look(7, 7, 5, 5), 1.0)
    assert log.newest(0) == AppliedOffset(1.0, 7)
    assert log.newest(1) == AppliedOffset()


def test_what_the_processors_have_not_passed_is_not_known_however_far_the_sink_is() -> None:
    log = AppliedLog()
    log.observe(0, look(8, 7, 5, 5), 1.0)
    assert log.newest(0) == AppliedOffset()


def test_what_they_wrote_is_waited_for_up_to_the_ends_that_were_read_after_they_had_passed() -> None:
    log = AppliedLog()
    log.observe(0, look(8, 7, 5, 5), 1.0)
    log.observe(0, look(9, 8, 6, 5), 2.0)
    assert log.newest(0) == AppliedOffset()
    log.observe(0, look(9, 8, 7, 6), 3.0)
    assert log.newest(0) == AppliedOffset(1.0, 8)


def test_a_pipeline_that_lags_is_known_at_an_older_instant_and_catches_up_with_one_look() -> None:
    log = AppliedLog()
    for second in range(10):
        log.observe(0, look(100 + second, 50, 40, 40), float(second))
    assert log.newest(0) == AppliedOffset()
    log.observe(0, look(110, 110, 100, 100), 10.0)
    assert log.newest(0) == AppliedOffset(10.0, 110)
