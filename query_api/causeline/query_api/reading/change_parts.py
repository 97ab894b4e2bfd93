"""What events of a window say of each other, as a ranking needs it: ids of other APIs, changes outside of it.

Pure. A step names its change by Causeline's id or by the one that the change's own API shows.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.records.event import Event

MOST_WHOLES: Final = 100
"""Changes that are looked up since a step names them: a rollout of days has a handful of steps in a window."""
_MOST_ID: Final = 100
"""Characters of what may be an id."""
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_own_id(name: str) -> bool:
    """Tell whether a name is an id of Causeline's."""
    return _UUID.fullmatch(name) is not None


def id_of_shown(name: str) -> str:
    """Return the id of Causeline's that a name is or tells, empty where it tells none, as DESK's do not."""
    own = DIALECTS.id_of_shown(name) if 0 < len(name) <= _MOST_ID else ""
    return own if is_own_id(own) else ""


def shown_ids(events: Iterable[Event]) -> dict[str, str]:
    """Return Causeline's id by the one that a change's own API shows, where the two differ."""
    pairs = ((DIALECTS.shown_id(event), event.id) for event in events)
    return {shown_id: own for shown_id, own in pairs if shown_id != own}


def absent_wholes(events: Sequence[Event], shown_by_api: Mapping[str, str]) -> list[str]:
    """Return the ids of what events name as the change that they are a step of and that is not among them, `MOST_WHOLES` at most.

    `shown_by_api` are the ids that other APIs show of these events. Where an API's ids do not tell Causeline's, as DESK's, its change is
    found within the window alone.
    """
    present = {event.id for event in events}
    names = dict.fromkeys(
        event.related_id for event in events if 0 < len(event.related_id) <= _MOST_ID and event.related_id not in shown_by_api
    )
    absent = dict.fromkeys(own for own in map(DIALECTS.id_of_shown, names) if own not in present and is_own_id(own))
    return [*absent][:MOST_WHOLES]
