"""How a subscription is shown: what it follows, where it is told, how it fares; never a secret. Pure."""

from typing import Any, Final, NamedTuple, get_args

from causeline.ingest.subscriptions import filters, targets
from causeline.schemas.records.delivery import Health, HealthState
from causeline.schemas.subscriptions.rules import Rule, Subscription
from causeline.schemas.values.mask import MASK
from causeline.schemas.values.times import rfc3339

STATES: Final[tuple[str, ...]] = get_args(HealthState)
_COUNTS: Final = ("failures", "waiting", "behind", "attempts", "delivered", "failed", "dead", "skipped", "last_status", "last_error")
_TIMES: Final = ("breaker_until", "oldest", "last_attempt", "last_success")


class StoredSubscription(NamedTuple):
    """A subscription as it is stored; `project` is EscapeKit's where it belongs to a set, `sealed_fingerprint` that of what made it."""

    subscription: Subscription
    project: str | None = None
    sealed_fingerprint: str = ""


def subscription_state(rule: Rule, health: Health | None) -> str:
    """Return how a subscription is: what was asked for, until the processors said how it went on from there."""
    if rule.state == "paused" or health is None or health.revision < rule.revision:
        return rule.state
    return health.state


def subscription_view(entry: StoredSubscription, health: Health | None, secret: str = MASK) -> dict[str, Any]:
    """Return the JSON object; `secret` stands for the signing key."""
    rule = entry.subscription.rule
    return {
        "id": rule.id,
        "name": rule.name,
        "state": rule.state,
        "revision": rule.revision,
        "filter": filters.filter_view(rule.where),
        "target": targets.target_view(entry.subscription.target, secret),
        "groups": None if rule.groups is None else list(rule.groups),
        "start_from": _time(rule.start_from),
        "project": entry.project,
        "created_at": rfc3339(rule.created_at),
        "updated_at": rfc3339(entry.subscription.updated_at),
        "health": _health(rule, health),
    }


def _health(rule: Rule, health: Health | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "state": subscription_state(rule, health),
        "why": health.why if health else None,
        "breaker": health.breaker if health else None,
        "at": _time(health.at if health else None),
    }
    document |= {name: getattr(health, name) if health else None for name in _COUNTS}
    return document | {name: _time(getattr(health, name) if health else None) for name in _TIMES}


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
