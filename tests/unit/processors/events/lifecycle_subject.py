"""The processors' own logic as the subject of the random walk."""

from collections import defaultdict

from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.runtime.ports import Input, Logic, Output
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import DEAD_LETTERS, EVENTS, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.wire import codec
from tests.partition_log import create, decoded, event, merge, patch, push, uuid
from tests.unit.processors.runtime.simulation import Fleet

_TIMEOUT_MS = 60_000
_PUBLIC = (EVENTS, PROBLEMS, PROBLEMS_CURRENT, DEAD_LETTERS)
_ENDS = {"closed", "timed_out", "deleted"}


class LifecycleSubject:
    """Plain and keyed creates, pushes, patches and damaged bytes."""

    def logic(self, partition: int) -> Logic:
        return ProcessorLogic(partition, merge)

    def record(self, choice: int, serial: int, now_ms: int) -> tuple[int, bytes, bytes]:
        kind, number = choice % 6, choice // 6 % 4
        if kind == 0:
            return number % 2, b"damaged", b"%d" % serial
        record = self._decision(kind, number, serial, now_ms)
        return number % 2, record.key, codec.encode_record(record)

    def _decision(self, kind: int, number: int, serial: int, now_ms: int) -> IngestRecord:
        if kind == 1:
            return create(event(serial), now_ms)
        if kind == 2:
            return create(event(500_000 + number), now_ms, dedup_key=uuid(number), fingerprint=number)
        if kind == 3:
            return patch(event(600_000 + number), now_ms, {"title": f"{serial}"}, record=serial)
        return push(serial, now_ms, correlation_id=f"c{number}", timeout_ms=_TIMEOUT_MS)

    def check(self, fleet: Fleet, partition: int) -> None:
        offset = fleet.log.committed_offset(partition)
        expected = self._replayed(fleet, partition, offset)
        for topic in _PUBLIC:
            assert fleet.read(topic, partition) == expected[topic], topic
        self._check_outputs([Output(topic, key, value) for topic in _PUBLIC for key, value in fleet.read(topic, partition)])

    def check_end(self, fleet: Fleet, partition: int) -> None:
        assert fleet.log.committed_offset(partition) == len(fleet.inputs(partition))
        damaged_values = [value for key, value in fleet.inputs(partition) if key == b"damaged"]
        letters = decoded([Output(DEAD_LETTERS, key, value) for key, value in fleet.read(DEAD_LETTERS, partition)]).letters
        assert [letter.value for letter in letters] == damaged_values

    def _replayed(self, fleet: Fleet, partition: int, offset: int) -> dict[str, list[tuple[bytes, bytes | None]]]:
        """Return what one process that was never disturbed makes of the same log, record by record."""
        logic = self.logic(partition)
        records: dict[str, list[tuple[bytes, bytes | None]]] = defaultdict(list)
        for number, (key, value) in enumerate(fleet.inputs(partition)[:offset]):
            round_ = logic.fold([Input(partition, number, key, value)])
            logic.apply(round_)
            for topic, out_key, out_value, _ in round_.out:
                records[topic].append((out_key, out_value))
        return records

    def _check_outputs(self, out: list[Output]) -> None:
        outputs = decoded(out)
        events: dict[str, list[int]] = defaultdict(list)
        for row in outputs.events:
            events[row.id].append(row.version)
        for versions in events.values():
            assert versions == list(range(versions[0], versions[0] + len(versions)))
        assert all(len(events[uuid(500_000 + number)]) <= 1 for number in range(4))
        lives: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for problem in outputs.problems:
            lives[problem.id].append((problem.version, problem.transition))
            if problem.transition == "timed_out":
                assert problem.end == problem.last_receipt + _TIMEOUT_MS
        for life in lives.values():
            assert [version for version, _ in life] == list(range(1, len(life) + 1))
            assert [transition in {"opened", "reopened"} for _, transition in life] == [True] + [False] * (len(life) - 1)
            assert sum(transition in _ENDS for _, transition in life) <= 1
