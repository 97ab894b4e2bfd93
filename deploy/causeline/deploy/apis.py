"""Every route of one server, of all slices and its own, in one list: served, described, and tried by the tests of access."""

import secrets
from collections.abc import Callable
from importlib.metadata import version
from typing import Any, NamedTuple

from causeline.deploy import openapi, operations, redelivery_http, registry_http
from causeline.deploy.access import Gate
from causeline.deploy.clocks import now_ms
from causeline.deploy.mcp_server import McpServer, browser_security
from causeline.deploy.readiness import Readiness
from causeline.deploy.settings import Settings
from causeline.ingest.adapters import http as ingest_http
from causeline.ingest.app import IngestService
from causeline.ingest.subscribing import Subscribing
from causeline.query_api.adapters import http as query_http
from causeline.query_api.adapters import http_stream
from causeline.query_api.app import Reader
from causeline.query_api.streams import Streams
from causeline.schemas import asyncapi
from causeline.schemas.http import HttpRoute


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
    readiness: Callable[[], Readiness],
    gate: Gate,
) -> Apis:
    """Return what a server with these settings serves over HTTP."""

    def described_topics() -> dict[str, Any]:
        return asyncapi.document(version("causeline"), settings.kafka, settings.partitions, settings.public_address)

    routes = [
        *ingest_http.routes(service, subscribing, secrets.token_bytes, settings.tracker_profile),
        *query_http.routes(reader, settings.tracker_profile),
        *http_stream.routes(streams, gate.demand, now_ms),
        *operations.routes(readiness, {"/openapi.json": openapi.document, "/asyncapi.json": described_topics}),
        *registry_http.routes(),
        *redelivery_http.routes(service, reader.deliveries, subscribing),
    ]
    security = browser_security(settings.host, settings.public_address, settings.allowed_hosts, guarded=not settings.auth_required)
    mcp = McpServer(routes, settings.public_address, gate.demand, security)
    return Apis([*routes, *mcp.routes()], mcp)
