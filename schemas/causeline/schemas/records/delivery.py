"""What is told about deliveries: each attempt (the topic `causeline.deliveries.log`), and the health of each subscription.

A `Delivery` is public, and equal to a row of the table `deliveries`; a `Health` is JSON on `causeline.subscriptions.health`.

What must change together: `avro/delivery.v*.avsc`, `registry.lock.json`, `clickhouse/*.sql` and the fields of `Delivery`.
"""

from typing import Literal

import msgspec

from causeline.schemas.records.delivery_work import DeliveryOutcome, What

BreakerState = Literal["closed", "open", "half_open"]
HealthState = Literal["active", "paused", "disabled", "backfilling"]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. Times are ms UTC.

    `id` is the `webhook-id` of the delivery, `attempt` counts from 1. `received` is when Causeline took in what it tells, `at` when the
    attempt ended, `next_attempt` when the next one is due (None: there is none).
    `record` is the framed event, problem or ranking, kept where the outcome is `dead`, so that it can be sent again.
    """

    tenant: str
    subscription_id: str
    id: str
    attempt: int
    what: What
    entity: str
    version: int
    outcome: DeliveryOutcome
    status_code: int = 0
    detail: str = ""
    took_ms: int = 0
    received: int
    at: int
    next_attempt: int | None = None
    record: bytes = b""


class Health(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a subscription fares, as JSON on a compacted topic: at once when it changes for better or worse, else at most every 5 s.

    `waiting` counts what is held in the state; where `behind`, more lies in the log. `oldest` is when Causeline took in the oldest of it.
    The counters begin at 0 with the subscription. Times are ms UTC, None: never.
    """

    id: str
    tenant: str
    revision: int
    state: HealthState = "active"
    why: str = ""
    breaker: BreakerState = "closed"
    breaker_until: int | None = None
    failures: int = 0
    waiting: int = 0
    behind: bool = False
    oldest: int | None = None
    attempts: int = 0
    delivered: int = 0
    failed: int = 0
    dead: int = 0
    skipped: int = 0
    last_attempt: int | None = None
    last_success: int | None = None
    last_status: int = 0
    last_error: str = ""
    at: int
