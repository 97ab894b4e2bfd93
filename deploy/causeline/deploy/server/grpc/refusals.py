"""A refused gRPC call: the status, the details and the trailing metadata that say what an HTTP answer says."""

from typing import Any, Final

import grpc
import structlog

from causeline.deploy.server.door import spread
from causeline.schemas import telemetry
from causeline.schemas.web.errors import InternalError, InvalidHeader, RequestError, grpc_code

_log = structlog.get_logger(__name__)

_STATUSES: Final = {status.value[0]: status for status in grpc.StatusCode}
_MAX_DETAILS: Final = 1_000
"""Details travel in a header field, and clients refuse headers beyond 8 KiB; a character can take nine bytes there."""


async def abort_call(context: Any, error: RequestError, method: str) -> bytes:
    """End a call with what is wrong with it. Raises what the library ends a handler with."""
    status = _STATUSES[grpc_code(error)]
    if isinstance(error, InvalidHeader):
        telemetry.REQUESTS_REFUSED.labels("grpc", error.reason).inc()
    level = _log.warning if isinstance(error, InternalError) else _log.debug
    level("call refused", method=method, status=status.name, reason=error.reason, message=error.message)
    spread(error)
    trailing = tuple((name.lower(), value) for name, value in error.headers.items())
    result: bytes = await context.abort(status, error.message[:_MAX_DETAILS], trailing)
    return result
