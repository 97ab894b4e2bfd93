"""One piece of work from `causeline.deliveries.due`, from its bytes to the report on it. It knows neither faust nor Kafka."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
import structlog

from causeline.processors.runtime.ports import BrokerError, Clock
from causeline.processors.workers import payload
from causeline.processors.workers.answers import Verdict, clean
from causeline.processors.workers.cause_summaries import CauseSummary
from causeline.processors.workers.ports import Directory, LogReader, ProblemCauses
from causeline.schemas import telemetry
from causeline.schemas.records.delivery_work import (
    Attempt,
    AttemptOutcome,
    Backfill,
    DeliveryMessage,
    Refill,
    decode_work,
    encode_delivery_work,
)
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.matching import in_groups
from causeline.schemas.subscriptions.rules import Subscription, TargetType
from causeline.schemas.subscriptions.sealing import UnsealFailed
from causeline.schemas.subscriptions.templates import TemplateFailed
from causeline.schemas.wire import codec

_log = structlog.get_logger(__name__)


def reads_the_log(value: bytes) -> bool:
    """Tell work that reads the log: one piece after the other, each of which may take seconds; attempts must not wait behind it."""
    try:
        return not isinstance(decode_work(value), Attempt)
    except msgspec.DecodeError:
        return False


class Channel(Protocol):
    """Tells one type of target."""

    async def deliver(
        self, attempt: Attempt, record: payload.NotifiedRecord, subscription: Subscription, now: int, causes: CauseSummary | None
    ) -> Verdict:
        """Make one attempt at `now` (ms UTC), of a problem with what is known of its `causes`.

        Raises UnsealFailed, TemplateFailed, ValueError where the target is not usable.
        """
        ...


class WorkerReport(msgspec.Struct, frozen=True):
    """What goes back to the delivery state: the key (the subscription) and the record's bytes."""

    key: bytes
    value: bytes


class Agent:
    """Does one piece of work at a time for whoever asks; many may ask at once."""

    def __init__(
        self, directory: Directory, channels: Mapping[TargetType, Channel], reader: LogReader, causes: ProblemCauses, clock: Clock
    ) -> None:
        self._directory = directory
        self._channels: Final = channels
        self._reader = reader
        self._causes = causes
        self._clock = clock
        self._one_reading: Final = asyncio.Lock()

    async def work(self, value: bytes) -> WorkerReport | None:
        """Return the report on a piece of work, None where there is none: it is handed out again after its lease.

        That is where its bytes or the log cannot be read, or a reading lay too long.
        """
        try:
            work = decode_work(value)
        except msgspec.DecodeError as error:
            _log.error("a piece of work cannot be read", error=type(error).__name__)
            return None
        try:
            message = await self._do(work)
        except BrokerError as error:
            _log.warning("a part of the log could not be read", error=repr(error.__cause__ or error))
            return None
        if message is None:
            return None
        subscription = work.rule.id if isinstance(work, Backfill) else work.subscription
        return WorkerReport(subscription.encode(), encode_delivery_work(message))

    async def _do(self, work: Attempt | Refill | Backfill) -> DeliveryMessage | None:
        if isinstance(work, Attempt):
            return _report_unsent(work, self._clock.now_ms()) if self._is_late(work) else await self._make_attempt(work)
        async with self._one_reading:
            if self._is_late(work):
                return None
            return await (self._reader.refill(work) if isinstance(work, Refill) else self._reader.backfill(work))

    def _is_late(self, work: Attempt | Refill | Backfill) -> bool:
        """Tell whether work lay here or on the log for so long that it would end after its lease: it is handed out again instead."""
        return 0 < work.begin_within_ms < self._clock.now_ms() - work.at

    async def _make_attempt(self, attempt: Attempt) -> AttemptOutcome:
        began = self._clock.monotonic()
        telemetry.DELIVERY_DUE_SECONDS.observe(max(0, self._clock.now_ms() - attempt.at) / 1_000)
        telemetry.DELIVERIES_IN_FLIGHT.inc()
        try:
            verdict = await self._verdict(attempt)
        finally:
            telemetry.DELIVERIES_IN_FLIGHT.dec()
        took = self._clock.monotonic() - began
        telemetry.DELIVERY_ATTEMPTS.labels(verdict.result).inc()
        telemetry.DELIVERY_ATTEMPT_SECONDS.observe(took)
        return AttemptOutcome(
            subscription=attempt.subscription,
            seq=attempt.seq,
            attempt=attempt.attempt,
            result=verdict.result,
            status=verdict.status,
            detail=verdict.detail,
            took_ms=int(took * 1_000),
            retry_after_ms=verdict.retry_after_ms,
            thread=verdict.thread,
            at=self._clock.now_ms(),
            delivery_id=attempt.delivery_id,
        )

    async def _verdict(self, attempt: Attempt) -> Verdict:
        """Return how an attempt ended; whatever is wrong with a target is a failed attempt with its reason, and ends no worker."""
        subscription = await self._directory.find(attempt.subscription, attempt.revision)
        if subscription is None:
            return Verdict(result="failed", detail="subscription not known yet")
        try:
            return await self._deliver(attempt, payload.notified_record(attempt), subscription)
        except TemplateFailed as error:
            return Verdict(result="failed", detail=clean(f"template: {error}"))
        except UnsealFailed:
            return Verdict(result="failed", detail="the secrets of the subscription were sealed with another key")
        except codec.CodecError:
            return Verdict(result="failed", detail="the record cannot be read")
        except Exception as error:  # noqa: BLE001 - one target must not stop the others; what it was is logged without its secrets
            _log.error("an attempt failed unexpectedly", subscription=attempt.subscription, error=type(error).__name__)
            return Verdict(result="failed", detail=f"internal: {type(error).__name__}")

    async def _deliver(self, attempt: Attempt, record: payload.NotifiedRecord, subscription: Subscription) -> Verdict:
        """Deliver, unless the record is restricted and the subscription was changed by somebody who may see less while it waited."""
        if isinstance(record, Event) and not in_groups(record.allowed_groups, subscription.rule.groups):
            return Verdict(result="withheld", detail="restricted to groups that the subscription does not tell any more")
        causes = None
        if isinstance(record, Problem) and not record.is_deleted:
            causes = await self._causes.find(record, self._clock.now_ms() - attempt.first_at)
        return await self._channels[subscription.target.type].deliver(attempt, record, subscription, self._clock.now_ms(), causes)


def _report_unsent(attempt: Attempt, now: int) -> AttemptOutcome:
    telemetry.DELIVERY_ATTEMPTS.labels("unsent").inc()
    return AttemptOutcome(
        subscription=attempt.subscription,
        seq=attempt.seq,
        attempt=attempt.attempt,
        result="unsent",
        at=now,
        delivery_id=attempt.delivery_id,
    )
