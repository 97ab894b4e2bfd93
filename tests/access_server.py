"""A whole server in memory behind its real shell, with authentication required: what a caller with some credentials gets of a route."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from random import Random
from typing import Any, NamedTuple

from causeline.deploy.access import tokens
from causeline.deploy.access.access import Gate
from causeline.deploy.access.attempts import Attempts
from causeline.deploy.access.auth import Authenticator
from causeline.deploy.access.browsers import browsers_for, origins_of
from causeline.deploy.access.cors import cors_for
from causeline.deploy.access.jwts import JwtRules
from causeline.deploy.adapters.openid_provider import OpenIdProvider
from causeline.deploy.server.apis import Apis, apis
from causeline.deploy.server.door import Door
from causeline.deploy.server.http.bodies import Bodies
from causeline.deploy.server.http.shell import Shell
from causeline.deploy.server.provider_http import ProviderPages
from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.rankings import cause_rules_of
from causeline.deploy.server.readiness import Readiness
from causeline.deploy.server.routing import RouteTable
from causeline.deploy.server.session_desk import SessionDesk
from causeline.deploy.server.session_http import SignIn, session_routes
from causeline.deploy.server.signing_in import provider_name, provider_rules, session_rules
from causeline.deploy.server.workload import Workload
from causeline.deploy.settings import Settings
from causeline.ingest.adapters.memory.config import MemoryConfigLog
from causeline.ingest.adapters.memory.health import MemoryHealth
from causeline.ingest.app import IngestService
from causeline.ingest.dialects.all import WRITE_APIS
from causeline.ingest.dialects.write_api import WriteApi
from causeline.query_api.adapters.memory.store import MemoryEventStore
from causeline.query_api.adapters.memory.tail import MemoryLogTail
from causeline.query_api.dialects.all import READ_APIS
from causeline.query_api.dialects.read_api import ReadApi
from causeline.query_api.live.streams import Clocks, Streams
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.ui.assets import asset_address
from causeline.query_api.ui.visits import PageRoute
from causeline.schemas.dialects.all import DIALECTS
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.dialect import Dialects
from causeline.schemas.records.config import TOKENS
from causeline.schemas.web.http import HttpRequest, HttpRoute
from tests.definitions_memory import defining
from tests.desk_samples import NOW
from tests.feedback_memory import assessing
from tests.memory_server import MemoryServer
from tests.services_memory import registering
from tests.subscribing import subscribing

TENANT, FOREIGN = "acc_Shop0000000000000000001", "acc_Other000000000000000001"
READY = Readiness(broker=True, processors=True, sink=True, clickhouse=True, reasons=())
JWT_SECRET = "only-for-the-tests-of-access-32-bytes"
_IDS = {"env": TENANT, "accountSid": TENANT, "operation": "listEvents", "asset": asset_address("causeline.css").rpartition("/")[2]}
EXAMPLE_ID = "00000000-0000-7000-8000-000000000000"
_QUERIES = ("", "team_id=t", "from=0&to=1")
_BODIES = (b"{}", b'{"event_name": "build", "team_id": "t"}')


class Sent(NamedTuple):
    """One request to a route: concrete path, query string, body, and header fields, to which a `Host` is added.

    `raw` are the header fields just as they are sent, in place of `headers`.
    """

    method: str
    path: str
    query: str
    body: bytes
    headers: dict[str, str]
    raw: tuple[tuple[str, bytes], ...] | None = None

    @property
    def fields(self) -> list[tuple[str, bytes]]:
        """The header fields on the wire."""
        header_fields = {"host": "127.0.0.1"} | self.headers
        return [(name, value.encode()) for name, value in header_fields.items()] if self.raw is None else list(self.raw)


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def keys(self) -> set[str]:
        """The names in the JSON of an error, or that it is a page: what tells the envelopes apart."""
        if self.headers.get("Content-Type", "").startswith("text/html"):
            return {"a page"}
        body = json.loads(self.body)
        return set(body) | ({f"error.{name}" for name in body["error"]} if isinstance(body.get("error"), dict) else set())


class Headers:
    """Header fields as granian hands them over: every name, but of values only those of visible ASCII and tabs."""

    def __init__(self, fields: list[tuple[str, bytes]]) -> None:
        self._fields = fields

    def items(self) -> list[tuple[str, str]]:
        return [(name, value.decode()) for name, value in self._fields if value.isascii()]

    def get(self, name: str, default: str | None = None) -> str | None:
        return next((value for key, value in self.items() if key == name), default)

    def keys(self) -> list[str]:
        return list(dict(self._fields))

    def __contains__(self, name: str) -> bool:
        return any(key == name for key, _ in self._fields)


class _Scope:
    """What the server hands to the shell (RSGI, "HTTP connection scope")."""

    proto = "http"
    authority = None
    http_version, client, server = "1.1", "127.0.0.1:1", "127.0.0.1:2"

    def __init__(self, request: Sent) -> None:
        self.method, self.path, self.query_string = request.method, request.path, request.query
        self.headers = Headers(request.fields)


class _Protocol:
    """What the shell reads the body from and answers to."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._is_stream = asyncio.Event()
        self.read = False
        self.answer: Got | None = None

    async def __call__(self) -> bytes:
        self.read = True
        return self._body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        self.read = True
        yield self._body

    async def client_disconnect(self) -> None:
        """Leave a stream as soon as it begins, which is what the tests of access look at; for any other answer the client stays."""
        await self._is_stream.wait()

    def response_stream(self, status: int, headers: list[tuple[str, str]]) -> "_Protocol":
        self._is_stream.set()
        self.answer = Got(status, dict(headers), b"")
        return self

    async def send_bytes(self, data: bytes) -> None:
        assert self.answer is not None
        self.answer = self.answer._replace(body=self.answer.body + data)

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.answer = Got(status, dict(headers), body)


