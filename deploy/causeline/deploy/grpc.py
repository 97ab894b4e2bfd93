"""The gRPC shell: one grpc.aio server, in the loop of the HTTP server, whose methods are the slices' routes for `application/grpc`.

What all calls have in common lives here: who may call (the same gate as over HTTP), statuses, limits, metrics, and the two services that
tools expect of every server, reflection (grpcurl knows the methods without a file) and health.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import grpc
import structlog
from grpc_health.v1 import health as health_service
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from causeline.deploy.access import Gate
from causeline.deploy.door import Door, spread
from causeline.schemas import header_fields, telemetry
from causeline.schemas.dialects.tracker_messages import SERVICE
from causeline.schemas.errors import InternalError, RequestError, grpc_code
from causeline.schemas.http import MAX_BODY, HttpRequest, HttpRoute
from causeline.schemas.rpc import GRPC

_log = structlog.get_logger(__name__)

Clock = Callable[[], int]

_STATUSES: Final = {status.value[0]: status for status in grpc.StatusCode}
_MAX_CALLS: Final = 512
"""Calls in work at once; one more is RESOURCE_EXHAUSTED. A call of the largest message holds about 3 MiB: 1.5 GiB at most."""
_MAX_DETAILS: Final = 1_000
"""Details travel in a header field, and clients refuse headers beyond 8 KiB; a character can take nine bytes there."""
_OPTIONS: Final = (
    ("grpc.max_receive_message_length", MAX_BODY),
    # A client that is gone without a word does not answer a ping; one that holds its connection for ever holds a place.
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.max_connection_idle_ms", 600_000),
    ("grpc.max_connection_age_ms", 3_600_000),
    ("grpc.max_connection_age_grace_ms", 30_000),
)


class RpcServer:
    """Serves the routes on an address; `port` is what it listens on."""

    def __init__(self, routes: Sequence[HttpRoute], clock: Clock, gate: Gate, door: Door) -> None:
        self._routes = routes
        self._clock = clock
        self._gate = gate
        self._door = door
        self._health = health_service.aio.HealthServicer()
        self._server: grpc.aio.Server | None = None
        self.port = 0

    async def start(self, host: str, port: int, *, reuse_port: bool = False) -> None:
        """Listen; port 0 takes a free one. Raises RuntimeError where the port is taken."""
        server = grpc.aio.server(options=(*_OPTIONS, ("grpc.so_reuseport", int(reuse_port))), maximum_concurrent_rpcs=_MAX_CALLS)
        handlers = {route.path.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(self._serving(route)) for route in self._routes}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        reflection.enable_server_reflection((SERVICE, health_service.SERVICE_NAME, reflection.SERVICE_NAME), server)
        self.port = server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        await server.start()
        self._server = server
        await self.report(ready=True)

    async def report(self, *, ready: bool) -> None:
        """Tell the health service's clients whether events flow."""
        kinds = health_pb2.HealthCheckResponse
        status = kinds.SERVING if ready else kinds.NOT_SERVING
        for name in ("", SERVICE):
            await self._health.set(name, status)

    async def stop(self, grace_s: float) -> None:
        """Take no new calls, finish those in work, cut off what takes longer than `grace_s`."""
        if self._server is not None:
            await self._health.enter_graceful_shutdown()
            await self._server.stop(grace_s)

    def _serving(self, route: HttpRoute) -> Callable[[bytes, Any], Awaitable[bytes]]:
        async def serve(body: bytes, context: Any) -> bytes:
            started = time.perf_counter()
            try:
                return await self._answered(route, body, context)
            except RequestError as error:
                refused = error
            except Exception:  # noqa: BLE001 - a bug in one handler must not take the server down; it is logged with its trace
                _log.exception("call failed", method=route.path)
                refused = InternalError("internal error")
            finally:
                telemetry.HTTP_SECONDS.labels(route.dialect, "POST").observe(time.perf_counter() - started)
            return await _abort(route, refused, context)

        return serve

    async def _answered(self, route: HttpRoute, body: bytes, context: Any) -> bytes:
        metadata = [(name, value) for name, value in context.invocation_metadata() or () if isinstance(value, str)]
        call = HttpRequest(
            method="POST",
            path=route.path,
            params={},
            query_string="",
            headers=header_fields.read(metadata, {name for name, _ in metadata}),
            body=body,
            tenant="",
            received_at=self._clock(),
            content_type=GRPC,
        )
        answer = await self._door.serve(route, self._gate.admit(route, call))
        return answer.body


async def _abort(route: HttpRoute, error: RequestError, context: Any) -> bytes:
    status = _STATUSES[grpc_code(error)]
    if route.needs != "read":
        telemetry.EVENTS_REJECTED.labels(route.dialect, error.reason).inc()
    level = _log.warning if isinstance(error, InternalError) else _log.debug
    level("call refused", method=route.path, status=status.name, reason=error.reason, message=error.message)
    spread(error)
    trailing = tuple((name.lower(), value) for name, value in error.headers.items())
    ended: bytes = await context.abort(status, error.message[:_MAX_DETAILS], trailing)
    return ended
