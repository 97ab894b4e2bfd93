"""Idempotency keys: the header that every writing call takes beyond the API documents, what a key is the key of, and what it stands for.

A key belongs to a tenant and an API: `id_of_key` is what the processors remember it by, and the id of the one event it makes. A request
whose key stands for several records, or beside a key of a record's own, is remembered under the same name as a whole. What a key stands
for is the content as it is stored (`fingerprint_of`), not the bytes that were sent.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.values import ids
from causeline.schemas.web.errors import InvalidHeader

MAX_KEY: Final = 255
HEADER: Final = "Idempotency-Key"
_HEADER: Final = HEADER.lower()
KEY_SCHEMA: Final[dict[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]([ -~]*[!-~])?$"}
"""The header in OpenAPI: visible ASCII, blanks within (`causeline.schemas.web.header_fields` refuses the rest)."""


def idempotency_key(headers: Mapping[str, str]) -> str:
    """Return the key, empty where there is none (header names in lower case). Raises InvalidHeader for one of more than 255 characters."""
    key = headers.get(_HEADER, "").strip()
    if len(key) > MAX_KEY:
        raise InvalidHeader(HEADER, f"has more than {MAX_KEY} characters")
    return key


def id_of_key(tenant: str, api: str, key: str) -> str:
    """Return the UUID of a key. Two APIs never share one."""
    return ids.uuid5(tenant, api, key)


def item_id(tenant: str, api: str, key: str, position: int) -> str:
    """Return the id of the event that a request's item (from 0) makes by the request's key alone. No key of an item makes the same."""
    return ids.uuid5(tenant, f"{api} item", key, str(position))


def fingerprint_of(content: Mapping[str, Any], *maps: str) -> int:
    """Return the fingerprint of a new event's content, which names its members as they are stored: folded, times as numbers.

    The order of members does not matter, and null is absent: of the content itself, and of its members `maps`.
    """
    members = {name: value for name, value in content.items() if value is not None}
    for name in maps:
        if isinstance(mapping := members.get(name), dict):
            members[name] = {inner: value for inner, value in mapping.items() if value is not None}
    return fingerprint_of_patch({name: value for name, value in members.items() if name not in maps or value})


def fingerprint_of_patch(content: Mapping[str, Any]) -> int:
    """Return the fingerprint of a change, where null is not absent: it takes away."""
    return ids.fingerprint(msgspec.json.encode(content, order="sorted"))


def fingerprint_of_request(items: Iterable[tuple[str, int]]) -> int:
    """Return the fingerprint of a request from the own key ('' without one) and the fingerprint of each of its items, in their order."""
    return ids.fingerprint(msgspec.json.encode(list(items)))
