"""`/v1/subscriptions` of the native API: bodies to subscriptions, the next revision of one, and how one is shown. Pure.

A change is a JSON merge patch (RFC 7396) of the document that would make the subscription as it is now; so a changed subscription obeys
every rule that a new one does. Secrets come in sealed and go out as `***`.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast, get_args

import msgspec

from causeline.ingest.subscriptions import filters, targets
from causeline.ingest.subscriptions.targets import Plain
from causeline.schemas.records.config import Value
from causeline.schemas.subscriptions.endpoints import AllowList, origin_of, trim_url
from causeline.schemas.subscriptions.rules import Filter, Rule, SigningKey, Subscription, SubscriptionState, TargetType
from causeline.schemas.values import ids
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.values.times import epoch_ms, ms_of, within_range
from causeline.schemas.web.errors import FieldError, Invalid, strangers
from causeline.schemas.web.principal import Groups

MAX_SUBSCRIPTION_NAME: Final = 200
MAX_GROUPS: Final = 100
MAX_RULE_BYTES: Final = 64 << 10
"""A rule lies on every partition and in the state of every processor."""
DEFAULT_KEEP: Final = "24h"
MAX_KEEP_MS: Final = 7 * 86_400_000
_MAX_KEYS: Final = 5
"""Each key is one more signature in a header of every delivery."""

_MEMBERS: Final = ("name", "filter", "target", "start_from", "state", "groups")
_ROTATION: Final = ("keep_for", "secret")
_AGO: Final = re.compile(r"(?:now)?-(\w+)")

Seal = Callable[[str], str]


class SubscriptionDraft(NamedTuple):
    """What a body asks for; its target is in the clear."""

    name: str
    where: Filter
    target: Plain
    state: SubscriptionState
    groups: Groups
    start_from: int | None


class Caller(NamedTuple):
    """Who asks, when (ms UTC), and what an operator allows. `groups` None: sees every group."""

    tenant: str
    groups: Groups
    now: int
    allow_list: AllowList


def template_in(content: Mapping[str, Any]) -> bool:
    """Tell whether a body brings a template, which is run when the body is judged."""
    target = content.get("target")
    return isinstance(target, dict) and bool(target.get("template"))


def draft_of(content: Mapping[str, Any], caller: Caller) -> SubscriptionDraft:
    """Return what a body asks for. Raises Invalid that names every member which is wrong."""
    errors = strangers(content, _MEMBERS, "is not a member of a subscription")
    draft = SubscriptionDraft(
        name=_name(content.get("name"), errors),
        where=filters.filter_of(content.get("filter"), errors),
        target=targets.target_of(content.get("target"), caller.allow_list, errors),
        state=_state(content.get("state"), errors),
        groups=_groups(content.get("groups"), caller.groups, errors),
        start_from=_start(content.get("start_from"), caller.now, errors),
    )
    refuse_broken(errors)
    return draft


def first_revision(draft: SubscriptionDraft, caller: Caller, subscription_id: str, secret: str, seal: Seal) -> Subscription:
    """Return the first revision; `secret` signs a webhook's deliveries. Raises Invalid where the rule is too large."""
    rule = Rule(
        id=subscription_id,
        tenant=caller.tenant,
        revision=1,
        name=draft.name,
        state=draft.state,
        where=draft.where,
        groups=draft.groups,
        created_at=caller.now,
        start_from=draft.start_from,
    )
    keys = (SigningKey(secret=seal(secret)),) if draft.target.type == "webhook" else ()
    return _fitting(Subscription(rule=rule, target=targets.seal_target(draft.target, keys, seal), updated_at=caller.now))


def patch_subscription(current: Subscription, patch: Mapping[str, Any], caller: Caller, seal: Seal, unseal: Seal) -> Subscription:
    """Return the next revision under a merge patch. Raises Invalid that names every member which is wrong."""
    _refuse_fixed(patch, current.target.type)
    rule, target = current.rule, current.target
    plain = targets.unseal_target(target, unseal)
    if "target" not in patch:  # what is out of reach by now may still be paused, and renamed
        caller = caller._replace(allow_list=caller.allow_list.and_host_of(plain.url))
    document: dict[str, Any] = {
        "name": rule.name,
        "filter": filters.filter_view(rule.where),
        "target": targets.said_by(plain),
        "state": rule.state,
        "groups": None if rule.groups is None else list(rule.groups),
    }
    draft = draft_of(_merge_patch(document, patch), caller)
    _refuse_moving(patch, plain)
    next_rule = msgspec.structs.replace(
        rule, revision=rule.revision + 1, name=draft.name, state=draft.state, where=draft.where, groups=draft.groups
    )
    next_target = targets.seal_target(draft.target, target.keys, seal)
    return _fitting(Subscription(rule=next_rule, target=next_target, updated_at=caller.now))


