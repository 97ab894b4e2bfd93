"""One record that speaks of several problems of a group: close closes all, open refreshes what is open or else opens the first."""

import pytest

from causeline.schemas.records.ingest import IngestRecord, Signal
from tests.partition_log import SECOND, T0, Outputs, Partition, create, event, snapshot


def said(partition: Partition, number: int, signal: Signal, names: str, kind: str = "incident") -> Outputs:
    record = create(event(number, kind=kind, title=kind), T0 + number * SECOND, signal=signal, correlation_id=f"g/{names}")
    return partition.feed(record)


def told(out: Outputs) -> list[tuple[str, str]]:
    return [(problem.correlation_id, problem.transition) for problem in out.problems]


@pytest.mark.parametrize(
    ("correlation_id", "key", "concerns"),
    [("", "id", ("id",)), ("c", "c", ("c",)), ("g/a", "g", ("g/a",)), ("g/a+b", "g", ("g/a", "g/b"))],
)
def test_a_record_lies_where_its_group_does(correlation_id: str, key: str, concerns: tuple[str, ...]) -> None:
    record = IngestRecord(op="create", id="id", ingest_ts=T0, correlation_id=correlation_id)
    assert (record.key, record.concerns) == (key.encode(), concerns)


def test_an_open_refreshes_what_is_open_and_opens_the_first_where_nothing_is() -> None:
    partition = Partition()
    assert told(said(partition, 1, "open", "a+b")) == [("g/a", "opened")]
    assert told(said(partition, 2, "open", "b")) == [("g/b", "opened")]
    assert sorted(told(said(partition, 3, "open", "b+a"))) == [("g/a", "refreshed"), ("g/b", "refreshed")]
    assert told(said(partition, 4, "close", "a")) == [("g/a", "closed")]
    assert told(said(partition, 5, "open", "a+b")) == [], "a refresh of b that waits, and a stays closed"


def test_a_close_closes_every_open_one_and_the_event_is_published_once() -> None:
    partition = Partition()
    said(partition, 1, "open", "a")
    said(partition, 2, "open", "b")
    outputs = said(partition, 3, "close", "a+b+c")
    assert told(outputs) == [("g/a", "closed"), ("g/b", "closed")]
    assert len(outputs.events) == 1
    assert said(partition, 4, "close", "a+b+c").problems == []


def test_an_event_of_another_kind_closes_a_problem_without_describing_it() -> None:
    partition = Partition()
    said(partition, 1, "open", "a", kind="change")
    (closed,) = said(partition, 2, "close", "a", kind="deployment").problems
    assert (closed.kind, closed.title, closed.state) == ("change", "change", "closed")


def test_a_new_owner_remembers_all_problems_of_a_group() -> None:
    partition = Partition()
    said(partition, 1, "open", "a")
    said(partition, 2, "open", "b")
    said(partition, 3, "close", "a+b")
    assert snapshot(partition.restore()) == snapshot(partition.logic)
