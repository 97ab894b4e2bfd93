"""The gRPC health service (grpc.health.v1), whose watchers wait for nobody but themselves.

The library's own one writes to each watcher while it holds what all of them and the reporter wait for, so one watcher that takes nothing
keeps the report, and with it the server's readiness, from going on.
"""

import asyncio
from collections.abc import AsyncIterator

from grpc_health.v1.health_pb2 import HealthCheckResponse

from causeline.schemas.web.errors import NotFound


class HealthService:
    """What the services of a server report."""

    def __init__(self) -> None:
        self._status: dict[str, int] = {}
        self._change = asyncio.Event()
        self._stopping = False

    def report(self, services: tuple[str, ...], *, serving: bool) -> None:
        """Take in how services are. After `stop` it changes nothing any more."""
        status = HealthCheckResponse.SERVING if serving and not self._stopping else HealthCheckResponse.NOT_SERVING
        before = dict(self._status)
        self._status.update(dict.fromkeys(services, status))
        if self._status != before:
            self._change.set()
            self._change = asyncio.Event()

    def stop(self) -> None:
        """Report every service as gone for good."""
        self._stopping = True
        self.report(tuple(self._status), serving=False)

    def now(self, service: str) -> HealthCheckResponse:
        """Return how a service is. Raises NotFound for one that is not there."""
        status = self._status.get(service)
        if status is None:
            raise NotFound("there is no such service")
        return HealthCheckResponse(status=status)

    async def follow(self, service: str) -> AsyncIterator[HealthCheckResponse]:
        """Yield how a service is, now and whenever that changes, until `stop`; a service that is not there may come."""
        last_status = None
        while True:
            change = self._change
            status = self._status.get(service, HealthCheckResponse.SERVICE_UNKNOWN)
            if status != last_status:
                last_status = status
                yield HealthCheckResponse(status=status)
            if self._stopping:
                return
            await change.wait()
