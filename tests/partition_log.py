"""One partition under test: records go in, decoded outputs come out, every round is committed at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from causeline.processors.events.logic import ProcessorLogic
from causeline.processors.events.settings import ProcessorSettings
from causeline.processors.runtime.ports import Input, Output, Round
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery_work import Configured, Notification
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES, EVENTS, INGEST, PROBLEMS, PROBLEMS_CURRENT
from causeline.schemas.wire import codec

T0 = 1_790_000_000_000
SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def uuid(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012x}"


def event(number: int = 1, **columns: Any) -> Event:
    plain: dict[str, Any] = {"dialect": "tracker", "kind": "deployment", "title": "t", "ts": T0, "ingest_ts": T0, "updated_ts": T0}
    return Event(tenant="acme", id=uuid(number), **plain | columns)


def merge(current: Event, patch: str) -> Event:
    """A dialect whose patches name columns."""
    fields = msgspec.json.decode(patch)
    if not isinstance(fields, dict):
        raise ValueError(f"{patch} is not an object")  # noqa: TRY004 - what a merge raises
    return msgspec.structs.replace(current, version=current.version + 1, **fields)


def create(new_event: Event, at: int, **envelope: Any) -> IngestRecord:
    return IngestRecord(
        op="create",
        tenant=new_event.tenant,
        id=new_event.id,
        record_id=new_event.id,
        ingest_ts=at,
        event=codec.encode_record(new_event),
        **envelope,
    )


def patch(base: Event, at: int, fields: dict[str, Any], record: int = 900, **envelope: Any) -> IngestRecord:
    """The patch of a client who saw `base`."""
    text = msgspec.json.encode(fields).decode()
    merged = merge(base, text)
    arguments: dict[str, Any] = {
        "base_version": base.version,
        "base_ts": base.ts,
        "base_service": base.service if merged.service != base.service else "",
        "event": codec.encode_record(merged),
    } | envelope
    return IngestRecord(op="patch", tenant=base.tenant, id=base.id, record_id=uuid(record), ingest_ts=at, patch=text, **arguments)


def delete(base: Event, at: int, record: int = 950, **envelope: Any) -> IngestRecord:
    tombstone = msgspec.structs.replace(base, version=base.version + 1, is_deleted=True)
    return IngestRecord(
        op="delete",
        tenant=base.tenant,
        id=base.id,
        record_id=uuid(record),
        ingest_ts=at,
        base_version=base.version,
        base_ts=base.ts,
        event=codec.encode_record(tombstone),
        **envelope,
    )


def push(number: int, at: int, correlation_id: str = "c", timeout_ms: int = 15 * MINUTE, **envelope: Any) -> IngestRecord:
    columns = {"dialect": "desk", "kind": "incident", "title": f"problem {correlation_id}", "ts": at, "start": at, "ingest_ts": at}
    return IngestRecord(
        op="push",
        tenant="acme",
        id=uuid(number),
        record_id=uuid(number),
        ingest_ts=at,
        correlation_id=correlation_id,
        timeout_ms=timeout_ms,
        event=codec.encode_record(event(number, **columns, updated_ts=at)),
        **envelope,
    )


def rule(number: int, revision: int = 1, *, gone: bool = False, groups: tuple[str, ...] | None = None, **where: Any) -> Rule:
    """A subscription of the tenant of `event`."""
    scope = Filter(**where)
    return Rule(id=uuid(number), tenant="acme", revision=revision, where=scope, groups=groups, created_at=T0, gone=gone)


def subscribe(new_rule: Rule, at: int) -> IngestRecord:
    return IngestRecord(op="subscribe", tenant=new_rule.tenant, id=new_rule.id, ingest_ts=at, patch=msgspec.json.encode(new_rule).decode())


def notify(notification: Notification, at: int) -> IngestRecord:
    return IngestRecord(op="notify", tenant="acme", id=uuid(980), ingest_ts=at, event=delivery_work.encode_delivery_work(notification))


def tick(at: int) -> IngestRecord:
    return IngestRecord(op="tick", ingest_ts=at)


class Outputs(NamedTuple):
    """Decoded outputs in order; `current` maps a problem id to its snapshot, None for a tombstone; deliveries and `passed_on` (records for
    the ingest log) with their partitions."""

    events: list[Event]
    problems: list[Problem]
    current: dict[str, Problem | None]
    letters: list[DeadLetter]
    notifications: list[tuple[int | None, Notification]]
    configurations: list[tuple[int | None, Configured]]
    passed_on: list[tuple[int | None, IngestRecord]]


def decoded(out: Sequence[Output]) -> Outputs:
    outputs = Outputs([], [], {}, [], [], [], [])
    for topic, key, value, partition in out:
        if topic == PROBLEMS_CURRENT:
            outputs.current[key.decode()] = codec.decode_record(value, Problem) if value else None
            continue
        assert value is not None
        if topic == EVENTS:
            outputs.events.append(codec.decode_record(value, Event))
            assert outputs.events[-1].id == key.decode()
        elif topic == PROBLEMS:
            outputs.problems.append(codec.decode_record(value, Problem))
            assert outputs.problems[-1].id == key.decode()
        elif topic == INGEST:
            outputs.passed_on.append((partition, codec.decode_record(value, IngestRecord)))
            assert outputs.passed_on[-1][1].key == key
        elif topic == DELIVERIES:
            message = delivery_work.decode_message(value)
            if isinstance(message, Notification):
                assert message.subscriptions[0] == key.decode()
                outputs.notifications.append((partition, message))
            else:
                assert isinstance(message, Configured)
                assert message.rule.id == key.decode()
                outputs.configurations.append((partition, message))
        else:
            assert topic == DEAD_LETTERS
            outputs.letters.append(codec.decode_record(value, DeadLetter))
    return outputs


class Partition:
    """A logic and its changelog, as the broker would hold them."""

    def __init__(self, settings: ProcessorSettings | None = None, number: int = 3, partitions: int = 4) -> None:
        self.settings = settings or ProcessorSettings()
        self.number = number
        self.partitions = partitions
        self.logic = self.fresh()
        self.offset = 0
        self.out: list[Output] = []
        self.changelog: list[tuple[bytes, bytes | None]] = []

    def fresh(self) -> ProcessorLogic:
        return ProcessorLogic(self.number, merge, self.settings, partitions=self.partitions)

    def inputs(self, records: Sequence[IngestRecord | bytes]) -> list[Input]:
        inputs = []
        for record in records:
            raw = record if isinstance(record, bytes) else codec.encode_record(record)
            inputs.append(Input(self.number, self.offset, b"raw" if isinstance(record, bytes) else record.key, raw))
            self.offset += 1
        return inputs

    def commit(self, next_round: Round) -> None:
        self.logic.apply(next_round)
        self.out += next_round.out
        self.changelog += next_round.changes.items()

    def feed(self, *records: IngestRecord | bytes) -> Outputs:
        next_round = self.logic.fold(self.inputs(records))
        self.commit(next_round)
        return decoded(next_round.out)

    def restore(self) -> ProcessorLogic:
        """A new owner: nothing but the changelog, compacted as the broker might."""
        newest = {key: place for place, (key, _) in enumerate(self.changelog)}
        logic = self.fresh()
        for place, (key, value) in enumerate(self.changelog):
            if newest[key] == place:
                logic.restore(key, value)
        return logic


def snapshot(logic: ProcessorLogic) -> tuple[object, ...]:
    """What a logic remembers, comparable. Which segment a dedup key lies in is not part of it."""
    state = logic._committed
    buckets = {number: sorted(bucket.keys) for number, bucket in state.dedup.buckets.items()}
    return state.now, state.events, dict(state.problems.items()), dict(state.dedup.items()), buckets, dict(state.rules.items())
