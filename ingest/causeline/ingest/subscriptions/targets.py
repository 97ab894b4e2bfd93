"""Where a subscription is told, as `POST /v1/subscriptions` says it: judged, sealed, and shown without its secrets. Pure.

`Plain` is a target with its secrets in the clear, for as long as a request lasts; `Target` is what is stored.
"""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, get_args
from urllib.parse import urlsplit

from causeline.schemas.subscriptions.endpoints import AllowList, is_reserved, refusal_of_url, trim_url
from causeline.schemas.subscriptions.rules import SigningKey, Target, TargetType
from causeline.schemas.subscriptions.templates import TemplateFailed, check_template
from causeline.schemas.values.mask import MASK
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import FieldError, strangers

"""What stands in the place of a secret."""
MAX_HEADERS: Final = 20
MAX_HEADER_VALUE: Final = 4_096
_SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - not a secret
_SECRET_BYTES: Final = range(24, 65)
"""Standard Webhooks, "Signature scheme": between 24 and 64 bytes of randomness, base64, behind the prefix."""
NEW_SECRET_BYTES: Final = 32

_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_HEADER_VALUE: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")
_TOKEN: Final = re.compile(r"[A-Za-z0-9-]{10,512}")
_SLACK: Final = ("slack_token", "slack_channel", "slack_icon", "slack_username")
_MEMBERS: Final = ("type", "url", "headers", "secret", "template", *_SLACK)
_MAX_SLACK_TEXT: Final = 512


class Plain(NamedTuple):
    """A target with its secrets in the clear; `secret` empty: none was sent."""

    type: TargetType
    url: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed
    secret: str = ""
    template: str = ""
    slack_token: str = ""
    slack_channel: str = ""
    slack_icon: str = ""
    slack_username: str = ""


def target_of(content: object, allow_list: AllowList, errors: list[FieldError]) -> Plain:
    """Return the target that a JSON value says; what is wrong is added to `errors`."""
    nothing = Plain("webhook")
    if not isinstance(content, dict):
        errors.append(FieldError("target", "is required: an object with type and url"))
        return nothing
    before = len(errors)
    members = {name: value for name, value in content.items() if value is not None}
    if isinstance(members.get("url"), str):
        members["url"] = trim_url(members["url"])
    errors.extend(strangers(members, _MEMBERS, "is not a member of a target", "target."))
    if members.get("type") not in get_args(TargetType):
        errors.append(FieldError("target.type", f"must be {' or '.join(get_args(TargetType))}"))
    for name in _MEMBERS:
        if name in members and name not in ("type", "headers"):
            _look(name, members[name], errors)
    _judge_headers(members.get("headers", {}), errors)
    if len(errors) == before:
        _judge(members, allow_list, errors)
    return Plain(**members) if len(errors) == before else nothing


def seal_target(plain: Plain, keys: tuple[SigningKey, ...], seal: Callable[[str], str]) -> Target:
    """Return the target as it is stored, signed by these keys."""
    return Target(
        type=plain.type,
        url=seal(plain.url) if plain.url else "",
        shown_url=shown_url(plain.type, plain.url) if plain.url else "",
        headers={name: seal(value) for name, value in plain.headers.items()},
        keys=keys,
        template=plain.template,
        slack_token=seal(plain.slack_token) if plain.slack_token else "",
        slack_channel=plain.slack_channel,
        slack_icon=plain.slack_icon,
        slack_username=plain.slack_username,
    )


def unseal_target(target: Target, unseal: Callable[[str], str]) -> Plain:
    """Return a stored target in the clear, without its signing secret, which a change leaves alone."""
    return Plain(
        type=target.type,
        url=unseal(target.url) if target.url else "",
        headers={name: unseal(value) for name, value in target.headers.items()},
        template=target.template,
        slack_token=unseal(target.slack_token) if target.slack_token else "",
        slack_channel=target.slack_channel,
        slack_icon=target.slack_icon,
        slack_username=target.slack_username,
    )


def said_by(plain: Plain) -> dict[str, Any]:
    """Return a target as it would be sent."""
    return {name: value for name, value in plain._asdict().items() if value}


def target_view(target: Target, secret: str = MASK) -> dict[str, Any]:
    """Return a target as it is shown: without values of headers, tokens and keys; `secret` stands for the key."""
    document: dict[str, Any] = {"type": target.type}
    if target.shown_url:
        document["url"] = target.shown_url
    if target.type == "webhook":
        document["headers"] = dict.fromkeys(target.headers, MASK)
    if target.keys:
        document["secret"] = secret
    if until := [key.until for key in target.keys if key.until is not None]:
        document["old_secret_until"] = rfc3339(max(until))
    if target.template:
        document["template"] = target.template
    if target.slack_token:
        document["slack_token"] = MASK
    return document | {name: value for name in _SLACK[1:] if (value := getattr(target, name))}


