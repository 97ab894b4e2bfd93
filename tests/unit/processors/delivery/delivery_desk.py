"""A partition of the delivery state under a test's hands: messages in, round by round; what came out, decoded."""

from collections.abc import Iterable
from typing import Any

import msgspec

from causeline.processors.delivery.limits import DeliveryLimits
from causeline.processors.delivery.logic import DeliveryLogic
from causeline.processors.delivery.state import DeliveryState
from causeline.processors.runtime.ports import Input, Output
from causeline.schemas.records import delivery_work
from causeline.schemas.records.delivery import Delivery, Health
from causeline.schemas.records.delivery_work import (
    Attempt,
    AttemptOutcome,
    Configured,
    DeliveryMessage,
    DeliveryWork,
    Notification,
    Tick,
    What,
)
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import DeadLetter, IngestRecord
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topics import DEAD_LETTERS, DELIVERIES_DUE, DELIVERIES_LOG, HEALTH, INGEST
from causeline.schemas.wire import codec

T0 = 1_700_000_000_000
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
S = "s1"


def a_rule(revision: int = 1, subscription: str = S, **fields: Any) -> Rule:
    return Rule(**{"id": subscription, "tenant": "acme", "revision": revision, "name": "pager", "created_at": T0, **fields})


def a_problem(problem: str, correlation_id: str, transition: Transition = "opened", **fields: Any) -> Problem:
    return Problem(
        **{
            "tenant": "acme",
            "id": problem,
            "version": 1,
            "dialect": "native",
            "kind": "incident",
            "correlation_id": correlation_id,
            "event_id": problem,
            "state": "open" if transition in {"opened", "reopened", "refreshed"} else "closed",
            "transition": transition,
            "at": T0,
            "start": T0,
            "last_receipt": T0,
            "ingest_ts": T0,
            **fields,
        }
    )


class Desk:
    """Every `put` is one round. `now` is the time of what is put next."""

    def __init__(self, limits: DeliveryLimits | None = None) -> None:
        self.limits = limits or DeliveryLimits()
        self.logic = DeliveryLogic(0, 4, self.limits)
        self.changelog: dict[bytes, bytes] = {}
        self.out: list[Output] = []
        self.handed: list[Attempt] = []
        self.now = T0
        self.offset = 0

    # In

    def put(self, *messages: DeliveryMessage) -> list[DeliveryWork]:
        """Work on messages in one round; return the work that it handed out."""
        return self.put_bytes(*(delivery_work.encode_delivery_work(message) for message in messages))

    def put_bytes(self, *values: bytes) -> list[DeliveryWork]:
        inputs = [Input(0, self.offset + i, b"k", value) for i, value in enumerate(values)]
        self.offset += len(inputs)
        step = self.logic.fold(inputs)
        for key, value in step.changes.items():
            if value is None:
                self.changelog.pop(key, None)
            else:
                self.changelog[key] = value
        self.logic.apply(step)
        self.out += step.out
        work = _work(step.out)
        self.handed += attempts(work)
        return work

    def set_up(self, rule: Rule | None = None) -> list[DeliveryWork]:
        return self.put(Configured(rule=rule or a_rule(), at=self.now))

    def notify(self, *entities: str) -> list[Attempt]:
        """Put one notification for each entity in one round; return the attempts."""
        return attempts(self.put(*(self.notification(entity) for entity in entities)))

    def notification(self, entity: str, version: int = 1, *, what: What = "event", record: bytes = b"r", **fields: Any) -> Notification:
        return Notification(
            **{
                "subscriptions": (S,),
                "what": what,
                "entity": entity,
                "version": version,
                "record": record,
                "received": self.now,
                "at": self.now,
                **fields,
            }
        )

    def report(self, attempt: Attempt, /, result: delivery_work.Result = "delivered", **fields: Any) -> list[Attempt]:
        """Report one attempt; return those that it led to."""
        return attempts(self.put(self.outcome(attempt, result, **fields)))

    def outcome(self, attempt: Attempt, /, result: delivery_work.Result = "delivered", **fields: Any) -> AttemptOutcome:
        status = {"delivered": 200, "failed": 500, "limited": 429, "gone": 410, "withheld": 0, "unsent": 0}[result]
        defaults = {"subscription": attempt.subscription, "seq": attempt.seq, "attempt": attempt.attempt, "status": status, "at": self.now}
        return AttemptOutcome(result=result, **{**defaults, **fields})

    def tick(self) -> Tick:
        return Tick(at=self.now)

    def wait(self, ms: int) -> list[DeliveryWork]:
        """Let time pass in one step; return the work that it handed out."""
        self.now += ms
        return self.put(Tick(at=self.now))

    def restart(self) -> None:
        """Go on with a logic that was restored from the changelog."""
        self.logic = DeliveryLogic(0, 4, self.limits)
        for key, value in self.changelog.items():
            self.logic.restore(key, value)

    # Out

    def held(self, subscription: str = S) -> DeliveryState:
        return dict(self.logic.subscriptions())[subscription]

    def entities(self) -> list[str]:
        """Return the entities of what waits, in order."""
        return [one.entity for one in self.held().waiting.values()]

    def log(self) -> list[Delivery]:
        return [codec.decode_record(value, Delivery) for value in self._values(DELIVERIES_LOG)]

    def letters(self) -> list[DeadLetter]:
        return [codec.decode_record(value, DeadLetter) for value in self._values(DEAD_LETTERS)]

    def incidents(self) -> list[Event]:
        return [codec.decode_record(codec.decode_ingest(value).event, Event) for value in self._values(INGEST)]

    def incident_records(self) -> list[IngestRecord]:
        return [codec.decode_ingest(value) for value in self._values(INGEST)]

    def health(self) -> list[Health | None]:
        return [msgspec.json.decode(o.value, type=Health) if o.value else None for o in self.out if o.topic == HEALTH]

    def _values(self, topic: str) -> Iterable[bytes]:
        return [output.value for output in self.out if output.topic == topic and output.value is not None]


def attempts(work: Iterable[DeliveryWork]) -> list[Attempt]:
    return [one for one in work if isinstance(one, Attempt)]


def _work(out: Iterable[Output]) -> list[DeliveryWork]:
    return [delivery_work.decode_work(output.value) for output in out if output.topic == DELIVERIES_DUE and output.value]
