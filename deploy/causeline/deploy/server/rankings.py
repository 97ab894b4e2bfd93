"""What publishes rankings in one server, made from its parts: who ranks, who is told, and what makes a ranking due again."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from causeline.deploy.clocks import now_ms
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.kafka.config import KafkaConfigLog
from causeline.processors.causes.telling import CauseTelling
from causeline.query_api.adapters.kafka.cause_log import KafkaCauseLog
from causeline.query_api.publishing.publisher import Publisher
from causeline.query_api.publishing.ranker import SharedRanker
from causeline.query_api.publishing.serving import Publishing
from causeline.query_api.publishing.watching import Watch
from causeline.query_api.reading.cause_rules import CauseRules
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.schemas.feedback.view import FeedbackView
from causeline.schemas.records.config import SERVICES, Value


class _WallClock(NamedTuple):
    """What publishing waits by."""

    now_ms: Callable[[], int]
    sleep: Callable[[float], Awaitable[None]]


def cause_rules_of(settings: Settings) -> CauseRules:
    """Return what the operator says of rankings. It reads the file of weights: once a server, so that all of it ranks alike."""
    return CauseRules(settings.detection_delays, settings.change_kinds, settings.cause_weights)


def publishing_of(settings: Settings, reader: Reader, causes: CauseReader, config: KafkaConfigLog, feedback: FeedbackView) -> Publishing:
    """Return what publishes. It hears of services and feedback, and tells the subscriptions that the configuration holds."""
    telling = CauseTelling(settings.partitions)
    telling.follow(config.view)

    clock = _WallClock(now_ms, asyncio.sleep)
    log = KafkaCauseLog(settings.kafka, session_timeout_ms=settings.session_timeout_ms)
    ranker = SharedRanker(reader, causes, settings.partitions, time.monotonic)
    publishing = Publishing(
        log, Publisher(ranker, clock, telling.tell, watch=Watch(causes.rules.kinds_of, causes.rules.model.version)), clock
    )

    # What is read at the start is no news: it counts in the first ranking.
    def hear_of_service(kind: str, key: str, _value: Value | None) -> None:
        if kind == SERVICES and config.ready:
            publishing.note(key.partition("/")[0], None, "changes")

    def hear_of_feedback(tenant: str, problem_id: str) -> None:
        if config.ready:
            publishing.note(tenant, problem_id, "feedback")

    config.view.follow(hear_of_service)
    feedback.follow(hear_of_feedback)
    return publishing
