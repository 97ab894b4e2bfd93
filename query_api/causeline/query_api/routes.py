"""All reading routes, whatever the API."""

from collections.abc import Iterable

from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.dialects.read_api import ReadApi, ReadParts
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.dora import DoraReader
from causeline.query_api.reading.dora_parts import DoraParts
from causeline.query_api.reading.reader import Reader
from causeline.schemas.dialects.tracker.codes import Profile
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.http import HttpRoute


async def _without_services(_: str) -> Topology:
    return Topology()


def routes(
    reader: Reader,
    tracker: Profile = "document",
    apis: Iterable[ReadApi] = READ_APIS,
    causes: CauseReader | None = None,
    dora: DoraParts | None = None,
) -> list[HttpRoute]:
    """Return the routes of every API's reads; `tracker` is the profile that Tracker's speak.

    `causes` ranks and `dora` counts; without them nobody described a service or said anything, and the first definition holds.
    """
    ranker = causes or CauseReader(reader, _without_services)
    counting = dora or DoraParts(DoraReader(reader, ranker.topology, ranker.feedback))
    parts = ReadParts(reader, tracker, ranker, counting)
    return [route for api in apis for route in api.routes(parts)]


def rpcs(reader: Reader, apis: Iterable[ReadApi] = READ_APIS) -> list[HttpRoute]:
    """Return the reading methods of the APIs over gRPC."""
    return [route for api in apis for route in api.rpcs(reader)]