def shown_url(kind: TargetType, url: str) -> str:
    """Return what may be shown of a URL: of a Slack webhook its host, since its path is the secret; of others all but the query."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    place = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{f':{parts.port}' if parts.port else ''}"
    return f"{place}/{MASK}" if kind == "slack" else place + parts.path


def signing_secret(random: bytes) -> str:
    """Return random bytes as a signing secret."""
    return _SECRET_PREFIX + base64.b64encode(random).decode()


def wrong_secret(text: object) -> str:
    """Return what is wrong with a signing secret, empty where nothing is."""
    try:
        if isinstance(text, str) and text.startswith(_SECRET_PREFIX):
            raw = base64.b64decode(text.removeprefix(_SECRET_PREFIX), validate=True)
            if len(raw) in _SECRET_BYTES:
                return ""
    except (binascii.Error, ValueError):
        pass  # every way of being none gets the same answer
    return f"must be {_SECRET_PREFIX} and base64 of {_SECRET_BYTES.start} to {_SECRET_BYTES.stop - 1} bytes"


def _wrong_template(text: str) -> str:
    """Return what is wrong with a template, empty where nothing is."""
    try:
        check_template(text)
    except TemplateFailed as error:
        return str(error)
    return ""


def _look(name: str, value: object, errors: list[FieldError]) -> None:
    if not isinstance(value, str) or not value:
        errors.append(FieldError(f"target.{name}", "must be a text that is not empty"))
    elif value.endswith(MASK) and name in ("secret", "slack_token", "url"):
        errors.append(FieldError(f"target.{name}", f"{MASK} stands for a secret and is none: leave it out to keep what is there"))
    elif name == "secret" and (wrong := wrong_secret(value)):
        errors.append(FieldError("target.secret", wrong))
    elif name == "template" and (broken_by := _wrong_template(value)):
        errors.append(FieldError("target.template", broken_by))
    elif name == "slack_token" and _TOKEN.fullmatch(value) is None:
        errors.append(FieldError("target.slack_token", "must be a token of a Slack app, such as xoxb-1-2-a"))
    elif name in _SLACK and len(value) > _MAX_SLACK_TEXT:
        errors.append(FieldError(f"target.{name}", f"is longer than {_MAX_SLACK_TEXT} characters"))


def _judge_headers(headers: object, errors: list[FieldError]) -> None:
    if not isinstance(headers, dict) or len(headers) > MAX_HEADERS:
        errors.append(FieldError("target.headers", f"must be an object of at most {MAX_HEADERS} headers"))
        return
    if len({name.lower() for name in headers}) != len(headers):
        errors.append(FieldError("target.headers", "name a header twice"))
    errors.extend(
        FieldError(f"target.headers.{name[:100]}", wrong) for name, value in headers.items() if (wrong := _wrong_header(name, value))
    )


def _wrong_header(name: str, value: object) -> str:
    if _HEADER.fullmatch(name) is None:
        return "is not the name of an HTTP header"
    if is_reserved(name):
        return "is set by Causeline"
    if value == MASK:
        return f"{MASK} stands for the value and is none: leave it out to keep what is there"
    if not isinstance(value, str) or len(value) > MAX_HEADER_VALUE or _HEADER_VALUE.fullmatch(value) is None:
        return f"must be a text of printable ASCII, of at most {MAX_HEADER_VALUE} characters"
    return ""


def _judge(members: dict[str, Any], allow_list: AllowList, errors: list[FieldError]) -> None:
    """Say what does not go together, once each member is what it should be."""
    if "url" in members and (refusal := refusal_of_url(members["url"], allow_list)):
        errors.append(FieldError("target.url", refusal))
    if members["type"] == "webhook":
        errors.extend(FieldError(f"target.{name}", "is of Slack, and this is a webhook") for name in _SLACK if name in members)
        if "url" not in members:
            errors.append(FieldError("target.url", "is required"))
        return
    errors.extend(FieldError(f"target.{name}", "is of webhooks, and this is Slack") for name in ("headers", "secret") if members.get(name))
    if ("slack_token" in members) != ("slack_channel" in members):
        missing = "slack_channel" if "slack_token" in members else "slack_token"
        errors.append(FieldError(f"target.{missing}", "is required: a token posts to a channel"))
    if ("url" in members) == ("slack_token" in members):
        errors.append(FieldError("target.url", "is required, or slack_token with slack_channel in its place, not both"))
