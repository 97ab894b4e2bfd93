"""EscapeKit's subscriptions of a project: what a PUT may set, and the configuration value that holds it.

The document names the fields and that there are several ("Subscriptions"); the set is an array here, as its events are. A PUT replaces the
whole set, or changes nothing. The value holds the set as it was sent (URLs without the blanks around them), sealed since URLs are secrets,
and what delivery knows of it (`escapekit_hooks`); beside them the idempotency keys of the last PUTs, so that a late repeat does not undo a
newer one. Two servers that take PUTs of one project at once: the last one on the log holds.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

from causeline.ingest.bodies.fast_json import item_object
from causeline.ingest.bodies.models import validate
from causeline.ingest.dialects.escapekit import hooks
from causeline.ingest.dialects.escapekit.hooks import Project, Rules
from causeline.ingest.dialects.escapekit.items import element, items_of
from causeline.ingest.subscriptions import targets
from causeline.schemas.dialects.escapekit.mapping import is_said
from causeline.schemas.records.config import Value
from causeline.schemas.subscriptions.endpoints import AllowList, refusal_of_url, trim_url
from causeline.schemas.subscriptions.rules import TargetType
from causeline.schemas.values import ids
from causeline.schemas.values.mask import MASK
from causeline.schemas.web.errors import FieldError, Invalid

TARGET_TYPES: Final = ("webhook", "slack")
MAX_SET: Final = 20
"""Members of one set. Each event of the project becomes a request to each of them, whoever sends it: a few webhooks and channels of the
team that owns it, with room. For more receivers there are receivers that pass on."""
_SHOWN: Final = ("id", "type", "slack_icon", "slack_username")
"""Members that hold no secret. What else a client keeps with its subscriptions may."""
_PLAIN: Final = "subscriptions"
"""Where sets lie that were written before there was a key; and empty ones, which hold no secret."""
_SEALED: Final = "sealed"
_KEYS: Final = "keys"
_KEYS_KEPT: Final = 100
"""Of one project. Subscriptions change by hand: a hundred changes are more than a repeat can be late."""


def _type(value: str) -> str:
    if value.lower() not in TARGET_TYPES:  # the table of types says "slack", the text beside it SLACK
        raise ValueError(f"must be {' or '.join(TARGET_TYPES)}")
    return value


def _url(value: str) -> str:
    if value.endswith(MASK):
        raise ValueError(f"{MASK} stands for a secret and is none: only with the scope admin a set is shown whole")
    parts = urlsplit(value)  # a damaged one is a ValueError by itself
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http or https URL")
    return value


def _id(value: object) -> object:
    texts = value if isinstance(value, list) else [value]
    if value is not None and not all(isinstance(text, str) for text in texts):
        raise ValueError("must be a string or an array of strings")
    return value


class SubscriptionBody(BaseModel):
    """The fields of the document, judged only: a subscription is kept as it was sent. The document shows `id` as an array of strings."""

    model_config = ConfigDict(strict=True, extra="ignore")

    id: Annotated[Any, BeforeValidator(_id)] = None
    type: Annotated[str, AfterValidator(_type)]
    url: Annotated[str, AfterValidator(_url)]
    slack_icon: str | None = None
    slack_username: str | None = None


class Replacement(NamedTuple):
    """What a PUT asks for: the set to answer, the value to store (None for a repeat, which changes nothing), and the rules to tell."""

    members: list[dict[str, Any]]
    value: Value | None
    rules: Rules


def config_key(tenant: str, project: str) -> str:
    """Return where the subscriptions of a project lie. A tenant's name holds no slash, so no two of them share a key."""
    return f"{tenant}/{project}"


def unseal_members(value: Value | None, unseal: Callable[[str], str]) -> list[dict[str, Any]]:
    """Return the subscriptions that a configuration value holds, none without one."""
    if value is None:
        return []
    if sealed := value.get(_SEALED):
        return msgspec.json.decode(unseal(sealed), type=list[dict[str, Any]])
    return list(value[_PLAIN])


def mask_members(members: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a set as it may be seen by who may not change it: without what of a URL is secret, and without values that nobody knows of."""
    return [_mask_member(one) for one in members]


def _mask_member(member: Mapping[str, Any]) -> dict[str, Any]:
    kind: TargetType = "slack" if member["type"].lower() == "slack" else "webhook"
    url = targets.shown_url(kind, member["url"]) + (f"?{MASK}" if kind == "webhook" and "?" in member["url"] else "")
    return {name: value if name in _SHOWN else url if name == "url" else MASK for name, value in member.items()}


def replacement(body: bytes, value: Value | None, project: Project, *, key: str, new_id: Callable[[int], str]) -> Replacement:
    """Return what a PUT does to the value that holds now. `new_id` makes the id of the nth subscription that brings none.

    Raises Malformed, Invalid or TooLarge; Invalid also for an idempotency key that came with other content before.
    """
    contents = _subscriptions(body, project.allow_list)
    members = [_with_id(one, index, new_id) for index, one in enumerate(contents)]
    _refuse_twins(members)
    fingerprints: Mapping[str, int] = {} if value is None else value[_KEYS]
    next_fingerprints = dict(fingerprints)
    if key:
        fingerprint = ids.fingerprint(msgspec.json.encode(contents, order="sorted"))
        if fingerprints.get(key, fingerprint) != fingerprint:
            raise Invalid("the same Idempotency-Key came with other content before", (FieldError("Idempotency-Key", "came before"),))
        if key in fingerprints:
            return Replacement(members, None, hooks.rules_of(value))
        next_fingerprints = dict([*fingerprints.items(), (key, fingerprint)][-_KEYS_KEPT:])
    hook_replacement = hooks.replace_members(value, members, project)
    as_sent = {_SEALED: project.seal(msgspec.json.encode(members).decode())} if members else {_PLAIN: members}
    return Replacement(members, {**as_sent, _KEYS: next_fingerprints, **hook_replacement.value}, hook_replacement.rules)


def _subscriptions(body: bytes, allow_list: AllowList) -> list[dict[str, Any]]:
    items = items_of(body)
    if len(items.texts) > MAX_SET:
        raise Invalid(f"a project has at most {MAX_SET} subscriptions")
    contents: list[dict[str, Any]] = []
    for index, text in enumerate(items.texts):
        with element(items, index):
            content = item_object(text)
            if isinstance(content.get("url"), str):
                content["url"] = trim_url(content["url"])
            validate(SubscriptionBody, content)
            if refusal := refusal_of_url(content["url"], allow_list):
                raise Invalid(f"url {refusal}", (FieldError("url", refusal),))
            contents.append(content)
    return contents


def _with_id(content: dict[str, Any], index: int, new_id: Callable[[int], str]) -> dict[str, Any]:
    return content if is_said(content.get("id")) and content["id"] != [] else {**content, "id": new_id(index)}


def _refuse_twins(members: list[dict[str, Any]]) -> None:
    names: set[str] = set()
    for index, one in enumerate(members):
        name = msgspec.json.encode(one["id"]).decode()
        if name in names:
            raise Invalid(f"[{index}].id: {name[:100]} stands twice", (FieldError(f"[{index}].id", "stands twice"),))
        names.add(name)