class AccessServer(MemoryServer):
    """`apis` are what it serves; `issue` makes tokens as `causeline token create` does."""

    apis: Apis

    def __init__(
        self,
        *,
        is_auth_required: bool = True,
        settings: Settings | None = None,
        dialects: Dialects = DIALECTS,
        writing: Sequence[WriteApi] = WRITE_APIS,
        reading: Sequence[ReadApi] = READ_APIS,
    ) -> None:
        self._writing, self._reading = writing, reading
        self.settings = settings or Settings()
        self.config, self.health = MemoryConfigLog(), MemoryHealth()
        rules = JwtRules(JWT_SECRET)
        sessions, provider = session_rules(self.settings), provider_name(self.settings)
        self.authenticator = Authenticator(self.config.view, lambda: True, rules, sessions, provider) if is_auth_required else None
        self.gate = Gate(self.authenticator, self.settings.public_host)
        self.random = Random(1)  # the same at every run
        self.desk = SessionDesk(self.config, sessions, self.random.randbytes)
        self.sign_in = SignIn(self.authenticator, self.desk, Attempts()) if self.authenticator else None
        self._token_count = 0
        self.streams = Streams(MemoryLogTail(), MemoryEventStore().looks, Clocks(lambda: NOW, lambda: 0.0))
        super().__init__(self._routes, NOW, dialects)
        self._shell = Shell(
            RouteTable(self.apis.routes),
            lambda: self.now,
            self.gate,
            Door(Workload(5.0), Quotas(0, {})),
            Bodies(5.0),
            browsers=None if is_auth_required else browsers_for(self.settings),
            cors=cors_for(origins_of(self.settings.cors_origins)),
        )

    def _routes(self, service: IngestService, reader: Reader) -> list[HttpRoute]:
        subscriptions = subscribing(service, self.config, self.health)
        services, feedback = registering(self.config), assessing(self.config)
        definitions = defining(self.config)
        self.apis = apis(
            self.settings,
            service,
            reader,
            CauseReader(reader, services.topology, feedback.of, cause_rules_of(self.settings)),
            self.streams,
            subscriptions,
            services,
            feedback,
            definitions,
            lambda: READY,
            self.gate,
            self._writing,
            self._reading,
            session_pages=(*session_routes(self.sign_in), *self._provider_pages()),
        )
        return self.apis.routes

    def _provider_pages(self) -> tuple[PageRoute, ...]:
        settings = self.settings
        if self.sign_in is None or not settings.oidc_issuer:
            return ()
        provider = OpenIdProvider(settings.oidc_issuer, settings.oidc_client_id, settings.oidc_client_secret)
        return ProviderPages(self.sign_in, provider, provider_rules(settings), self.random.randbytes, settings.public_url).routes()

    async def issue(
        self, *scopes: str, tenant: str = TENANT, groups: tuple[str, ...] = (), name: str = "", expires: int | None = None
    ) -> str:
        self._token_count += 1
        secret = tokens.token_text(self._token_count.to_bytes(tokens.SECRET_BYTES))
        token = tokens.token_of(
            secret, tenant=tenant, scopes=list(scopes), groups=list(groups), name=name, created=self.now, expires=expires
        )
        await self.config.put(TOKENS, token.sha256, tokens.token_value(token))
        assert self.config.view.get(TOKENS, token.sha256) is not None
        return secret

    async def send(self, request: Sent) -> Got:
        answer, _ = await self.exchange(request)
        return answer

    async def exchange(self, request: Sent) -> tuple[Got, bool]:
        """Return the answer, and whether the body was read for it."""
        protocol = _Protocol(request.body)
        scope: Any = _Scope(request)
        await self._shell.__rsgi__(scope, protocol)
        assert protocol.answer is not None
        return protocol.answer, protocol.read


@asynccontextmanager
async def serving(*, is_auth_required: bool = True, settings: Settings | None = None) -> AsyncIterator[AccessServer]:
    server = AccessServer(is_auth_required=is_auth_required, settings=settings)
    async with server.apis.mcp.running():
        yield server


def request_to(route: HttpRoute, **headers: str) -> Sent:
    """Return a request that this very route serves, also where others share its path."""
    path = route.path
    for name in _params(path):
        path = path.replace("{" + name + "}", _IDS.get(name.partition(":")[0], EXAMPLE_ID))
    fields = {name.replace("_", "-").lower(): value for name, value in headers.items()}
    if route.media:
        fields |= {"content-type": route.media[0], "accept": "application/json, text/event-stream", "host": "127.0.0.1"}
    candidates = [Sent(route.method, path, query, body, fields) for query in _QUERIES for body in (_BODIES if route.media else (b"",))]
    for candidate in candidates:
        request = HttpRequest(candidate.method, path, {}, candidate.query, fields, candidate.body, "", NOW)
        if route.accepts is None or route.accepts(request):
            return candidate._replace(headers=fields | ({"content-length": str(len(candidate.body))} if route.media else {}))
    raise AssertionError(f"no request that {route.method} {route.path} of {route.api.label} accepts")


def _params(path: str) -> list[str]:
    return [part.partition("}")[0] for part in path.split("{")[1:]]


def shown(route: HttpRoute, token: str) -> dict[str, str]:
    """Return how the clients of a dialect show a token."""
    return {"authorization": f"{'Api-token' if route.api is DESK else 'Bearer'} {token}"}
