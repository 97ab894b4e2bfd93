"""The gRPC shell: one grpc.aio server, in the loop of the HTTP server, whose methods are the slices' routes for `application/grpc`.

What all calls have in common lives here: who may call (the same gate as over HTTP), statuses, limits, metrics, and the two services that
tools expect of every server, reflection (grpcurl knows the methods without a file) and health.

Every method is registered as one that takes a stream, which on the wire is the same: the library would wait for the message of a unary call
before it hands the call over, with a place taken, without a bound in time, and before anybody looked who calls.
"""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import grpc
import structlog

from causeline.deploy.access.access import Gate
from causeline.deploy.server.door import Door
from causeline.deploy.server.grpc.places import MOST_RPCS, MOST_STREAMS_A_CONNECTION, Places
from causeline.deploy.server.grpc.refusals import abort_call
from causeline.deploy.server.grpc.tools import Tools, receive_message
from causeline.schemas import telemetry
from causeline.schemas.web import header_fields
from causeline.schemas.web.errors import InternalError, RequestError
from causeline.schemas.web.http import MAX_BODY, HttpRequest, HttpRoute
from causeline.schemas.web.rpc import GRPC

_log = structlog.get_logger(__name__)


_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_BODY),
    ("grpc.max_concurrent_streams", MOST_STREAMS_A_CONNECTION),
    ("grpc.server_handshake_timeout_ms", 10_000),
    # A client that is gone without a word does not answer a ping; one that holds its connection for ever holds a place.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.max_connection_age_ms", 3_600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)


def _by_service(routes: Sequence[HttpRoute]) -> dict[str, dict[str, HttpRoute]]:
    """Return the routes by service and method; the path of a call is `/<service>/<method>`."""
    services: dict[str, dict[str, HttpRoute]] = {}
    for route in routes:
        _, service, method = route.path.split("/")
        services.setdefault(service, {})[method] = route
    return services


class RpcServer:
    """Serves the routes on an address; `port` is what it listens on."""

    def __init__(self, routes: Sequence[HttpRoute], clock: Callable[[], int], gate: Gate, door: Door, places: Places | None = None) -> None:
        self._services = _by_service(routes)
        self._clock = clock
        self._gate = gate
        self._door = door
        self._places = places or Places()
        self._tools = Tools(tuple(self._services), self._places)
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Listen; port 0 takes a free one. Raises RuntimeError where the port is taken."""
        server = grpc.aio.server(options=(*_OPTIONS, ("grpc.so_reuseport", int(reuse_port))), maximum_concurrent_rpcs=MOST_RPCS)
        handlers = [grpc.method_handlers_generic_handler(name, self._calls(methods)) for name, methods in self._services.items()]
        server.add_generic_rpc_handlers((*handlers, *self._tools.handlers()))
        self.port = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await server.start()
        self._server = server
        await self.report(ready=True)

    async def report(self, *, ready: bool) -> None:
        """Tell the health service's clients whether events flow."""
        self._tools.report(ready=ready)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, finish those in work, cut off what takes longer than `grace_s`."""
        if self._server is not None:
            self._tools.stop()
            await self._server.stop(grace_s)

    def _calls(self, methods: Mapping[str, HttpRoute]) -> dict[str, Any]:
        return {name: grpc.stream_unary_rpc_method_handler(self._serving(route)) for name, route in methods.items()}

    def _serving(self, route: HttpRoute) -> Callable[[Any, Any], Awaitable[bytes]]:
        async def serve(_: Any, context: Any) -> bytes:
            began = time.perf_counter()
            try:
                return await self._answer(route, context)
            except RequestError as error:
                refusal = error
            except Exception:  # noqa: BLE001 - a bug in one handler must not take the server down; it is logged with its trace
                _log.exception("call failed", method=route.path)
                refusal = InternalError("internal error")
            finally:
                telemetry.HTTP_SECONDS.labels(route.api.label, "POST").observe(time.perf_counter() - began)
            if route.needs != "read":
                telemetry.EVENTS_REJECTED.labels(route.api.label, refusal.reason).inc()
            return await abort_call(context, refusal, route.path)

        return serve

    async def _answer(self, route: HttpRoute, context: Any) -> bytes:
        request = self._gate.admit(route, self._head(route, context))
        body = await receive_message(self._places, context)
        with self._places.call():
            answer = await self._door.serve(route, request.with_body(body, GRPC))
        return answer.body

    def _head(self, route: HttpRoute, context: Any) -> HttpRequest:
        """Return the call without its message. Raises InvalidHeader."""
        metadata = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
        return HttpRequest(
            method="POST",
            path=route.path,
            params={},
            query_string="",
            headers=header_fields.read_header_fields(metadata, {name for name, _ in metadata}),
            body=b"",
            tenant="",
            received_at=self._clock(),
            content_type=GRPC,
        )
