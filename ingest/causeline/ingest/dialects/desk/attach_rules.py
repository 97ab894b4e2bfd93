"""PushEventAttachRules of the DESK Events API v1: which entities an event is attached to, by id and by tag.

Incomplete rules and over-long tags are collected rather than raised, so that one answer names all that is wrong.
"""

import re
from typing import Any, Final, NamedTuple

from causeline.ingest.dialects.desk.elements import array_items, element_error, is_absent, mapping, text, texts
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.web.errors import FieldError

_ME_TYPES: Final = VOCABULARY.me_types | VOCABULARY.me_types_later
_STRING_TAG: Final = re.compile(r"(?:\[([^\]]*)\])?([^:]*)(?::(.*))?", re.DOTALL)
_PATH: Final = "attachRules"


class Tag(NamedTuple):
    """One TagInfo. `value` is None for a tag that is only a key."""

    context: str
    key: str
    value: str | None

    def view(self) -> dict[str, str]:
        """Return the tag as the API shows it."""
        plain = {"context": self.context, "key": self.key}
        return plain if self.value is None else {**plain, "value": self.value}


class TagRule(NamedTuple):
    """One TagMatchRule: entities of any of the types that carry all of the tags."""

    me_types: tuple[str, ...]
    tags: tuple[Tag, ...]


class AttachRules(NamedTuple):
    """Entity ids and rules; what both name is united."""

    entity_ids: tuple[str, ...]
    rules: tuple[TagRule, ...]


class Findings(NamedTuple):
    """What is wrong with a payload that could be read: elements that are missing (their paths) and limits that are broken."""

    missing: list[str]
    limits: list[FieldError]


def attach_rules(value: Any, findings: Findings) -> AttachRules | None:
    """Return the rules, None where the element is absent. Raises Malformed for wrong types and unknown enum values."""
    if is_absent(value):
        return None
    if not isinstance(value, dict):
        raise element_error(_PATH, "must be an object")
    entity_ids = texts(value.get("entityIds"), f"{_PATH}.entityIds") or []
    rules = [_rule(item, f"{_PATH}.tagRule{index}", findings) for index, item in array_items(value.get("tagRule"), f"{_PATH}.tagRule")]
    return AttachRules(tuple(dict.fromkeys(entity_ids)), tuple(rules))


def _rule(value: Any, path: str, findings: Findings) -> TagRule:
    if not isinstance(value, dict):
        raise element_error(path, "must be a TagMatchRule object")
    me_types = tuple(_me_type(item, f"{path}.meTypes{index}") for index, item in array_items(value.get("meTypes"), f"{path}.meTypes"))
    tags = tuple(_tag(item, f"{path}.tags{index}", findings) for index, item in array_items(value.get("tags"), f"{path}.tags"))
    findings.missing.extend(f"{path}.{name}" for name, items in (("meTypes", me_types), ("tags", tags)) if not items)
    return TagRule(tuple(dict.fromkeys(me_types)), tuple(dict.fromkeys(tags)))


def _me_type(value: Any, path: str) -> str:
    name = text(value, path)
    if name not in _ME_TYPES:
        raise element_error(path, f"{name!r} is not a type of entity")
    return name


def _tag(value: Any, path: str, findings: Findings) -> Tag:
    fields = mapping(value, path) or {} if isinstance(value, dict) else _split(text(value, path) or "")
    context = text(fields.get("context"), f"{path}.context")
    if context is not None and context not in VOCABULARY.contexts:
        raise element_error(f"{path}.context", f"{context!r} is not a context")
    key, content = text(fields.get("key"), f"{path}.key"), text(fields.get("value"), f"{path}.value")
    findings.missing.extend(f"{path}.{name}" for name, part in (("context", context), ("key", key)) if part is None)
    findings.limits.extend(
        FieldError(f"{path}.{name}", f"must not be longer than {VOCABULARY.tag_text_max} characters")
        for name, part in (("key", key), ("value", content))
        if part is not None and len(part) > VOCABULARY.tag_text_max
    )
    return Tag(context or "", key or "", content)


def _split(tag: str) -> dict[str, str | None]:
    """Split `[CONTEXT]key:value`, `key:value` or `key`; without a context it is CONTEXTLESS."""
    match = _STRING_TAG.fullmatch(tag)
    context, key, value = match.groups() if match else (None, tag, None)
    return {"context": "CONTEXTLESS" if context is None else context, "key": key, "value": value}
