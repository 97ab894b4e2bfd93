"""A sixth API is three folders and a line in each of three lists: the toy's folders are `tests/toy_api`, the lists are given here."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from causeline.ingest import changes
from causeline.ingest.dialects.all import WRITE_APIS
from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.questions.query import EventFilter, Page, ProblemFilter
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.dialect import Dialects
from causeline.schemas.records.event import Event
from tests.access_server import FOREIGN, TENANT, AccessServer, Got, Sent
from tests.toy_api.ingest import TOY_WRITES
from tests.toy_api.query import TOY_READS
from tests.toy_api.schemas import TOY

DIALECTS_AND_TOY = Dialects((*DIALECTS, TOY))
RINGING = {"bell": "fire", "sound": "ringing"}


def shown(token: str) -> dict[str, str]:
    return {"authorization": f"Api-token {token}"} if token else {}


class ToyServer(AccessServer):
    """The real shell over the twins, with six APIs; `call` shows a token as the toy's clients do."""

    def __init__(self) -> None:
        super().__init__(dialects=DIALECTS_AND_TOY, writing=(*WRITE_APIS, TOY_WRITES), reading=(*READ_APIS, TOY_READS))

    async def call(self, method: str, path: str, body: Any = None, token: str = "", tower: str = TENANT) -> Got:
        content = b"" if body is None else json.dumps(body).encode()
        fields = {"content-type": "application/json", "content-length": str(len(content))} if content else {}
        return await self.send(Sent(method, f"/toy/{tower}/{path}", "", content, fields | shown(token)))

    async def problems(self) -> list[tuple[str, str, str]]:
        await self.reach()
        rows = await self.store.problems(ProblemFilter(tenant=TENANT, now=self.now), Page(limit=100, order="asc"))
        return [(problem.dialect, problem.title, problem.state) for problem in rows]


@pytest.fixture
def server() -> ToyServer:
    return ToyServer()


async def rung(server: ToyServer) -> tuple[str, str]:
    """Ring a bell; return the id of the ring and the token that did."""
    token = await server.issue("ingest", "read")
    created = await server.call("POST", "rings", RINGING, token)
    assert created.status == 201, created.body
    return json.loads(created.body)["id"], token


def test_the_three_lists_name_the_same_apis_in_the_same_order() -> None:
    assert [api.dialect for api in WRITE_APIS] == [api.dialect for api in READ_APIS] == list(DIALECTS)


async def test_what_it_creates_it_reads_and_so_does_the_native_api(server: ToyServer) -> None:
    ring, token = await rung(server)
    assert json.loads((await server.call("GET", f"rings/{ring}", token=token)).body) == {"id": ring, **RINGING}
    native = json.loads((await server.send(Sent("GET", f"/v1/events/{ring}", "", b"", {"authorization": f"Bearer {token}"}))).body)
    assert (native["dialect"], native["title"], native["raw"]) == ("toy", "fire", RINGING)


async def test_it_refuses_in_its_own_words_whoever_refuses(server: ToyServer) -> None:
    token, reader = await server.issue("ingest"), await server.issue("read")
    refused = {
        404: await server.call("GET", "nothing/at/all"),
        405: await server.call("DELETE", "rings", token=token),
        400: await server.call("POST", "rings", {"bell": "fire", "sound": "loud"}, token),
        401: await server.call("POST", "rings", RINGING),
        403: await server.call("POST", "rings", RINGING, reader),
        415: await server.send(
            Sent("POST", f"/toy/{TENANT}/rings", "", b"x", {"content-type": "text/x", "authorization": f"Api-token {token}"})
        ),
    }
    validator = Draft202012Validator(TOY.envelope.schema)
    for status, reply in refused.items():
        validator.validate(json.loads(reply.body))
        assert (reply.status, reply.headers["Content-Type"]) == (status, "application/toy+json"), reply.body
    assert json.loads(refused[400].body)["bells"] == ["sound"]


async def test_its_credentials_and_its_tenants_are_as_its_record_says(server: ToyServer) -> None:
    token = await server.issue("ingest")
    nobody = await server.call("POST", "rings", RINGING)
    assert (nobody.headers["WWW-Authenticate"], json.loads(nobody.body)["dong"]) == ("Api-Token", "who rings?")
    assert (await server.call("POST", "rings", RINGING, token, tower=FOREIGN)).status == 403
    bearer = {"authorization": f"Bearer {token}", "content-type": "application/json", "content-length": "2"}
    assert (await server.send(Sent("POST", f"/toy/{TENANT}/rings", "", b"{}", bearer))).status == 401


async def test_the_document_describes_it_and_how_it_refuses(server: ToyServer) -> None:
    document = json.loads((await server.send(Sent("GET", "/openapi.json", "", b"", {}))).body)
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert {(path, method) for path in paths if path.startswith("/toy/") for method in paths[path]} == {
        ("/toy/{tower}/rings", "post"),
        ("/toy/{tower}/rings/{id}", "patch"),
        ("/toy/{tower}/rings/{id}", "get"),
    }
    refusal = paths["/toy/{tower}/rings"]["post"]["responses"]["401"]["content"]
    assert refusal == {"application/toy+json": {"schema": {"$ref": "#/components/schemas/ToyError"}}}
    assert {"ToyError", "ToyRing", "ToyRingBody"} <= set(schemas)


async def test_its_incidents_open_problems_and_its_patches_close_them(server: ToyServer) -> None:
    ring, token = await rung(server)
    assert await server.problems() == [("toy", "fire", "open")]
    assert (await server.call("PATCH", f"rings/{ring}", {"sound": "quiet"}, token)).status == 200
    assert await server.problems() == [("toy", "fire", "closed")]


async def test_the_processors_merge_its_patch_into_what_another_one_changed(server: ToyServer) -> None:
    ring, _ = await rung(server)
    await server.reach()
    (base,) = await server.store.events(EventFilter(tenant=TENANT), Page(limit=2))
    for number, patch in enumerate(({"bell": "tower"}, {"sound": "quiet"})):  # both of the version that the other one lacks
        change = changes.patch_event(TOY, base, patch, key="", now=server.now, record_id=f"00000000-0000-7000-8000-00000000000{number}")
        await server.log.append(change.records)
    assert await server.problems() == [("toy", "tower", "closed")]
    newest = await server.store.fresh.event(TENANT, ring, None)
    assert isinstance(newest, Event)
    assert (newest.version, newest.title, newest.status, server.set_aside) == (3, "tower", "quiet", 0)
