from causeline.deploy.server.readiness import STALL_MS, FlowJudge, Look
from causeline.processors.sink.ports import TopicPartition
from causeline.schemas.topics import EVENTS, INGEST

IN = TopicPartition(INGEST, 0)
OUT = TopicPartition(EVENTS, 0)


def look(end: int, processed: int, public_end: int = 0, sunk: int = 0) -> Look:
    return Look(ends={IN: end, OUT: public_end}, processed={IN: processed}, sunk={OUT: sunk})


def test_nothing_is_ready_before_the_first_look() -> None:
    now = FlowJudge().judge(0, clickhouse=True)
    assert not now.ready
    assert now.reasons == ("the broker does not answer", "the processors were not seen yet")


def test_one_look_does_not_prove_that_the_processors_live() -> None:
    judge = FlowJudge()
    judge.observe(look(5, 5), 1_000)
    assert not judge.judge(1_000, clickhouse=True).processors


def test_an_offset_that_moves_proves_it() -> None:
    judge = FlowJudge()
    judge.observe(look(5, 5), 1_000)
    judge.observe(look(6, 6), 2_000)
    assert judge.judge(2_000, clickhouse=True).ready


def test_processors_that_stand_still_are_noticed_even_when_nothing_waits() -> None:
    judge = FlowJudge()
    judge.observe(look(5, 5), 1_000)
    judge.observe(look(6, 6), 2_000)
    for now in range(3_000, 2_000 + STALL_MS + 1_001, 1_000):
        judge.observe(look(6, 6), now)
    stalled = judge.judge(2_000 + STALL_MS + 1_000, clickhouse=True)
    assert not stalled.processors
    assert stalled.broker
    assert stalled.reasons == ("the processors do not advance on partitions [0]",)


def test_a_sink_that_stands_still_is_noticed_only_while_rows_are_missing() -> None:
    judge = FlowJudge()
    for second in range(20):
        judge.observe(look(second, second, public_end=7, sunk=7), second * 1_000)
    assert judge.judge(19_000, clickhouse=True).ready
    for second in range(20, 40):
        judge.observe(look(second, second, public_end=8, sunk=7), second * 1_000)
    assert judge.judge(39_000, clickhouse=True).reasons == ("the sink does not advance on partitions [0]",)


def test_a_sink_that_had_nothing_to_do_has_its_time_from_the_first_missing_row_on() -> None:
    judge = FlowJudge()
    for second in range(20):
        judge.observe(look(second, second, public_end=7, sunk=7), second * 1_000)
    for now in (20_000, 19_000 + STALL_MS):
        judge.observe(look(now, now, public_end=8, sunk=7), now)
        assert judge.judge(now, clickhouse=True).ready
    judge.observe(look(0, 0, public_end=8, sunk=7), 19_001 + STALL_MS)
    assert judge.judge(19_001 + STALL_MS, clickhouse=True).reasons == ("the sink does not advance on partitions [0]",)


def test_a_broker_that_no_longer_answers_is_noticed() -> None:
    judge = FlowJudge()
    judge.observe(look(5, 5), 1_000)
    judge.observe(look(6, 6), 2_000)
    assert not judge.judge(2_000 + STALL_MS + 1, clickhouse=True).broker


def test_clickhouse_has_a_say() -> None:
    judge = FlowJudge()
    judge.observe(look(5, 5), 1_000)
    judge.observe(look(6, 6), 2_000)
    assert judge.judge(2_000, clickhouse=False).reasons == ("ClickHouse does not answer",)


def test_queries_that_do_not_come_back_have_one_too_whether_or_not_clickhouse_answers() -> None:
    judge = FlowJudge()
    judge.observe(look(5, 5), 1_000)
    judge.observe(look(6, 6), 2_000)
    for answers in (True, False):
        stuck = judge.judge(2_000, clickhouse=answers, queries="all handles are overdue")
        assert not stuck.ready
        assert not stuck.clickhouse
        assert stuck.reasons == ("all handles are overdue",)
