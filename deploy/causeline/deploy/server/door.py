"""The door to the writing handlers, the same over HTTP and gRPC: a tenant's quota, its share, and what can be done in time.

What reads passes: it neither spends a quota nor waits for the log. What goes to the configuration is bounded by memory alone, apart from
events: an import that takes seconds must neither keep events out nor say that their log is slow.
"""

import secrets
import time
from collections.abc import Callable
from typing import Final

import structlog

from causeline.deploy.server.quotas import Quotas
from causeline.deploy.server.workload import MAX_WORK_BYTES, Workload
from causeline.ingest.acknowledged import WAITED
from causeline.schemas.web.errors import Answer, RequestError, Unavailable
from causeline.schemas.web.http import HttpRequest, HttpRoute, Log

_log = structlog.get_logger(__name__)

_TELL_S: Final = 10.0


class Door:
    """Runs handlers within the bounds."""

    def __init__(self, workload: Workload, quotas: Quotas, clock: Callable[[], float] = time.perf_counter) -> None:
        self._workloads: Final[dict[Log, Workload]] = {
            "events": workload,
            "configuration": Workload(0.0, start=MAX_WORK_BYTES, is_shown=False),
        }
        self._quotas = quotas if quotas.any else None
        self._clock = clock
        self._told_at = float("-inf")

    async def serve(self, route: HttpRoute, request: HttpRequest) -> Answer:
        """Return the handler's answer to an admitted request. Raises OverQuota, OverShare or Overloaded before it is called."""
        if route.needs != "ingest":
            return await route.handler(request)
        if self._quotas is not None:
            self._quotas.look(request.tenant)
        began = self._clock()
        workload = self._workloads[route.log]
        weight = self._enter(workload, request, began)
        # A patch may wait for the rows before it writes, a repeat for what it repeats: their time would say that the log is slow.
        tells = False
        WAITED.set(False)
        try:
            answer = await route.handler(request)
        except Unavailable:
            tells = request.method == "POST" and not WAITED.get()
            raise
        else:
            tells = request.method == "POST" and not WAITED.get()
            return answer
        finally:
            workload.leave(request.tenant, weight, began, self._clock(), tells=tells and route.log == "events")

    def _enter(self, workload: Workload, request: HttpRequest, now: float) -> int:
        try:
            return workload.enter(request.tenant, len(request.body), now)
        except RequestError as refused:
            if now - self._told_at > _TELL_S:  # a line for each refusal would be an overload of its own
                self._told_at = now
                _log.warning("refusing writes", reason=refused.reason, tenant=request.tenant, limit_bytes=workload.limit)
            raise


def spread(error: RequestError) -> None:
    """Make clients that were refused together come back apart: Retry-After is longer by up to the half, at least by 0 or 1 s."""
    retry_after = error.headers.get("Retry-After")
    if retry_after is not None:
        seconds = int(retry_after)
        error.headers["Retry-After"] = str(seconds + secrets.randbelow(max(1, seconds // 2) + 1))
