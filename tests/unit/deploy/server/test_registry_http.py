"""The schema registry behind the real shell: forms, codes and media types, and that nothing can be registered."""

import json
from typing import Any

import pytest

from causeline.schemas import telemetry
from causeline.schemas.wire import codec
from tests.access_server import AccessServer, Got, Sent, serving

MEDIA = "application/vnd.schemaregistry.v1+json"
EVENTS = "/subjects/causeline.events-value"
EVENT = codec.latest("event")


async def asked(server: AccessServer, path: str, method: str = "GET", body: bytes = b"", query: str = "", media: str = MEDIA) -> Got:
    reply = await server.send(Sent(method, path, query, body, {"content-type": media} if method == "POST" else {}))
    assert reply.headers["Content-Type"] == MEDIA
    return reply


def said(reply: Got) -> Any:
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


async def test_every_reading_answers_in_the_form_of_the_api() -> None:
    async with serving(is_auth_required=False) as server:
        assert said(await asked(server, "/schemas/types")) == ["AVRO"]
        assert json.loads(said(await asked(server, f"/schemas/ids/{EVENT.id}"))["schema"]) == EVENT.definition
        assert set(said(await asked(server, f"/schemas/ids/{EVENT.id}", query="subject=x&format=resolved"))) == {"schema"}
        assert said(await asked(server, f"/schemas/ids/{EVENT.id}/schema")) == EVENT.definition
        assert said(await asked(server, f"/schemas/ids/{EVENT.id}/subjects")) == ["causeline.events-value"]
        assert said(await asked(server, f"/schemas/ids/{EVENT.id}/versions")) == [{"subject": "causeline.events-value", "version": 3}]
        assert len(said(await asked(server, "/subjects"))) == 6
        assert said(await asked(server, "/subjects", query="subjectPrefix=causeline.events")) == ["causeline.events-value"]
        assert said(await asked(server, f"{EVENTS}/versions")) == [1, 2, 3]
        assert said(await asked(server, f"{EVENTS}/versions/latest"))["id"] == EVENT.id
        assert said(await asked(server, f"{EVENTS}/versions/3/schema")) == EVENT.definition
        for path in ("/config", "/config/causeline.events-value"):
            assert said(await asked(server, path)) == {"compatibilityLevel": "BACKWARD_TRANSITIVE"}
        assert said(await asked(server, "/mode")) == {"mode": "READONLY"}


@pytest.mark.parametrize("media", [MEDIA, "application/vnd.schemaregistry+json", "application/json", ""])
async def test_a_schema_is_looked_up_whatever_its_content_type_is_called(media: str) -> None:
    body = json.dumps({"schema": json.dumps(EVENT.definition)}).encode()
    async with serving(is_auth_required=False) as server:
        assert said(await asked(server, EVENTS, "POST", body, media=media))["id"] == EVENT.id


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/schemas/ids/99", 404, 40403),
        ("GET", "/subjects/nothing/versions", 404, 40401),
        ("GET", "/subjects/causeline.ingest-value/versions", 404, 40401),
        ("GET", f"{EVENTS}/versions/99", 404, 40402),
        ("GET", f"{EVENTS}/versions/first", 422, 42202),
        ("GET", "/config/nothing", 404, 40401),
        ("GET", "/schemas/nothing", 404, 404),
        ("POST", f"{EVENTS}/versions", 405, 405),
        ("DELETE", EVENTS, 405, 405),
        ("PUT", "/config", 405, 405),
        ("POST", EVENTS, 400, 400),
    ],
)
async def test_a_refusal_has_the_code_of_the_api_and_is_no_refused_event(method: str, path: str, status: int, code: int) -> None:
    before = sum(sample.value for metric in telemetry.EVENTS_REJECTED.collect() for sample in metric.samples)
    async with serving(is_auth_required=False) as server:
        reply = await asked(server, path, method, b"{")
        assert (reply.status, json.loads(reply.body)["error_code"]) == (status, code)
        assert set(json.loads(reply.body)) == {"error_code", "message"}
    assert sum(sample.value for metric in telemetry.EVENTS_REJECTED.collect() for sample in metric.samples) == before


async def test_another_media_type_is_refused_in_the_words_of_the_api() -> None:
    async with serving(is_auth_required=False) as server:
        reply = await asked(server, EVENTS, "POST", b"{}", media="text/plain")
        assert (reply.status, json.loads(reply.body)["error_code"]) == (415, 415)
