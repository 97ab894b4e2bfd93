"""What of a request must not come back in what is told about it: many endpoints repeat the request in the text of an error.

It is a precaution against honest endpoints: one that wants to show a secret, which it has anyway, can write it in a way that nobody finds.
"""

import base64
import binascii
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from causeline.schemas.values.mask import MASK

_SHORTEST: Final = 4
"""Characters. Shorter ones are `1` and `yes`, and stand in many texts that tell nothing."""


def of_headers(headers: Mapping[str, str]) -> Iterator[str]:
    """Yield what is secret about headers: their values, what stands behind a scheme, and what that says (Basic)."""
    for value in headers.values():
        yield value
        scheme, _, credentials = value.partition(" ")
        yield credentials.strip()
        if scheme.lower() == "basic":
            try:
                user_pass = base64.b64decode(credentials, validate=True).decode()
            except (binascii.Error, ValueError):
                continue
            yield user_pass
            yield user_pass.partition(":")[2]


def of_url(url: str, *, is_path_secret: bool = False) -> Iterator[str]:
    """Yield what is secret about a URL: its query and the values in it; `is_path_secret` (Slack): its path too, and each part of that."""
    parts = urlsplit(url)
    yield parts.query
    for _, value in parse_qsl(parts.query):
        yield value
    if is_path_secret:
        yield parts.path
        yield from parts.path.split("/")


def without(text: str, secrets: Iterable[str]) -> str:
    """Return a text without these secrets, also as JSON, HTML and URLs write them; nor does it end in the beginning of one."""
    long_secrets = {secret for secret in secrets if len(secret) >= _SHORTEST}
    forms = {form for secret in long_secrets for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, MASK)
    for form in forms:
        text = _without_beginning(text, form)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    as_json = json.dumps(secret)[1:-1]
    return secret, as_json, as_json.replace("/", "\\/"), html.escape(secret), quote(secret, safe=""), quote(secret)


def _without_beginning(text: str, form: str) -> str:
    """Return the text without the beginning of a form at its end: where it was cut."""
    for size in range(min(len(form) - 1, len(text)), _SHORTEST - 1, -1):
        if text.endswith(form[:size]):
            return text[:-size] + MASK
    return text
