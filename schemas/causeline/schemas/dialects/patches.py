"""Patches: how the partial update of a dialect meets an event.

It lives here because two sides apply the same patch. Ingest merges it into the version it reads, so that the client gets the merged event
back; the processors merge it again where another change came first, so that two clients who patch different fields both win.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.dialects.apitraffic import mapping as apitraffic
from causeline.schemas.dialects.tracker import mapping as tracker
from causeline.schemas.records.event import Event

Merger = Callable[[Event, Mapping[str, Any]], Event]

_MERGERS: Final[Mapping[str, Merger]] = {"tracker": tracker.merged, "apitraffic": apitraffic.merged}


def merge(event: Event, patch: str | bytes) -> Event:
    """Return the next version (`version` + 1) of an event under a patch, a JSON object in the words of its dialect.

    Pure and deterministic. Id, tenant, `ingest_ts` and `updated_ts` stay: the caller knows when the patch arrived. Raises ValueError for a
    dialect without patches, or a patch or stored event that cannot be read.
    """
    merger = _MERGERS.get(event.dialect)
    if merger is None:
        raise ValueError(f"events of {event.dialect} cannot be patched")
    fields = msgspec.json.decode(patch)
    if not isinstance(fields, dict):
        raise ValueError(f"a patch is a JSON object, not {type(fields).__name__}")  # noqa: TRY004 - one error for all damage
    try:
        return merger(event, fields)
    except tracker.DAMAGED as error:
        raise ValueError(f"the patch cannot be applied: {error!r}") from error
