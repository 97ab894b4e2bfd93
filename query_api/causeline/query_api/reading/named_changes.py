"""What events name each other by: Causeline's ids instead of those that another API shows. Pure."""

from collections.abc import Sequence
from typing import Final

import msgspec

from causeline.query_api.dora.dora_facts import ChangeFact
from causeline.query_api.dora.rollout_events import ROLLBACK_TAG
from causeline.query_api.reading.change_parts import is_own_id, shown_ids
from causeline.schemas.records.event import Event

_LENGTHS: Final = range(16, 101)
"""Characters of what may be an id: 128 bits are no fewer, and a tag `rollback` may just hold `true`."""


def own_names(facts: Sequence[ChangeFact]) -> list[ChangeFact]:
    """Return the facts with Causeline's ids in `related_id` and in the tag `rollback`, where these name one of them by another API's id."""
    if not any(_foreign(fact) for fact in facts if fact.related_id or fact.tags):
        return [*facts]
    ids_by_shown = shown_ids(_event_of(fact) for fact in facts)
    return [_renamed(fact, ids_by_shown) if _foreign(fact) else fact for fact in facts]


def _foreign(fact: ChangeFact) -> bool:
    return _may_be_shown(fact.related_id) or bool(fact.tags and _may_be_shown(fact.tags.get(ROLLBACK_TAG, "")))


def _may_be_shown(name: str) -> bool:
    return len(name) in _LENGTHS and not is_own_id(name)


def _renamed(fact: ChangeFact, ids_by_shown: dict[str, str]) -> ChangeFact:
    related_id = ids_by_shown.get(fact.related_id, fact.related_id)
    tag = fact.tags.get(ROLLBACK_TAG, "")
    tags = {**fact.tags, ROLLBACK_TAG: ids_by_shown[tag]} if tag in ids_by_shown else fact.tags
    return fact if related_id == fact.related_id and tags is fact.tags else msgspec.structs.replace(fact, related_id=related_id, tags=tags)


def _event_of(fact: ChangeFact) -> Event:
    """Return an event that has of a fact what its shown id is made of."""
    return Event(tenant="", id=fact.id, dialect=fact.dialect, kind=fact.kind, ts=fact.ts, ingest_ts=fact.ts, updated_ts=fact.ts)
