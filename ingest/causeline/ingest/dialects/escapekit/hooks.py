"""What delivery knows of an EscapeKit project's set: a subscription for each of its members, and the ends of those that left it. Pure.

A member that did not change keeps its revision, so a PUT of the same set tells nothing new. One that changed tells restricted events as far
as the caller who changed it may see them: who directs them elsewhere must not gain what only its maker could see.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, cast

import msgspec

from causeline.ingest.subscriptions import targets
from causeline.ingest.subscriptions.targets import Plain
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.records.config import SUBSCRIPTIONS, Value
from causeline.schemas.subscriptions.endpoints import AllowList
from causeline.schemas.subscriptions.rules import (
    GONE,
    GONE_KEPT_MS,
    Filter,
    Rule,
    Subscription,
    SubscriptionEnd,
    TargetType,
    end_rule,
    gone_in,
    held_in,
    project_subscription_id,
)

Rules = Sequence[Rule]
_HOOKS: Final = "hooks"


class Project(NamedTuple):
    """Whose set it is, who changes it and when (ms UTC); `place` is its config key. `groups` None: the caller sees every group."""

    tenant: str
    name: str
    place: str
    groups: tuple[str, ...] | None
    now: int
    allow_list: AllowList
    seal: Callable[[str], str]
    unseal: Callable[[str], str]


class HookReplacement(NamedTuple):
    """The members of the value that concern delivery, and the rules that changed."""

    value: dict[str, Any]
    rules: Rules


def rules_of(value: Value | None) -> Rules:
    """Return every rule of a value, those that ended included."""
    if value is None:
        return []
    return [one.rule for one in held_in(SUBSCRIPTIONS, value)] + [one.rule for one in gone_in(value)]


def replace_members(current: Value | None, members: Sequence[Mapping[str, Any]], project: Project) -> HookReplacement:
    """Return what becomes of a set (None: there was none) that is to hold these members, each with its `id`."""
    before = {} if current is None else {one.rule.id: one for one in held_in(SUBSCRIPTIONS, current)}
    ends_before = {} if current is None else {one.rule.id: one for one in gone_in(current)}
    after: dict[str, Subscription] = {}
    for member in members:
        subscription_id = project_subscription_id(project.place, member["id"])
        subscription, last = before.get(subscription_id), ends_before.pop(subscription_id, None)
        after[subscription_id] = _next(subscription, last, subscription_id, _plain(member), project)
    new_ends = [end_rule(one.rule, project.now) for key, one in before.items() if key not in after]
    changes = [one.rule for key, one in after.items() if one is not before.get(key)]
    old_ends = [one for one in ends_before.values() if one.at > project.now - GONE_KEPT_MS]
    value = {_HOOKS: msgspec.to_builtins(list(after.values())), GONE: msgspec.to_builtins([*old_ends, *new_ends])}
    return HookReplacement(value, [*changes, *(one.rule for one in new_ends)])


def _next(current: Subscription | None, last: SubscriptionEnd | None, subscription_id: str, plain: Plain, project: Project) -> Subscription:
    if current is not None and targets.unseal_target(current.target, project.unseal) == plain:
        return current
    before = current.rule if current is not None else last.rule if last is not None else None
    rule = Rule(
        id=subscription_id,
        tenant=project.tenant,
        revision=1 if before is None else before.revision + 1,
        name=f"EscapeKit project {project.name}"[:200],
        where=Filter(followed=("events",), dialects=(ESCAPEKIT.name,), projects=(project.name,)),
        groups=project.groups,
        created_at=project.now if current is None else current.rule.created_at,
    )
    return Subscription(rule=rule, target=targets.seal_target(plain, (), project.seal), updated_at=project.now)


def _plain(member: Mapping[str, Any]) -> Plain:
    kind = cast("TargetType", member["type"].lower())
    if kind == "webhook":
        return Plain(kind, member["url"])
    return Plain(kind, member["url"], slack_icon=member.get("slack_icon") or "", slack_username=member.get("slack_username") or "")
