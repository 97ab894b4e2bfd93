"""Patches: how the partial update of an API meets an event. Each API that has them states its merge once (`Dialect.merge`).

Two sides apply the same patch. Ingest merges it into the version it reads, so that the client gets the merged event back; the processors
merge it again where another change came first, so that two clients who patch different fields both win.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.records.event import Event

Merger = Callable[[Event, Mapping[str, Any]], Event]
"""Return the next version (`version` + 1) of an event under a patch in the words of its API. Raises one of DAMAGED.

Pure and deterministic. Id, tenant, `ingest_ts` and `updated_ts` stay: the caller knows when the patch arrived.
"""

DAMAGED: Final = (ValueError, TypeError, KeyError, AttributeError)
"""What merging raises where the patch, or the JSON of the stored event, is not what it was when it was accepted."""


def apply(merge: Merger, event: Event, patch: str | bytes) -> Event:
    """Return the next version of an event under a patch, a JSON object. Raises ValueError for what cannot be read or merged."""
    fields = msgspec.json.decode(patch)
    if not isinstance(fields, dict):
        raise ValueError(f"a patch is a JSON object, not {type(fields).__name__}")  # noqa: TRY004 - one error for all damage
    try:
        return merge(event, fields)
    except DAMAGED as error:
        raise ValueError(f"the patch cannot be applied: {error!r}") from error