def rotate_secret(current: Subscription, content: Mapping[str, Any], now: int, new_secret: str, seal: Seal) -> tuple[Subscription, str]:
    """Return the next revision and its new signing secret: the one that is sent, else `new_secret`; old ones sign beside it for a while.

    Raises Invalid for a target that is not signed, and for a body that says something else than how long.
    """
    if current.target.type != "webhook":
        raise Invalid("only the deliveries of webhooks are signed", (FieldError("target.type", "is not webhook"),))
    errors = strangers(content, _ROTATION, "is not a member of a rotation")
    keep = _keep(content.get("keep_for"), errors)
    secret = new_secret if content.get("secret") is None else content["secret"]
    if wrong := targets.wrong_secret(secret):
        errors.append(FieldError("secret", wrong))
    refuse_broken(errors)
    until = now + keep
    old = [SigningKey(secret=key.secret, until=until if key.until is None else min(until, key.until)) for key in current.target.keys]
    keys = (SigningKey(secret=seal(secret)), *(key for key in old if key.until is not None and key.until > now))[:_MAX_KEYS]
    rule = msgspec.structs.replace(current.rule, revision=current.rule.revision + 1)
    return Subscription(rule=rule, target=msgspec.structs.replace(current.target, keys=keys), updated_at=now), secret


def subscription_value(subscription: Subscription, sealed_fingerprint: str) -> Value:
    """Return the configuration value; `sealed_fingerprint` is that of what made it, empty without an idempotency key."""
    value: dict[str, Any] = msgspec.to_builtins(subscription)
    return {**value, "said": sealed_fingerprint}


def content_fingerprint(content: Mapping[str, Any]) -> str:
    """Return what a repeat under one idempotency key must agree with."""
    return str(ids.fingerprint(msgspec.json.encode(content, order="sorted")))


def refuse_broken(errors: list[FieldError]) -> None:
    """Raise Invalid with every broken member, if there is one."""
    if errors:
        raise Invalid.naming(errors)


def _merge_patch(document: Any, patch: Any) -> Any:
    """Return the document under a JSON merge patch (RFC 7396, 2)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = _merge_patch(result.get(name), value)
    return result


def _refuse_fixed(patch: Mapping[str, Any], kind: TargetType) -> None:
    target = patch.get("target")
    errors = [FieldError("start_from", "cannot be changed")] if "start_from" in patch else []
    if isinstance(target, dict) and "secret" in target:
        errors.append(FieldError("target.secret", "is changed by rotate-secret, so that the old one may stay valid for a while"))
    if isinstance(target, dict) and target.get("type", kind) != kind:
        errors.append(FieldError("target.type", "cannot be changed: make another subscription"))
    refuse_broken(errors)


def _refuse_moving(patch: Mapping[str, Any], plain: Plain) -> None:
    """Refuse to send header values that nobody can read to another endpoint than the one they were set for: there they could be read."""
    target = patch.get("target")
    url = target.get("url") if isinstance(target, dict) else None
    if not isinstance(url, str) or origin_of(trim_url(url)) == origin_of(plain.url):
        return
    headers = target["headers"] if isinstance(target, dict) and "headers" in target else {}
    names = [name for name in plain.headers if isinstance(headers, dict) and name not in headers]
    why = "was set for another host: send it again, or null to leave it out"
    refuse_broken([FieldError(f"target.headers.{name[:100]}", why) for name in names])


def _fitting(subscription: Subscription) -> Subscription:
    if len(msgspec.json.encode(subscription.rule)) > MAX_RULE_BYTES:
        refuse_broken([FieldError("filter", f"takes more than {MAX_RULE_BYTES >> 10} KiB")])
    return subscription


def _name(value: object, errors: list[FieldError]) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= MAX_SUBSCRIPTION_NAME:
        return value
    errors.append(FieldError("name", f"is required: a text that is not blank, of at most {MAX_SUBSCRIPTION_NAME} characters"))
    return ""


def _state(value: object, errors: list[FieldError]) -> SubscriptionState:
    if value is None or value in get_args(SubscriptionState):
        return cast("SubscriptionState", value or "active")
    errors.append(FieldError("state", f"must be {' or '.join(get_args(SubscriptionState))}"))
    return "active"


def _groups(value: object, own: Groups, errors: list[FieldError]) -> Groups:
    if value is None:
        return own
    if not isinstance(value, list) or len(value) > MAX_GROUPS or not all(isinstance(group, str) and group.strip() for group in value):
        errors.append(FieldError("groups", f"must be a list of at most {MAX_GROUPS} groups, texts that are not blank"))
        return own
    if own is not None and not set(own).issuperset(value):
        errors.append(FieldError("groups", "names a group that the caller is not in"))
    return tuple(dict.fromkeys(value))


def _start(value: object, now: int, errors: list[FieldError]) -> int | None:
    if value is None:
        return None
    try:
        moment = _moment(value, now)
    except ValueError as error:
        errors.append(FieldError("start_from", str(error)))
        return None
    if moment >= now:
        errors.append(FieldError("start_from", "must lie in the past"))
    return moment


def _moment(value: object, now: int) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return epoch_ms(value)
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 time, epoch milliseconds, or a duration ago such as -2h")  # noqa: TRY004 - told to the client
    ago = _AGO.fullmatch(value.strip())
    return ms_of(value.strip()) if ago is None else within_range(now - duration_ms(ago[1]))


def _keep(value: object, errors: list[FieldError]) -> int:
    try:
        keep = duration_ms(DEFAULT_KEEP if value is None else str(value))
    except ValueError as error:
        errors.append(FieldError("keep_for", str(error)))
        return 0
    if keep > MAX_KEEP_MS:
        errors.append(FieldError("keep_for", f"is more than {MAX_KEEP_MS // 86_400_000} days"))
    return keep
