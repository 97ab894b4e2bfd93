"""What a team subscribed to: a rule (which records) and a target (where they are told). One form for every API that makes subscriptions.

A rule holds no secret: it travels on the log, so that every partition applies it from an exact place on. The target lies in
`causeline.config` alone; its secret parts (`SealedText`) are encrypted there and are opened only by the worker that delivers.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from causeline.schemas.records.causes import CauseVerdict
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS
from causeline.schemas.records.problem import Transition
from causeline.schemas.values import ids
from causeline.schemas.values.folding import fold_case_all

RecordKind = Literal["events", "problems", "causes"]
FOLLOWED_UNASKED: Final[tuple[RecordKind, ...]] = ("events", "problems")
"""What a filter takes that names none: causes come to who asks for them by name."""
TargetType = Literal["webhook", "slack"]
SubscriptionState = Literal["active", "paused"]

SealedText = str
"""An encrypted text."""


class Filter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which records, in the words of `GET /v1/events` and `GET /v1/stream`.

    Several values of one field mean or, several fields mean and; an empty tuple does not filter. `words` must all occur in title or text
    (any letter case). A problem has no status: a filter with `statuses` takes no problem. Without `transitions` all are taken but
    `refreshed`. `projects` are of events alone: EscapeKit subscribes by project. A ranking of causes is its problem's in every field, and
    has a verdict beside: `verdicts` and `transitions` say nothing of what has neither.
    """

    followed: tuple[RecordKind, ...] = FOLLOWED_UNASKED
    dialects: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    words: str = ""
    transitions: tuple[Transition, ...] = ()
    verdicts: tuple[CauseVerdict, ...] = ()

    def __post_init__(self) -> None:
        """Ask for kinds and statuses as they are stored, also in a filter that was written before they were folded."""
        for name in ("kinds", "statuses"):
            if values := getattr(self, name):
                msgspec.structs.force_setattr(self, name, fold_case_all(values))


class Rule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a processor must know of a subscription. Times are ms UTC.

    `revision` starts at 1 and grows with every change: an older one that comes late changes nothing. `groups`: whose restricted events
    it may tell besides those without groups (None: everybody's), as of the caller who made it. `start_from`: deliver what was written to
    the log since then, before what is new. `gone`: it was deleted.
    """

    id: str
    tenant: str
    revision: int
    name: str = ""
    state: SubscriptionState = "active"
    where: Filter = Filter()
    groups: tuple[str, ...] | None = None
    created_at: int
    start_from: int | None = None
    gone: bool = False


class SigningKey(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of Standard Webhooks (`whsec_…`, sealed); one that was replaced signs beside the new one until `until` (ms UTC)."""

    secret: SealedText
    until: int | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where a subscription is told.

    `url` is sealed, since the URL of a Slack webhook is a secret; `shown_url` is what may be shown of it. `headers` map names to sealed
    values. `template` is a Jinja2 text that makes the body instead of the standard payload. A Slack target has a webhook's `url`, or a
    `slack_token` (sealed) with a `slack_channel`, which lets it edit and thread messages.
    """

    type: TargetType
    url: SealedText = ""
    shown_url: str = ""
    headers: dict[str, SealedText] = {}
    keys: tuple[SigningKey, ...] = ()
    template: str = ""
    slack_token: SealedText = ""
    slack_channel: str = ""
    slack_icon: str = ""
    slack_username: str = ""


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """A rule and its target, as `causeline.config` holds them. `updated_at` is ms UTC."""

    rule: Rule
    target: Target
    updated_at: int


GONE_KEPT_MS: Final = 30 * 86_400_000
"""How long the end of a subscription is told again; no processor is away for longer without being built anew."""
GONE: Final = "gone"
"""The member of a configuration value that holds ends."""


class SubscriptionEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A subscription that was deleted: its last rule (`gone`), told again for a while, so that no processor misses it. `at` is ms UTC."""

    rule: Rule
    at: int


def end_rule(rule: Rule, now: int) -> SubscriptionEnd:
    """Return the end of a subscription at `now` (ms UTC): one more revision of its rule."""
    return SubscriptionEnd(rule=msgspec.structs.replace(rule, revision=rule.revision + 1, gone=True), at=now)


def hook_key(tenant: str, subscription_id: str) -> str:
    """Return where a native subscription lies (kind `HOOKS`). A tenant's name holds no slash."""
    return f"{tenant}/{subscription_id}"


def project_subscription_id(place: str, own_id: Any) -> str:
    """Return the id of one subscription of an EscapeKit project; `place` is its config key, `own_id` the `id` that its client knows."""
    return ids.uuid5("escapekit", place, msgspec.json.encode(own_id).decode())


def has_ended(value: Mapping[str, Any]) -> bool:
    """Tell whether a value of kind `HOOKS` holds the end of its subscription in place of the subscription."""
    return GONE in value


def held_in(kind: str, value: Mapping[str, Any]) -> list[Subscription]:
    """Return the subscriptions that a value of `causeline.config` holds: one of a hook, those of a project's set, none of another kind.

    Deleted ones are not among them: `gone_in` has their rules.
    """
    if kind == HOOKS:
        return [] if has_ended(value) else [msgspec.convert(value, Subscription)]
    if kind == SUBSCRIPTIONS:
        return msgspec.convert(value.get("hooks", []), list[Subscription])
    return []


def gone_in(value: Mapping[str, Any]) -> list[SubscriptionEnd]:
    """Return what was deleted not long ago, of a value of either kind."""
    return msgspec.convert(value.get(GONE, []), list[SubscriptionEnd])
