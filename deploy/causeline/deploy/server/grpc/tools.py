"""The two services that tools expect of every gRPC server, within bounds: health, and reflection (grpcurl then needs no file).

They need no credentials, as `/healthz` and `/openapi.json` need none.
"""

from collections.abc import AsyncIterator, Callable
from typing import Any, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from grpc_health.v1.health_pb2 import HealthCheckRequest
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from causeline.deploy.server.grpc.health import HealthService
from causeline.deploy.server.grpc.places import Places
from causeline.deploy.server.grpc.refusals import abort_call
from causeline.schemas.web.errors import BodyTimeout, Malformed, RequestError

HEALTH_SERVICE: Final = "grpc.health.v1.Health"

_RequestMessage = TypeVar("_RequestMessage", bound=Message)


async def receive_message(places: Places, context: Any) -> bytes:
    """Return the next message of a call. Raises Malformed where there is none, or as `Places.message`."""
    message = await places.message(context.read)
    if message is grpc.aio.EOF:
        raise Malformed("the call has no message")
    body: bytes = message
    return body


class Tools:
    """Serves both for the services of these names."""

    def __init__(self, services: tuple[str, ...], places: Places) -> None:
        self._services = services
        self._places = places
        self._health = HealthService()
        self._reflection = reflection.aio.ReflectionServicer((*services, HEALTH_SERVICE, reflection.SERVICE_NAME))

    def report(self, *, ready: bool) -> None:
        """Tell the watchers whether events flow."""
        self._health.report(("", *self._services), serving=ready)

    def stop(self) -> None:
        """Tell the watchers that the server goes."""
        self._health.stop()

    def handlers(self) -> tuple[grpc.GenericRpcHandler, ...]:
        """Return what a server registers."""
        check = grpc.stream_unary_rpc_method_handler(self._check)
        watch = grpc.stream_stream_rpc_method_handler(self._watch)
        reflect = grpc.stream_stream_rpc_method_handler(self._reflect)
        return (
            grpc.method_handlers_generic_handler(HEALTH_SERVICE, {"Check": check, "Watch": watch}),
            grpc.method_handlers_generic_handler(reflection.SERVICE_NAME, {"ServerReflectionInfo": reflect}),
        )

    async def _check(self, _: Any, context: Any) -> bytes:
        try:
            request = _read(HealthCheckRequest, await receive_message(self._places, context))
            status: bytes = self._health.now(request.service).SerializeToString()
        except RequestError as error:
            return await abort_call(context, error, f"/{HEALTH_SERVICE}/Check")
        return status

    async def _watch(self, _: Any, context: Any) -> None:
        async def follow_health() -> AsyncIterator[Message]:
            request = _read(HealthCheckRequest, await receive_message(self._places, context))
            async for status in self._health.follow(request.service):
                yield status

        await self._stream(context, follow_health, f"/{HEALTH_SERVICE}/Watch")

    async def _reflect(self, _: Any, context: Any) -> None:
        async def read_requests() -> AsyncIterator[Message]:
            while True:
                try:
                    message = await self._places.message(context.read)
                except BodyTimeout:
                    return  # asked nothing for a while: the stream ends, as a client's own end would
                if message is grpc.aio.EOF:
                    return
                yield _read(ServerReflectionRequest, message)

        await self._stream(context, lambda: self._reflection.ServerReflectionInfo(read_requests(), context), reflection.SERVICE_NAME)

    async def _stream(self, context: Any, answers: Callable[[], AsyncIterator[Message]], method: str) -> None:
        try:
            with self._places.stream(context.peer()):
                async for answer in answers():
                    await context.write(answer.SerializeToString())
        except RequestError as error:
            await abort_call(context, error, method)


def _read(kind: type[_RequestMessage], body: bytes) -> _RequestMessage:
    try:
        message: _RequestMessage = kind.FromString(body)
    except DecodeError as error:
        raise Malformed(f"the message is no {kind.DESCRIPTOR.full_name}") from error
    return message
