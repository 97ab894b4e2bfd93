"""What a client sent, as text for people: its JSON with line breaks, every number and letter as it came."""

from typing import Final, NamedTuple

import msgspec

from causeline.query_api.ui.visits import Visit
from causeline.schemas.web.errors import NotFound

MOST_JSON: Final = 64 << 10
"""Characters that a page shows; the API has the whole."""


class ClientJson(NamedTuple):
    """The JSON behind an event, laid out and cut where it is long; `is_whole` tells which."""

    event_id: str
    kind: str
    text: str
    is_whole: bool


class _Sent(msgspec.Struct):
    id: str
    kind: str
    raw: msgspec.Raw


def lay_out(body: bytes) -> ClientJson:
    """Return the client's JSON out of what `GET /v1/events/{id}` answers."""
    event = msgspec.json.decode(body, type=_Sent)
    text = msgspec.json.format(bytes(event.raw), indent=2).decode()
    return ClientJson(event.id, event.kind, text[:MOST_JSON], len(text) <= MOST_JSON)


async def read_client_json(visit: Visit, event_id: str) -> ClientJson | None:
    """Return the client's JSON of an event, None where it is gone or not for this visitor. Raises as the API refuses."""
    try:
        return lay_out(await visit.body("/v1/events/{id}", id=event_id))
    except NotFound:
        return None
