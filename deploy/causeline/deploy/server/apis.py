"""Every route of one server, of all slices and its own, in one list: served, described, and tried by the tests of access."""

import secrets
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

from causeline.deploy.access.access import Gate
from causeline.deploy.clocks import now_ms
from causeline.deploy.server import operations, redelivery_http, registry_http
from causeline.deploy.server.mcp.server import McpServer, browser_security
from causeline.deploy.server.openapi import document as openapi
from causeline.deploy.server.readiness import Readiness
from causeline.deploy.settings import Settings
from causeline.ingest import routes as ingest
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.all import WRITE_APIS
from causeline.ingest.dialects.write_api import WriteApi
from causeline.ingest.services.registering import Registering
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.query_api import routes as query_api
from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.dialects.native import stream_http
from causeline.query_api.dialects.read_api import ReadApi
from causeline.query_api.live.streams import Streams
from causeline.query_api.reading.reader import Reader
from causeline.schemas.catalog import asyncapi
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.http import HttpRoute


class Apis(NamedTuple):
    """The routes, and the MCP server behind one of them, which runs as long as they are served."""

    routes: list[HttpRoute]
    mcp: McpServer


def apis(
    settings: Settings,
    service: IngestService,
    reader: Reader,
    streams: Streams,
    subscribing: Subscribing,
    registering: Registering,
    readiness: Callable[[], Readiness],
    gate: Gate,
    writing: Sequence[WriteApi] = WRITE_APIS,
    reading: Sequence[ReadApi] = READ_APIS,
) -> Apis:
    """Return what a server with these settings serves over HTTP: the sides of the event APIs, and its own."""

    def described_topics() -> dict[str, Any]:
        return asyncapi.asyncapi_document(version("causeline"), settings.kafka, settings.partitions, settings.public_address)

    async def topology(tenant: str) -> Topology:
        return (await registering.view()).topology(tenant)

    routes = [
        *ingest.routes(service, subscribing, registering, secrets.token_bytes, settings.tracker_profile, writing),
        *query_api.routes(reader, settings.tracker_profile, reading, topology),
        *stream_http.routes(streams, gate.demand, now_ms),
        *operations.routes(
            readiness, {"/openapi.json": lambda: openapi.openapi_document(writing, reading), "/asyncapi.json": described_topics}
        ),
        *registry_http.routes(),
        *redelivery_http.routes(service, reader.deliveries, subscribing),
    ]
    security = browser_security(settings.host, settings.public_address, settings.allowed_hosts, is_guarded=not settings.auth_required)
    mcp = McpServer(routes, settings.public_address, gate.demand, security)
    return Apis([*routes, *mcp.routes()], mcp)
