"""gRPC on the seam of `http.py`: a unary call is a POST to `/<service>/<method>` with header fields and a body, so it is a route too.

Who may call it, whose events it sees and how it is measured is therefore decided once, for both transports. A refusal is a RequestError,
which the gRPC shell (`causeline.deploy.server.grpc.server`) turns into a status.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from google.protobuf.message import DecodeError, Message

from causeline.schemas.web.api import Api
from causeline.schemas.web.errors import Answer, Malformed
from causeline.schemas.web.http import HttpRequest, HttpRoute, Scope

GRPC: Final = "application/grpc"

RpcHandler = Callable[[Any, HttpRequest], Awaitable[Message]]
"""Takes the decoded message and the call it came with; returns the message that answers it."""


def unary(service: str, method: str, takes: type[Message], handler: RpcHandler, *, api: Api, scope: Scope) -> HttpRoute:
    """Return the route of a method (`tracker.event.v1alpha1.EventService`, `GetEvent`) that takes messages of one type."""

    async def serve(request: HttpRequest) -> Answer:
        try:
            message = takes.FromString(request.body)
        except DecodeError as error:
            raise Malformed(f"the message is no {takes.DESCRIPTOR.full_name}") from error
        answer = await handler(message, request)
        return Answer(200, {"Content-Type": GRPC}, answer.SerializeToString())

    return HttpRoute("POST", f"/{service}/{method}", api, serve, media=(GRPC,), scope=scope)
