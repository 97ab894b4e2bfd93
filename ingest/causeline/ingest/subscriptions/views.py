"""How a subscription is shown: what it follows, where it is told, how it fares; never a secret. Pure."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, get_args

from causeline.ingest.subscriptions import filters, targets
from causeline.schemas.records.delivery import Health, HealthState
from causeline.schemas.subscriptions.rules import Rule, Subscription
from causeline.schemas.values.mask import MASK
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, Invalid, strangers

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1_000
STATES: Final[tuple[str, ...]] = get_args(HealthState)
_PARAMETERS: Final = ("state", "limit", "cursor")
_COUNTS: Final = ("failures", "waiting", "behind", "attempts", "delivered", "failed", "dead", "skipped", "last_status", "last_error")
_TIMES: Final = ("breaker_until", "oldest", "last_attempt", "last_success")


class StoredSubscription(NamedTuple):
    """A subscription as it is stored; `project` is EscapeKit's where it belongs to a project's set, `said` the sealed fingerprint."""

    subscription: Subscription
    project: str | None = None
    said: str = ""


class Listing(NamedTuple):
    """What `GET /v1/subscriptions` asks: a state ('': any), so many rows, behind this id ('': from the first)."""

    state: str
    limit: int
    after: str


def listing(pairs: Sequence[tuple[str, str]]) -> Listing:
    """Return the question of a query string; a blank value is as good as none. Raises Invalid."""
    given = {name: value.strip() for name, value in pairs if value.strip()}
    broken = strangers((name for name, _ in pairs), _PARAMETERS, "is not a parameter of this call")
    broken += [FieldError(name, "takes one value") for name in _PARAMETERS if sum(other == name for other, _ in pairs) > 1]
    state, limit = given.get("state", ""), given.get("limit", str(DEFAULT_LIMIT))
    if state and state not in STATES:
        broken.append(FieldError("state", f"{state[:100]!r} is not one of {', '.join(STATES)}"))
    if not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(MAX_LIMIT)) and 1 <= int(limit) <= MAX_LIMIT):
        broken.append(FieldError("limit", f"{limit[:100]!r} is not a number from 1 to {MAX_LIMIT}"))
    if broken:
        raise Invalid.naming(broken, where="QUERY")
    return Listing(state, int(limit), given.get("cursor", ""))


def subscription_state(rule: Rule, health: Health | None) -> str:
    """Return how a subscription is: what was asked for, until the processors said how it went on from there."""
    if rule.state == "paused" or health is None or health.revision < rule.revision:
        return rule.state
    return health.state


def subscription_view(held: StoredSubscription, health: Health | None, secret: str = MASK) -> dict[str, Any]:
    """Return the JSON object; `secret` stands for the signing key."""
    rule = held.subscription.rule
    return {
        "id": rule.id,
        "name": rule.name,
        "state": rule.state,
        "revision": rule.revision,
        "filter": filters.filter_view(rule.where),
        "target": targets.target_view(held.subscription.target, secret),
        "groups": None if rule.groups is None else list(rule.groups),
        "start_from": _time(rule.start_from),
        "project": held.project,
        "created_at": rfc3339(rule.created_at),
        "updated_at": rfc3339(held.subscription.updated_at),
        "health": _health(rule, health),
    }


def _health(rule: Rule, health: Health | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "state": subscription_state(rule, health),
        "why": health.why if health else None,
        "breaker": health.breaker if health else None,
        "at": _time(health.at if health else None),
    }
    shown |= {name: getattr(health, name) if health else None for name in _COUNTS}
    return shown | {name: _time(getattr(health, name) if health else None) for name in _TIMES}


def _time(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
