"""The processors' decisions: from records of the ingest log to public events, problems and dead letters.

Pure: no I/O, no clock, no await. `fold` decides a round over an overlay and leaves the state as it is; `apply` takes the overlay over
once the round is committed. Time is task time, the greatest ingest time or tick that the partition has seen: it never runs back, and
it is part of the state, so that a replay or a new owner decides alike.

Most records are plain creates: their framed event is passed on without being decoded and leaves nothing in the state.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from causeline.processors.events import keys, patches, problems, state
from causeline.processors.events.committed import CommittedEvents
from causeline.processors.events.dedup import content_key
from causeline.processors.events.patches import Merge
from causeline.processors.events.report import report_round
from causeline.processors.events.rounds import EventFold
from causeline.processors.events.set_aside import SetAside, fitting
from causeline.processors.events.settings import ProcessorSettings
from causeline.processors.events.signals import IncidentsById, change_outcome, change_receipt, event_outcomes, has_opened, receipt_of
from causeline.processors.events.state_tables import restore
from causeline.processors.events.subscription_rules import rule_of
from causeline.processors.runtime.ports import Input, Output, Round
from causeline.processors.runtime.timers import MAX_TIME
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.signals import SignalOf
from causeline.schemas.records.delivery_work import Notification, decode_message
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.topics import EVENTS
from causeline.schemas.wire import codec
from causeline.schemas.wire.partitioning import partition_of

_SIGNALS: Final = frozenset({"", "open", "close"})
_MAX_TIMEOUT_MS: Final = 366 * 86_400_000
_DEFAULTS: Final = ProcessorSettings()


class ProcessorLogic:
    """The state and the decisions of one partition.

    `merge` applies a client's patch to an event, `signal_of` says what the new version says of its own problem (both `dialects.dialect`).
    `partitions`: how many each topic has, since what is to be delivered goes to the partition of its subscription.
    """

    def __init__(
        self,
        partition: int,
        merge: Merge,
        settings: ProcessorSettings = _DEFAULTS,
        *,
        partitions: int = 1,
        signal_of: SignalOf = DIALECTS.signal_of,
    ) -> None:
        for dialect, rule in settings.content_windows.items():
            if not 0 < rule.window_ms <= settings.dedup_window_ms:
                raise ValueError(f"the content window of {dialect} must lie within the dedup window of {settings.dedup_window_ms} ms")
        self._partition = partition
        self._partitions = partitions
        self._merge = merge
        self._signal_of = signal_of
        self._settings = settings
        self._committed = CommittedEvents(settings.dedup_window_ms, partitions)
        self._event_frame = codec.latest("event").id.to_bytes(codec.HEADER_SIZE)
        self._deciders: Mapping[str, Callable[[EventFold, IngestRecord], None]] = {
            "create": self._create,
            "signal": self._signal,
            "patch": self._change,
            "delete": self._change,
            "push": self._push,
            "subscribe": self._subscribe,
            "notify": self._notify,
        }

    @property
    def now(self) -> int:
        """Task time as of the last commit (ms UTC), 0 before the first."""
        return self._committed.now

    def tick(self, now_ms: int) -> bytes:
        """Return the value of a tick record that carries this time (ms UTC)."""
        return codec.encode_record(IngestRecord(op="tick", ingest_ts=now_ms))

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Apply one changelog record. Raises ValueError where no state has such a key."""
        committed, kind = self._committed, key[:1]
        if key == state.TIME_KEY:
            committed.now = state.decode_time(value) if value else 0
        elif kind == state.DEDUP:
            timer_key = committed.dedup.restore(key, value)
            if timer_key is not None:
                committed.timers.schedule(committed.dedup.wake_at(timer_key), timer_key)
        elif kind == state.EVENT_TAG:
            restore(committed.events, committed.timers, key, state.decode_event(value) if value else None)
        elif kind == state.PROBLEM_TAG:
            committed.load_problem(key, value or None)
        elif kind == state.CLOSES:
            restore(committed.closes, committed.timers, key, state.decode_closes(value) if value else None)
        elif kind == state.SUBSCRIPTION:
            restore(committed.rules, committed.timers, key, state.decode_rule(value) if value else None)
        else:
            raise ValueError(f"{key!r} is not a state key")

    def fold(self, inputs: Sequence[Input]) -> Round:
        """Decide on inputs, in offset order, over the present state, which stays as it is."""
        self._committed.schedule_restored()
        fold = EventFold(self._committed, self._settings)
        frame, out, decode = self._event_frame, fold.out, codec.decode_ingest
        content_windows, rules = self._settings.content_windows, fold.rules
        creates = 0
        for source in inputs:
            record = None
            try:
                record = decode(source.value)
                if record.ingest_ts > fold.now:
                    fold.advance(_plausible(record.ingest_ts))
                is_plain = record.op == "create" and not (record.dedup_key or record.request_key or record.signal or content_windows)
                if is_plain and record.event[:5] == frame:
                    out.append(Output(EVENTS, record.id.encode(), fitting(record.event)))
                    creates += 1
                    if (lane := rules.index.events.get(record.tenant)) is not None:
                        fold.tell_followers(lane, record.id, record.event, record.ingest_ts)
                else:
                    self._decide(fold, record)
            except codec.CodecError as error:
                fold.set_aside(source, "undecodable", str(error), record)
            except SetAside as refusal:
                fold.set_aside(source, refusal.reason, refusal.detail, record)
        if creates:
            fold.counts.ops["create"] += creates
        return Round(out, fold.changes(), fold)

    def set_aside(self, source: Input, detail: str) -> Round:
        """Return a round that writes an input, on which `fold` raised, as a dead letter and changes nothing."""
        fold = EventFold(self._committed, self._settings)
        try:
            record = codec.decode_ingest(source.value)
        except codec.CodecError:
            record = None
        fold.set_aside(source, "processing_failed", detail, record)
        return Round(fold.out, {}, fold)

    def apply(self, round: Round) -> None:  # noqa: A002 - a round is what the field calls it
        """Take over the changes of a round that is committed, and count what it did."""
        self.replay(round)
        report_round(self._partition, round.report.counts, self._committed)

    def replay(self, round: Round) -> None:  # noqa: A002
        """Take over the changes of a round that was committed before, and count nothing."""
        fold: EventFold = round.report
        committed = self._committed
        committed.now = fold.now
        committed.dedup.adopt(fold.dedup)
        fold.events.write()
        fold.problems.write()
        fold.closes.write()
        fold.rules.write()
        committed.timers.adopt(fold.timers)

    def _decide(self, fold: EventFold, record: IngestRecord) -> None:
        """Decide on one record. One that is set aside leaves its dead letter and its idempotency key; its event only if `too_many_open`."""
        if record.op == "conflict":
            raise SetAside("idempotency_conflict", "the same idempotency key came with other content before, and its client was told so")
        if record.op != "tick":
            decider = self._deciders.get(record.op)
            if decider is None:
                raise SetAside("unknown_op", f"op {record.op!r}")
            if record.signal not in _SIGNALS or not 0 <= record.timeout_ms <= _MAX_TIMEOUT_MS:
                raise SetAside("undecodable", f"signal {record.signal!r}, timeout_ms {record.timeout_ms}")
            judgement = keys.judge(fold.dedup, record, fold.now, self._is_here)
            if isinstance(judgement, keys.Here):
                decider(fold, judgement.record)
            elif isinstance(judgement, keys.Elsewhere):
                fold.pass_on(judgement.record)
            else:
                fold.counts.deduplicated += 1
        fold.counts.ops[record.op] += 1

    def _is_here(self, key: bytes) -> bool:
        return partition_of(key, self._partitions) == self._partition

    def _create(self, fold: EventFold, record: IngestRecord) -> None:
        if codec.registry()[codec.schema_id_of(record.event)].subject != "event":
            raise SetAside("undecodable", "the record does not carry an event")
        output = Output(EVENTS, record.id.encode(), fitting(record.event))
        onward = keys.onward(record, "signal", self._is_here) if record.signal else None
        incidents_by_id = _concerns_of(fold, record) if record.signal and onward is None else {}
        # A key may be forgotten while its event lives on: a repeat that comes so late must not overwrite or reopen anything.
        is_late = has_opened(incidents_by_id, record) or fold.events.get(state.event_key(record.id)) is not None
        if (record.dedup_key and is_late) or self._is_same_content(fold, record):
            fold.counts.deduplicated += 1
            return
        outcomes = event_outcomes(record, incidents_by_id, fold.now, self._settings.life) if incidents_by_id else []
        if onward is not None:
            codec.decode_record(record.event, Event)  # what the next partition could not read is set aside here, as a whole
            fold.pass_on(onward)
        fold.out.append(output)
        fold.tell_event(record.tenant, record.id, record.event, record.ingest_ts)
        for correlation_id, outcome in outcomes:
            fold.follow(record.tenant, correlation_id, outcome, record.ingest_ts)

    def _signal(self, fold: EventFold, record: IngestRecord) -> None:
        """Move the problems that an event speaks of; the event itself is published where its key lies."""
        incidents_by_id = _concerns_of(fold, record)
        if has_opened(incidents_by_id, record):
            fold.counts.deduplicated += 1  # its key was forgotten, the problem that it opened is known
            return
        for correlation_id, outcome in event_outcomes(record, incidents_by_id, fold.now, self._settings.life):
            fold.follow(record.tenant, correlation_id, outcome, record.ingest_ts)

    def _is_same_content(self, fold: EventFold, record: IngestRecord) -> bool:
        if not self._settings.content_windows:
            return False
        event = codec.decode_record(record.event, Event)
        rule = self._settings.content_windows.get(event.dialect)
        return rule is not None and fold.dedup.check(content_key(event, rule, fold.now), 0, fold.now) != "new"

    def _push(self, fold: EventFold, record: IngestRecord) -> None:
        onward = keys.onward(record, "push", self._is_here)
        if onward is not None:
            codec.decode_record(record.event, Event)
            fold.pass_on(onward)
            return
        key = _problem_key(record)
        current = fold.problems.get(key)
        is_refresh = current is not None and current.is_open
        event = None if is_refresh else codec.decode_record(record.event, Event)
        step = problems.open_problem(current, receipt_of(record, event, fold.now), self._settings.life)
        if not is_refresh and step.event is not None:
            fitting(step.event)
            fold.admit(record.tenant)
        fold.keep(key, step, record.ingest_ts)

    def _change(self, fold: EventFold, record: IngestRecord) -> None:
        current = fold.events.get(state.event_key(record.id))
        change = patches.decide(record, current, self._merge)
        if isinstance(change, patches.PatchRefused):
            raise SetAside(change.reason, change.detail)
        if isinstance(change, patches.AlreadyDeleted):
            fold.counts.deduplicated += 1
            return
        correlation_id = record.correlation_id or record.id
        memory, receipt = fold.recall(record.tenant, correlation_id), change_receipt(record, change, fold.now)
        outcome = change_outcome(change.event, memory, receipt, self._signal_of, self._settings.life)
        fold.change(change)
        if outcome is not None:
            fold.follow(record.tenant, correlation_id, outcome, record.ingest_ts)

    def _subscribe(self, fold: EventFold, record: IngestRecord) -> None:
        try:
            rule = rule_of(record)
        except ValueError as error:
            raise SetAside("undecodable", f"no rule of a subscription: {error}") from error
        own = partition_of(rule.id.encode(), fold.rules.index.partitions)
        novelty = fold.configure(rule)
        # News go ahead of what is matched by them, wherever that is. What is known only heals a delivery state that was lost.
        if novelty == "new" or (novelty == "same" and own == self._partition):
            fold.forward(own, rule)

    def _notify(self, fold: EventFold, record: IngestRecord) -> None:
        try:
            message = decode_message(record.event)
        except msgspec.DecodeError as error:
            raise SetAside("undecodable", f"no notification: {error}") from error
        if not isinstance(message, Notification):
            raise SetAside("undecodable", f"a {type(message).__name__}, not a notification")
        fold.repeat(message)


def _plausible(ingest_ts: int) -> int:
    """Return a time that task time may reach. It never runs back, so one damaged record must not take it out of this world."""
    if ingest_ts > MAX_TIME:
        raise SetAside("undecodable", f"ingest_ts {ingest_ts} is no time")
    return ingest_ts


def _problem_key(record: IngestRecord) -> bytes:
    return state.problem_key(record.tenant, record.correlation_id or record.id)


def _concerns_of(fold: EventFold, record: IngestRecord) -> IncidentsById:
    return {name: fold.recall(record.tenant, name) for name in record.concerns}
