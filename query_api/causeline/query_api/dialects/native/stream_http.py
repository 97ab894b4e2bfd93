"""`GET /v1/stream`: what comes to the log, as server-sent events (WHATWG HTML, 9.2), from now or from a moment in the past on."""

from collections.abc import Callable
from typing import Final

import msgspec

from causeline.query_api.live import question as stream_question
from causeline.query_api.live.streams import Streams
from causeline.schemas.dialects.native.dialect import NATIVE
from causeline.schemas.web.errors import Answer, Forbidden, Unauthorized
from causeline.schemas.web.http import Demand, HttpRequest, HttpRoute

STREAM_PATH: Final = "/v1/stream"
_HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep messages back until a buffer is full
}


class StreamReads:
    """The handler. `demand` refuses a request whose caller may not, or may not any more; `now_ms` tells ms UTC."""

    def __init__(self, streams: Streams, demand: Demand, now_ms: Callable[[], int]) -> None:
        self._streams = streams
        self._demand = demand
        self._now_ms = now_ms

    async def stream(self, request: HttpRequest) -> Answer:
        """Answer with a stream; a HEAD with its header fields."""
        question = stream_question.stream(
            request.query(),
            request.headers.get("last-event-id", ""),
            request.tenant,
            request.groups,
            request.received_at,
            self._streams.partitions,
        )
        if request.method == "HEAD":
            return Answer(200, dict(_HEADERS), b"")
        stream = await self._streams.open(question, lambda: self._is_admitted(request))
        return Answer(200, dict(_HEADERS), b"", stream)

    def _is_admitted(self, request: HttpRequest) -> bool:
        """Say whether the caller's token still holds: a stream may outlive it."""
        try:
            self._demand(msgspec.structs.replace(request, received_at=self._now_ms()), "read")
        except (Unauthorized, Forbidden):
            return False
        return True


def routes(streams: Streams, demand: Demand, now_ms: Callable[[], int]) -> list[HttpRoute]:
    """Return the route."""
    return [HttpRoute("GET", STREAM_PATH, NATIVE, StreamReads(streams, demand, now_ms).stream)]
