"""Problems and subscriptions that several tests tell of."""

from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.subscriptions.rules import Rule, Subscription, Target
from tests.delivery_state import SEALER, T0


def problem(transition: Transition, **columns: object) -> Problem:
    ended = transition in {"closed", "timed_out"}
    problem_fields: dict[str, object] = {
        "version": 3 if ended else 1,
        "state": "closed" if ended else "open",
        "end": T0 + 3_900_000 if ended else None,
        "title": "Checkout is slow",
        "service": "checkout",
        "environment": "prod",
        "severity": "critical",
        "at": T0,
        "tenant": "t",
        "id": "problem/1",
        **columns,
    }
    return Problem(
        dialect="native",
        kind="incident",
        correlation_id="c",
        event_id="e",
        transition=transition,
        start=T0,
        last_receipt=T0,
        ingest_ts=T0,
        **problem_fields,  # type: ignore[arg-type]
    )


def slack_subscription(**target: object) -> Subscription:
    rule = Rule(id="sub", tenant="t", revision=1, name="Shop", groups=("ops",), created_at=T0)
    return Subscription(rule=rule, target=Target(type="slack", **target), updated_at=T0)  # type: ignore[arg-type]


def sealed(text: str) -> str:
    return SEALER.seal(text)
