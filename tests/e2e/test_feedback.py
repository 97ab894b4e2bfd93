"""What people say of a cause, on a whole stack: in the answer, in the next read, and in effects; and what a rollback says by itself."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from tests import patience
from tests.e2e.stream_client import a_tenant
from tests.stack import Stack

UNKNOWN_ID: Final = "00000000-0000-7000-8000-000000000000"


def post(http: httpx.Client, **fields: Any) -> Any:
    return http.post("/v1/events", json={"kind": "deployment", "title": "t", **fields}).raise_for_status().json()


def problem_of(http: httpx.Client, incident: Any) -> Any:
    """Return the problem that an event opened, read by its id: that waits for the rows, a list only a moment."""
    return http.get(f"/v1/problems/{incident['id']}").raise_for_status().json()


def test_what_is_said_stands_in_the_answer_in_the_next_read_and_in_effects(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": a_tenant()}, timeout=30) as http:
        suspect, innocent = post(http, service="checkout"), post(http, service="search")
        build = post(http, kind="build", service="checkout")
        problem = problem_of(http, post(http, kind="incident", status="open", service="checkout", title="Checkout answers slowly"))
        path = f"/v1/problems/{problem['id']}/causes"
        assert patience.asked(lambda: http.get(path).json()["causes"])[0]["event"]["id"] == suspect["id"]
        for event, verdict in ((innocent, "confirmed"), (suspect, "rejected"), (build, "rejected")):
            answer = http.put(f"{path}/{event['id']}/feedback", json={"verdict": verdict, "note": "ö"}).raise_for_status().json()
        assert answer["verdict"] == "likely"
        assert [cause["feedback"] for cause in answer["causes"]] == ["confirmed", "rejected", "rejected"]
        assert answer["causes"][0]["event"]["id"] == innocent["id"]
        assert http.get(path).json()["causes"] == answer["causes"]
        (effect,) = http.get(f"/v1/events/{innocent['id']}/effects").raise_for_status().json()["effects"]
        assert (effect["problem"]["id"], effect["probability"], effect["assessment"]["note"]) == (
            problem["id"],
            answer["causes"][0]["probability"],
            "ö",
        )
        none = http.put(f"{path}/none/feedback", json={"verdict": "confirmed"}).raise_for_status().json()
        assert none["verdict"] == "none"
        for target in (innocent["id"], suspect["id"], build["id"], "none"):
            answer = http.delete(f"{path}/{target}/feedback").raise_for_status().json()
        assert [cause["feedback"] for cause in answer["causes"]] == [None, None]
        assert http.put(f"{path}/{UNKNOWN_ID}/feedback", json={"verdict": "confirmed"}).status_code == 404


def test_a_rollback_that_ended_a_problem_says_what_its_cause_was(stack: Stack) -> None:
    start = datetime.now(UTC) - timedelta(hours=1)

    def at(minutes: int) -> str:
        return (start + timedelta(minutes=minutes)).isoformat()

    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": a_tenant()}, timeout=30) as http:
        suspect, culprit = post(http, service="checkout", ts=at(-10)), post(http, service="pool", ts=at(-90))
        incident = post(http, kind="incident", status="open", service="checkout", correlation_id="c", ts=at(0))
        post(http, service="pool", related_id=culprit["id"], title="Roll back the pool", ts=at(20))
        post(http, kind="incident", status="closed", correlation_id="c", ts=at(25))
        problem = patience.asked(lambda: problem_of(http, incident), lambda answer: answer["state"] == "closed")
        ranking = http.get(f"/v1/problems/{problem['id']}/causes").raise_for_status().json()
        assert [(cause["event"]["id"], cause["feedback"]) for cause in ranking["causes"]] == [
            (culprit["id"], "implied"),
            (suspect["id"], None),
        ]
        assert ranking["verdict"] == "likely"
