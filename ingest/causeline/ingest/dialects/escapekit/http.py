"""EscapeKit over HTTP, what it writes: `POST /internal/create-event`, and the subscriptions of a project with their GET.

Subscriptions are configuration, not events: they lie on the configuration log that every server folds, so this slice also reads them.
"""

from typing import Final

from causeline.ingest.app import Firsts, IngestService
from causeline.ingest.dialects.escapekit import subscriptions, writes
from causeline.ingest.dialects.escapekit.hooks import Project
from causeline.ingest.idempotency import idempotency_key
from causeline.ingest.subscriptions.subscribing import Subscribing
from causeline.schemas.dialects.escapekit.dialect import ESCAPEKIT
from causeline.schemas.dialects.escapekit.mapping import view
from causeline.schemas.records.config import SUBSCRIPTIONS
from causeline.schemas.values import ids
from causeline.schemas.web.errors import Answer
from causeline.schemas.web.http import JSON_MEDIA, HttpRequest, HttpRoute, json_answer

CREATE: Final = "/internal/create-event"
PROJECT: Final = "/api/v1/events/subscriptions/project/{project}"


class EscapeKitWrites:
    """The handler of events. It answers after all of them are durable."""

    def __init__(self, service: IngestService) -> None:
        self._service = service

    async def create(self, request: HttpRequest) -> Answer:
        """Store one event or an array of them; answer with what is stored, in the same form."""
        key = idempotency_key(request.headers)
        arrival = writes.RequestArrival(request.tenant, key, request.received_at, self._service.new_id_ns)

        def make(firsts: Firsts) -> writes.Creation:
            return writes.creation(request.body, arrival, firsts)

        creation = await self._service.once(ESCAPEKIT.name, request.received_at, make)
        documents = [view(change.event) for change in creation.changes]
        return json_answer(201, documents if creation.is_list else documents[0])


class EscapeKitSubscriptions:
    """The handlers of a project's subscriptions. What a PUT answered, a GET on the same server shows."""

    def __init__(self, parts: Subscribing) -> None:
        self._parts = parts

    async def get(self, request: HttpRequest) -> Answer:
        """Answer with the set, empty for a project without; its secrets are for who may change it."""
        view = await self._parts.view()
        members = subscriptions.unseal_members(view.get(SUBSCRIPTIONS, _place(request)), self._parts.unseal)
        return json_answer(200, members if request.is_of_admin else subscriptions.mask_members(members))

    async def put(self, request: HttpRequest) -> Answer:
        """Replace the set; answer with it once it is told to the processors."""
        place, key = _place(request), idempotency_key(request.headers)
        now, parts = request.received_at, self._parts
        project = Project(request.tenant, request.params["project"], place, request.groups, now, parts.allow_list, parts.seal, parts.unseal)

        def new_id(index: int) -> str:
            return ids.uuid5(place, key, str(index)) if key else parts.service.new_id(now)

        async with parts.changing(place):
            view = await parts.view()
            value = view.get(SUBSCRIPTIONS, place)
            replacement = subscriptions.replacement(request.body, value, project, key=key, new_id=new_id)
            if replacement.value is None:
                await parts.tell(replacement.rules)
            else:
                with parts.making(view, request.tenant, (SUBSCRIPTIONS, place), len(replacement.members)):
                    await parts.store(SUBSCRIPTIONS, place, replacement.value, replacement.rules)
        return json_answer(200, replacement.members)


def _place(request: HttpRequest) -> str:
    return subscriptions.config_key(request.tenant, request.params["project"])


def routes(service: IngestService, subscribing: Subscribing) -> list[HttpRoute]:
    """Return EscapeKit's writing routes, and the reading one of subscriptions. A PUT sends the tenant's events elsewhere: `admin`."""
    events, projects = EscapeKitWrites(service), EscapeKitSubscriptions(subscribing)
    return [
        HttpRoute("POST", CREATE, ESCAPEKIT, events.create, media=JSON_MEDIA),
        HttpRoute("GET", PROJECT, ESCAPEKIT, projects.get),
        HttpRoute("PUT", PROJECT, ESCAPEKIT, projects.put, media=JSON_MEDIA, scope="admin"),
    ]
