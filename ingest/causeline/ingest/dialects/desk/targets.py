"""From attach rules to targets: one event is stored for every distinct target (DESK Events API v1, PushEventAttachRules).

There is no inventory of tagged entities, so a tag rule stands for one virtual entity per entity type, whose id is a pure function of
environment, type and tags: the same rule always means the same entity. A configured set of entities (strict mode) then keeps those
targets that it names, virtual ones included.
"""

import hashlib
from typing import Final, NamedTuple

from causeline.ingest.dialects.desk.attach_rules import AttachRules, Tag
from causeline.ingest.dialects.desk.json_text import canonical_json
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.web.errors import Invalid

_INVALID: Final = "Invalid attachRules object provided."
_HEX_DIGITS: Final = 16


class EntityTarget(NamedTuple):
    """One entity and the tags of the rules that found it."""

    id: str
    tags: tuple[Tag, ...]


def targets_of(attach: AttachRules, environment: str, entities: frozenset[str] | None) -> list[EntityTarget]:
    """Return the distinct targets in first-seen order, entity ids first. Raises Invalid where there are none or more than 1,000."""
    if not attach.entity_ids and not attach.rules:
        raise Invalid(f"{_INVALID} At least one entity ID or tag is required.")
    tags_by_entity: dict[str, tuple[Tag, ...]] = dict.fromkeys(attach.entity_ids, ())
    for rule in attach.rules:
        for me_type in rule.me_types:
            name = virtual_entity(environment, me_type, rule.tags)
            tags_by_entity[name] = tuple(dict.fromkeys((*tags_by_entity.get(name, ()), *rule.tags)))
    targets = [EntityTarget(name, tags) for name, tags in tags_by_entity.items() if entities is None or name in entities]
    if not targets:
        raise Invalid(f"{_INVALID} No entity IDs match: Matching rule: {_rules_text(attach)}")
    if len(targets) > VOCABULARY.targets_max:
        raise Invalid(f"{_INVALID} More than {VOCABULARY.targets_max} entities match.")
    return targets


def virtual_entity(environment: str, me_type: str, tags: tuple[Tag, ...]) -> str:
    """Return the id of the entity that a tag rule stands for: the type and 16 hexadecimal digits. The order of tags does not matter."""
    distinct = sorted({(tag.context, tag.key, tag.value or "") for tag in tags})
    digest = hashlib.sha256(canonical_json([environment, me_type, distinct])).hexdigest()
    return f"{me_type}-{digest[:_HEX_DIGITS].upper()}"


def _rules_text(attach: AttachRules) -> str:
    ids = f"[{', '.join(attach.entity_ids)}]" if attach.entity_ids else "null"
    rules = ", ".join(f"TagMatchRule{{meTypes=[{', '.join(rule.me_types)}], tags=[{_shown_tags(rule.tags)}]}}" for rule in attach.rules)
    return f"PushEventAttachRules{{entityIds={ids}, tagRules={f'[{rules}]' if rules else 'null'}}}"


def _shown_tags(tags: tuple[Tag, ...]) -> str:
    return ", ".join(f"TagInfo{{context={tag.context}, key={tag.key}, value={tag.value or 'null'}}}" for tag in tags)
