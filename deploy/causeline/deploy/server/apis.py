"""Every route of one server, of all slices and its own, in one list: served, described, and tried by the tests of access."""

import secrets
from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version
from typing import Any, NamedTuple

from causeline.deploy.access.access import Gate
from causeline.deploy.clocks import now_ms
from causeline.deploy.server import operations, redelivery_http, registry_http, session_http
from causeline.deploy.server.inner_calls import InnerCalls
from causeline.deploy.server.mcp.server import McpServer, browser_security
from causeline.deploy.server.openapi import document as openapi
from causeline.deploy.server.readiness import PARTS, Readiness
from causeline.deploy.server.sampling import UNMEASURED, Measuring
from causeline.deploy.settings import Settings
from causeline.ingest import routes as ingest
from causeline.ingest.app import IngestService
from causeline.ingest.definitions.defining import Defining
from causeline.ingest.dialects.all import WRITE_APIS
from causeline.ingest.dialects.write_api import WriteApi
from causeline.ingest.feedback.assessing import Assessing
from causeline.ingest.feedback.http import FeedbackParts
from causeline.ingest.services.registering import Registering
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.query_api import routes as query_api
from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.dialects.native import stream_http
from causeline.query_api.dialects.native.causes_http import NativeCauses
from causeline.query_api.dialects.read_api import ReadApi
from causeline.query_api.live.streams import Streams
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.dora import DoraReader
from causeline.query_api.reading.dora_parts import DoraParts
from causeline.query_api.reading.reader import Reader
from causeline.query_api.ui import routes as ui
from causeline.query_api.ui.figures import ServerFigures
from causeline.query_api.ui.pages.docs import docs_pages
from causeline.query_api.ui.pages.inside import inside_pages
from causeline.query_api.ui.pages.now import now_pages
from causeline.query_api.ui.visits import PageRoute
from causeline.schemas.catalog import asyncapi
from causeline.schemas.web.http import HttpRoute


class Apis(NamedTuple):
    """The routes, and the MCP server behind one of them, which runs as long as they are served."""

    routes: list[HttpRoute]
    mcp: McpServer


def apis(
    settings: Settings,
    service: IngestService,
    reader: Reader,
    causes: CauseReader,
    streams: Streams,
    subscribing: Subscribing,
    registering: Registering,
    assessing: Assessing,
    defining: Defining,
    readiness: Callable[[], Readiness],
    gate: Gate,
    writing: Sequence[WriteApi] = WRITE_APIS,
    reading: Sequence[ReadApi] = READ_APIS,
    figures: Measuring = UNMEASURED,
    session_pages: Sequence[PageRoute] = (),
) -> Apis:
    """Return what a server with these settings serves over HTTP: the sides of the event APIs, and its own."""

    @cache
    def described_calls() -> dict[str, Any]:
        return openapi.openapi_document(writing, reading)

    def described_topics() -> dict[str, Any]:
        return asyncapi.asyncapi_document(version("causeline"), settings.kafka, settings.partitions, settings.public_address)

    dora = DoraParts(DoraReader(reader, registering.topology, assessing.of), defining.of)
    feedback = FeedbackParts(assessing, reader, NativeCauses(reader, causes).causes)
    routes = [
        *ingest.routes(service, subscribing, registering, feedback, defining, secrets.token_bytes, settings.tracker_profile, writing),
        *query_api.routes(reader, settings.tracker_profile, reading, causes, dora),
        *stream_http.routes(streams, gate.demand, now_ms),
        *operations.routes(readiness, {"/openapi.json": described_calls, "/asyncapi.json": described_topics}),
        *registry_http.routes(),
        *redelivery_http.routes(service, reader.deliveries, subscribing),
    ]

    def look_inside() -> ServerFigures:
        now = readiness()
        return ServerFigures({part: getattr(now, part) for part in PARTS}, now.reasons, figures.samples(), figures.lags(), now.since)

    pages_served = [*ui.ALL_PAGES, *session_pages, *now_pages(look_inside), *inside_pages(look_inside), *docs_pages(described_calls)]
    pages = ui.routes(InnerCalls(routes, gate.demand).ask, gate.demand, pages_served)
    security = browser_security(settings.host, settings.public_address, settings.allowed_hosts, is_guarded=not settings.auth_required)
    mcp = McpServer(routes, settings.public_address, gate.demand, security)
    return Apis([*routes, *(session_http.lasting(page, gate) for page in pages), *mcp.routes()], mcp)
