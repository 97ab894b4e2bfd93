"""What a sixth API would put into its folder in schemas: bells, which ring or are quiet."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.dialects.dialect import Dialect
from causeline.schemas.dialects.signals import by_status
from causeline.schemas.records.event import PROBLEM_KIND, Event
from causeline.schemas.web.api import Envelope
from causeline.schemas.web.errors import RequestError
from causeline.schemas.web.openapi import TEXT, Schema, many, object_schema, ref

RINGS: Final = "/toy/{tower}/rings"
RING: Final = f"{RINGS}/{{id}}"
TOWER: Final = {"name": "tower", "in": "path", "required": True, "schema": TEXT}
ID: Final = {"name": "id", "in": "path", "required": True, "schema": TEXT}
SCHEMAS: Final[dict[str, Schema]] = {"ToyRing": object_schema({"id": TEXT, "bell": TEXT, "sound": TEXT}, more=True)}


def answer(what: str) -> dict[str, Any]:
    """Return how OpenAPI describes an answer with a ring."""
    return {"description": what, "content": {"application/json": {"schema": ref("ToyRing")}}}


def columns(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the normalized columns of a ring."""
    return {"kind": PROBLEM_KIND, "title": raw["bell"], "status": raw["sound"], "service": raw["bell"]}


def view(event: Event) -> dict[str, Any]:
    """Return a ring as its API shows it."""
    return {"id": event.id, **msgspec.json.decode(event.raw)}


def _merged(event: Event, patch: Mapping[str, Any]) -> Event:
    raw = {**msgspec.json.decode(event.raw), **patch}
    return msgspec.structs.replace(event, version=event.version + 1, raw=msgspec.json.encode(raw).decode(), **columns(raw))


def _say(error: RequestError) -> tuple[int, Any]:
    return error.status, {"dong": error.message, "bells": [field.field for field in error.fields]}


TOY: Final = Dialect(
    name="toy",
    title="Toy",
    envelope=Envelope(_say, "ToyError", object_schema({"dong": TEXT, "bells": many(TEXT)}), "application/toy+json"),
    prefixes=("/toy/",),
    tenant_of=lambda params, _: params["tower"],
    schemes=("api-token",),
    unauthenticated="who rings?",
    signal_of=by_status({"ringing": "open", "quiet": "close"}),
    merge=_merged,
)
