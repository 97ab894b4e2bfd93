"""The Confluent Schema Registry API, reading only, over the locked schemas: what Avro consumers of the public topics are pointed at.

Nothing can be registered: schemas are locked in the code, so `/mode` says READONLY and what writes is 405. Query parameters that choose
among deleted, normalized or referenced schemas are taken and ignored, since there are none.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from causeline.schemas.catalog import registry_views as views
from causeline.schemas.catalog.registry_api import REGISTRY, REGISTRY_MEDIA
from causeline.schemas.web.errors import Answer, Malformed
from causeline.schemas.web.http import JSON_MEDIA, Handler, HttpRequest, HttpRoute
from causeline.schemas.wire.locked import LockedSchema

LOOK_UP_MEDIA: Final = (REGISTRY_MEDIA, "application/vnd.schemaregistry+json", *JSON_MEDIA)
LOOK_UP: Final = "/subjects/{subject}"


def routes() -> list[HttpRoute]:
    """Return the routes of the registry."""
    reads = [HttpRoute("GET", path, REGISTRY, handler) for path, handler in _READS.items()]
    # It only looks up, so a reader may do it.
    return [*reads, HttpRoute("POST", LOOK_UP, REGISTRY, _look_up, media=LOOK_UP_MEDIA, scope="read")]


def _registry_answer(body: object) -> Answer:
    return Answer(200, {"Content-Type": REGISTRY_MEDIA}, msgspec.json.encode(body))


def _schema_text(schema: LockedSchema) -> Answer:
    return Answer(200, {"Content-Type": REGISTRY_MEDIA}, views.schema_text(schema).encode())


def _version_of(params: Mapping[str, str]) -> LockedSchema:
    return views.find_version(params["subject"], params["version"])


async def _types(_: HttpRequest) -> Answer:
    return _registry_answer([views.AVRO])


async def _schema(request: HttpRequest) -> Answer:
    return _registry_answer({"schema": views.schema_text(views.by_id(request.params["id"]))})


async def _raw_schema(request: HttpRequest) -> Answer:
    return _schema_text(views.by_id(request.params["id"]))


async def _uses(request: HttpRequest) -> Answer:
    return _registry_answer(views.uses(views.by_id(request.params["id"])))


async def _subjects_of(request: HttpRequest) -> Answer:
    return _registry_answer([use["subject"] for use in views.uses(views.by_id(request.params["id"]))])


async def _subjects(request: HttpRequest) -> Answer:
    return _registry_answer(views.names(dict(request.query()).get("subjectPrefix", "")))


async def _versions(request: HttpRequest) -> Answer:
    return _registry_answer([schema.version for schema in views.find_subject(request.params["subject"]).versions])


async def _version(request: HttpRequest) -> Answer:
    return _registry_answer(views.version_view(request.params["subject"], _version_of(request.params)))


async def _raw_version(request: HttpRequest) -> Answer:
    return _schema_text(_version_of(request.params))


async def _config(_: HttpRequest) -> Answer:
    return _registry_answer({"compatibilityLevel": views.COMPATIBILITY})


async def _subject_config(request: HttpRequest) -> Answer:
    views.find_subject(request.params["subject"])
    return await _config(request)


async def _mode(_: HttpRequest) -> Answer:
    return _registry_answer({"mode": "READONLY"})


async def _look_up(request: HttpRequest) -> Answer:
    try:
        body: Any = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Malformed(f"the body is not JSON: {error}") from error
    return _registry_answer(views.look_up_schema(request.params["subject"], body))


_READS: Final[dict[str, Handler]] = {
    "/schemas/types": _types,
    "/schemas/ids/{id}": _schema,
    "/schemas/ids/{id}/schema": _raw_schema,
    "/schemas/ids/{id}/subjects": _subjects_of,
    "/schemas/ids/{id}/versions": _uses,
    "/subjects": _subjects,
    "/subjects/{subject}/versions": _versions,
    "/subjects/{subject}/versions/{version}": _version,
    "/subjects/{subject}/versions/{version}/schema": _raw_version,
    "/config": _config,
    "/config/{subject}": _subject_config,
    "/mode": _mode,
}
