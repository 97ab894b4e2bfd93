"""Feedback says who gave it: the name of the token; and takes the scope that writes."""

import json

from tests.access_server import TENANT, Sent, serving
from tests.cause_rows import PROBLEM_ID, event, problem


async def test_feedback_says_who_gave_it_and_only_who_may_write_gives_it() -> None:
    change = event(1, 60_000, tenant=TENANT)
    path, body = f"/v1/problems/{PROBLEM_ID}/causes/{change.id}/feedback", b'{"verdict": "confirmed"}'
    async with serving() as server:
        server.now = problem().start + 60_000
        server.store.put_event(change)
        server.store.put_problem(problem(tenant=TENANT))
        for scope, status in (("read", 403), ("ingest", 200)):
            headers = {"authorization": f"Bearer {await server.issue(scope, name='ann')}", "content-length": str(len(body))}
            reply = await server.send(Sent("PUT", path, "", body, headers | {"content-type": "application/json"}))
            assert reply.status == status, reply.body
        assert json.loads(reply.body)["causes"][0]["assessment"]["by"] == "ann"
