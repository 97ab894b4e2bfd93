"""CTO.ai in memory, beside the DESK Events API v1 with which it shares a path."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from causeline.ingest.dialects.cto_ai import http as writes
from causeline.ingest.dialects.desk import http as desk_writes
from causeline.query_api.dialects.cto_ai import http as reads
from causeline.query_api.dialects.desk import http as desk_reads
from causeline.query_api.questions.query import Page, ProblemFilter
from causeline.schemas.records.problem import Problem
from tests.desk_samples import NOW
from tests.memory_server import MemoryServer, Reply

FIXTURES = Path(__file__).parent / "fixtures" / "cto_ai"
POSTS: list[dict[str, Any]] = [json.loads(text) for text in (FIXTURES / "posts.txt").read_text().split("\n\n")]
"""Every example of "Workflow Events" that is posted. Seven of them have a quotation mark too many in the document, which is mended."""

TEAM = "02f71e12-fa48-45aa-a1f2-956b425e5bee"
PATH = "/events"
SHARED = "/api/v1/events"

Json = dict[str, Any]


class MemoryCtoAi(MemoryServer):
    """A server of both APIs. Whatever was acknowledged is in the rows when it is asked."""

    def __init__(self) -> None:
        super().__init__(
            lambda service, reader: [
                *desk_writes.routes(service),
                *writes.routes(service),
                *desk_reads.routes(reader, self),
                *reads.routes(reader),
            ],
            NOW,
        )

    async def post(self, body: Any, path: str = PATH, **headers: str) -> Reply:
        """Store; a body that is not bytes is sent as JSON. The clock moves by a second."""
        self.now += 1_000
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.request("POST", path, content, headers=headers)

    async def send(self, name: str, action: str = "", repo: str = "api", team: str = TEAM, **fields: Any) -> Json:
        """Store an event; return what was answered with 200."""
        reply = await self.post({"event_name": name, "event_action": action, "repo": repo, "team_id": team, **fields})
        assert reply.status == 200, reply.body
        answer: Json = reply.body
        return answer

    async def ask(self, *pairs: tuple[str, Any], team: str = TEAM, **headers: str) -> Reply:
        """Read with the parameters of a query string, in order."""
        await self.reach()
        return await self.request("GET", SHARED, query=urlencode([("team_id", team), *pairs]), headers=headers)

    async def find(self, *pairs: tuple[str, Any], team: str = TEAM) -> list[Json]:
        """Return the events that a query finds."""
        reply = await self.ask(*pairs, team=team)
        assert reply.status == 200, reply.body
        events: list[Json] = reply.body
        return events

    async def problems(self) -> list[Problem]:
        """Return all problems, oldest first."""
        await self.reach()
        return await self.store.problems(ProblemFilter(tenant="default", now=self.now), Page(limit=100, order="asc"))
