"""Records on which the logic fails, and changelog records that are none: they are set aside, and the partition goes on."""

import itertools
from collections.abc import Callable, Sequence

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from causeline.processors.delivery.logic import DeliveryLogic
from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime import poison
from causeline.processors.runtime.partition import Pace
from causeline.processors.runtime.poison import fault_digest, portions
from causeline.processors.runtime.ports import BrokerError, Input, Logic, Output, Round
from causeline.schemas.records.ingest import DeadLetter
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES, INGEST
from causeline.schemas.wire import codec
from tests.counter_logic import ASIDE, OUT, CounterLogic, counted
from tests.partition_log import T0, create, event, merge, patch
from tests.unit.processors.runtime.simulation import CHANGELOG, Fleet

Fault = Callable[[], BaseException]
_faults = itertools.count()


class Failing(CounterLogic):
    """Fails on every record with the key `bad`, and where it is told to on ticks."""

    def __init__(self, fault: Fault = lambda: ZeroDivisionError("bad"), *, at_ticks: bool = False) -> None:
        super().__init__()
        self._fault = fault
        self._at_ticks = at_ticks
        self.folds: list[int] = []

    def fold(self, inputs: Sequence[Input]) -> Round:
        self.folds.append(len(inputs))
        for record in inputs:
            if record.key == b"bad" or (record.key == poison.TICK_KEY and self._at_ticks):
                raise self._fault()
        return super().fold(inputs)


def _inputs(*keys: bytes) -> list[Input]:
    return [Input(0, offset, key, b"") for offset, key in enumerate(keys)]


def _worked(logic: Logic, *keys: bytes) -> list[Output]:
    out: list[Output] = []
    for portion in portions(logic, _inputs(*keys), 0):
        logic.apply(portion.round)
        out += portion.round.out
    return out


@pytest.mark.parametrize("at", range(5))
def test_the_records_around_one_that_fails_are_worked_on_as_if_it_were_not_there(at: int) -> None:
    keys = [b"a", b"b", b"a", b"c"]
    out = _worked(Failing(), *keys[:at], b"bad", *keys[at:])
    assert [(o.key, o.value) for o in out if o.topic == OUT] == counted(keys)
    (aside,) = [o for o in out if o.topic == ASIDE]
    assert aside.key == b"bad"
    assert aside.value is not None
    assert b"ZeroDivisionError: bad (at test_poison.py:" in aside.value


def test_what_does_not_fail_is_folded_once_and_as_a_whole() -> None:
    logic = Failing()
    _worked(logic, b"a", b"b", b"c")
    assert logic.folds == [3]


def _another_each_time() -> BaseException:
    return (ZeroDivisionError, KeyError, IndexError)[next(_faults) % 3]("bad")


@pytest.mark.parametrize(
    ("fault", "at_ticks", "why"),
    [
        (_another_each_time, False, "what fails in another way each time is not decided by the record"),
        (lambda: ZeroDivisionError("bad"), True, "time alone makes it fail: so would every other record"),
        (lambda: MemoryError, False, "the machine is at fault"),
        (lambda: BrokerError("gone"), False, "the broker is at fault"),
    ],
)
def test_what_is_not_the_records_fault_is_raised(fault: Fault, why: str, *, at_ticks: bool) -> None:
    with pytest.raises((ZeroDivisionError, KeyError, IndexError, MemoryError, BrokerError)):
        pytest.fail(f"{_worked(Failing(fault, at_ticks=at_ticks), b'a', b'bad')}: {why}")


def test_a_fault_that_passes_costs_the_record_nothing() -> None:
    class Once(CounterLogic):
        failed = False

        def fold(self, inputs: Sequence[Input]) -> Round:
            if not self.failed:
                self.failed = True
                raise ZeroDivisionError
            return super().fold(inputs)

    assert [(o.key, o.value) for o in _worked(Once(), b"a")] == [(b"a", b"1")]


def test_the_digest_of_a_recursion_is_the_same_however_deep_it_began() -> None:
    def endless() -> None:
        endless()

    def raised(depth: int) -> Exception:
        if depth:
            return raised(depth - 1)
        try:
            endless()
        except RecursionError as error:
            return error
        raise AssertionError

    def endless_elsewhere() -> None:
        endless_elsewhere()

    assert fault_digest(raised(5)) == fault_digest(raised(50))
    with pytest.raises(RecursionError) as other:
        endless_elsewhere()
    assert fault_digest(other.value) != fault_digest(raised(5))


