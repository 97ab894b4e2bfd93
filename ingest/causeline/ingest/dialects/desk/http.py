"""`POST /api/v1/events` of the DESK Events API v1, on the paths of both its editions (SaaS and Managed)."""

from causeline.ingest.app import Firsts, IngestService, arrival_of
from causeline.ingest.dialects.desk import writes as desk
from causeline.ingest.dialects.desk.body import DeskRules
from causeline.ingest.idempotency import idempotency_key
from causeline.schemas.dialects.desk.dialect import DESK
from causeline.schemas.dialects.desk.paths import EVENT_PATHS
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer


class DeskWrites:
    """The handler. 200 is answered after all records of the push are durable."""

    def __init__(self, service: IngestService, rules: DeskRules) -> None:
        self._service = service
        self._rules = rules

    async def push(self, request: HttpRequest) -> Answer:
        """Store one event for every target; answer with their ids or correlation ids (EventStoreResult)."""
        key = idempotency_key(request.headers)
        push = desk.read_push(request.body, request.tenant, request.received_at, self._rules)
        await self._refuse_too_old(push)

        def make(firsts: Firsts) -> desk.DeskWrite:
            return desk.store(desk.with_arrival(push, arrival_of(firsts, push.received_at)), self._service.new_id, key)

        write = await self._service.once(DESK.name, push.received_at, make)
        return json_answer(200, write.result)

    async def _refuse_too_old(self, push: desk.Push) -> None:
        """Raise the refusal of a start before the limit, unless it is the start of open problems that this very payload refreshes.

        This is the one question that ingest asks the reading side, and only where it would otherwise refuse. All targets must be open.
        """
        if push.times.too_old is None:
            return
        for target in push.targets:
            start = await self._service.problems.open_start(push.tenant, push.correlation_id(target), push.received_at)
            if start != push.times.start:
                raise push.times.too_old


def routes(service: IngestService, rules: DeskRules | None = None) -> list[HttpRoute]:
    """Return the writing routes; the default rules accept any entity and know no CUSTOM_ALERT."""
    handler = DeskWrites(service, rules or DeskRules())
    return [HttpRoute("POST", path, DESK, handler.push, media=JSON_MEDIA) for path in EVENT_PATHS]
