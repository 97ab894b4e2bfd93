"""Many services in one request: others have their turn meanwhile, and what is too large is refused before any work."""

import asyncio
import json

import pytest

from causeline.ingest.bodies.items import MAX_ITEMS
from causeline.ingest.services.http import MAX_IMPORT, routes
from causeline.ingest.slices import SLICE
from tests import patience
from tests.services_memory import MemoryServices, registering


def catalog(count: int, paths: int) -> bytes:
    """Return the body of an import whose services have so many wildcards each, none like another."""
    return json.dumps(
        [
            {"name": f"s{number}", "depends_on": [f"s{number + 1}"], "paths": [f"apps/s{number}/part-{place}/**" for place in range(paths)]}
            for number in range(count)
        ]
    ).encode()


@pytest.mark.parametrize(("count", "paths"), [(1_000, 20), (20, 900), (10_000, 0)])
async def test_whoever_waits_has_a_turn_after_each_slice_of_an_import(count: int, paths: int) -> None:
    server = MemoryServices()
    body = catalog(count, paths)
    importing = asyncio.ensure_future(server.ask("POST", "", body))
    turns = 0
    while not importing.done():
        await patience.turn()
        turns += 1
    reply = await importing
    assert (reply.status, reply.body["accepted"]) == (200, count)
    assert turns > 2 * min(count, len(body) // SLICE)  # judged, made ready, encoded: none of it at a stretch


async def test_an_import_that_is_too_large_is_refused_and_nothing_of_it_is_written() -> None:
    server = MemoryServices()
    reply = await server.ask("POST", "", json.dumps([{"name": f"s{n}"} for n in range(MAX_ITEMS + 1)]).encode())
    assert reply.status == 413
    assert f"at most {MAX_ITEMS}" in reply.body["detail"]
    assert (await server.shown())["services"] == []


def test_a_body_beyond_the_bound_is_not_even_read() -> None:
    route = next(route for route in routes(registering()) if route.method == "POST")
    assert (route.max_body, route.log) == (MAX_IMPORT, "configuration")