async def test_a_partition_goes_on_behind_a_record_that_the_logic_fails_on() -> None:
    fleet = Fleet(lambda _: Failing(), partitions=1, pace=Pace(max_records=100))
    for key in (b"a", b"bad", b"a", b"bad", b"b"):
        fleet.log.append("input", 0, key, b"")
    with capture_logs() as lines:
        worker = await fleet.add()
        await fleet.produce(0, b"a")
    assert not worker.ended
    assert fleet.read(OUT, 0) == counted([b"a", b"a", b"b", b"a"])
    assert fleet.log.committed_offset(0) == 6
    errors = [line for line in lines if line["event"] == "processing_failed"]
    assert [(line["offset"], line["log_level"]) for line in errors] == [(1, "error"), (3, "error")]
    assert "ZeroDivisionError: bad" in errors[0]["reason"]
    await fleet.stop()


async def test_a_state_that_is_made_anew_leaves_out_what_was_set_aside() -> None:
    fleet = Fleet(lambda _: Failing(), partitions=1, pace=Pace(max_records=100))
    await fleet.add()
    for key in (b"a", b"bad", b"a"):
        await fleet.produce(0, key)
    await fleet.lose(CHANGELOG, 0, "changelog_empty")
    assert fleet.state(0) == {b"a": b"2"}
    await fleet.produce(0, b"a")
    assert fleet.read(OUT, 0) == counted([b"a", b"a", b"a"])
    await fleet.stop()


def _letter(outputs: Sequence[Output]) -> DeadLetter:
    (out,) = outputs
    assert out.topic == DEAD_LETTERS
    assert out.value is not None
    return codec.decode_record(out.value, DeadLetter)


def test_the_processors_say_whose_record_it_was_and_remember_nothing_of_it() -> None:
    logic = ProcessorLogic(3, merge)
    base = event(1)
    logic.apply(logic.fold([Input(3, 0, b"k", codec.encode_record(create(base, T0)))]))
    changed = patch(base, T0 + 1, {"title": "x"}, dedup_key="00000000-0000-7000-8000-000000000001")
    source = Input(3, 1, b"k", codec.encode_record(changed))
    before = logic.now
    step = logic.set_aside(source, "AttributeError: a fault of ours")
    assert step.changes == {}
    logic.apply(step)
    letter = _letter(step.out)
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == ("processing_failed", INGEST, 3, 1)
    assert (letter.tenant, letter.id, letter.value, letter.detail) == ("acme", base.id, source.value, "AttributeError: a fault of ours")
    assert logic.now == before
    assert not list(logic._committed.dedup.items())


def test_the_delivery_state_sets_aside_likewise() -> None:
    logic = DeliveryLogic(1, 4)
    step = logic.set_aside(Input(1, 7, b"k", b"{}"), "KeyError: 'x'")
    logic.apply(step)
    letter = _letter(step.out)
    assert (letter.reason, letter.topic, letter.offset, letter.value) == ("processing_failed", DELIVERIES, 7, b"{}")


def _unreadable(topic: str) -> float:
    return REGISTRY.get_sample_value("causeline_unreadable_records_total", {"topic": topic}) or 0.0


@pytest.mark.parametrize("key", [b"bad", b"", b"d", b"d\0\0", b"p\xff\xfe", b"e\xff", b"s\xff", b"t", b"o"])
@pytest.mark.parametrize("value", [b"", b"no state", b"\xc1", None])
async def test_a_changelog_record_that_is_none_is_stepped_over(key: bytes, value: bytes | None) -> None:
    """The topic is Causeline's own, but anybody with a client may have written to it."""
    fleet = Fleet(lambda number: ProcessorLogic(number, merge), partitions=1)
    await fleet.add()
    await fleet.produce(0, b"k", codec.encode_record(create(event(1), T0)))
    for worker in fleet.workers:
        worker.runner.stop()
    await fleet.settle()
    fleet.log.append(CHANGELOG, 0, key, value)
    worker = await fleet.add()
    await fleet.produce(0, b"k", codec.encode_record(create(event(2), T0 + 1)))
    assert not worker.ended, worker.failure()
    assert fleet.log.committed_offset(0) == 2
    await fleet.stop()


@pytest.mark.parametrize("logic", [lambda number: ProcessorLogic(number, merge), lambda number: DeliveryLogic(number, 1)])
async def test_a_bad_changelog_key_is_told_with_its_place_and_counted(logic: Callable[[int], Logic]) -> None:
    fleet = Fleet(logic, partitions=1)
    fleet.log.append(CHANGELOG, 0, b"bad", b"x")
    before = _unreadable(CHANGELOG)
    with capture_logs() as lines:
        worker = await fleet.add()
    (line,) = [line for line in lines if line["event"] == "record_unreadable"]
    assert (line["topic"], line["partition"], line["offset"], line["key"]) == (CHANGELOG, 0, 0, "b'bad'")
    assert line["log_level"] == "error"
    assert _unreadable(CHANGELOG) == before + 1
    assert not worker.ended
    await fleet.stop()
