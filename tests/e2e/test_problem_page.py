"""The way of somebody at night, on a whole stack: from the address in a message to the change that did it, and back."""

from typing import Any
from urllib.parse import urljoin

import httpx

from tests import patience
from tests.e2e.stream_client import a_tenant
from tests.pages import Seen
from tests.stack import Stack


def post(http: httpx.Client, **fields: Any) -> str:
    answer = http.post("/v1/events", json={"title": "t", "service": "checkout", "environment": "production", **fields}).raise_for_status()
    identifier: str = answer.json()["id"]
    return identifier


def seen(answer: httpx.Response) -> Seen:
    return Seen(answer.status_code, answer.headers, answer.text)


def test_from_the_address_of_a_problem_to_its_cause_and_back(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, headers={"Causeline-Tenant": a_tenant()}, timeout=30) as http:
        http.put("/v1/services/checkout", json={"depends_on": ["payments"]}).raise_for_status()
        change = post(http, kind="deployment", title="checkout 1.4", changes=[{"field": "pool", "old": 50, "new": 5}])
        incident = post(http, kind="incident", status="open", title="checkout error rate", correlation_id="c")
        problem = http.get(f"/v1/problems/{incident}").raise_for_status().json()["id"]
        page = patience.asked(
            lambda: seen(http.get(f"/problems/{problem}")), lambda page: "deployment checkout 1.4" in [link.text for link in page.links]
        )
        assert page.status == 200
        assert "payments" in page.text, "what it calls has a lane, also where nothing changed there"
        event = seen(http.get(urljoin(stack.url, page.address("deployment checkout 1.4"))))
        assert "pool 50 5" in event.text
        back = event.address("Back to the problem")
        assert back == f"/problems/{problem}"
        said = http.post(f"{back}/feedback", data={"event": change, "verdict": "confirmed"}, headers={"Origin": stack.url})
        assert said.status_code == 303, said.text
        assert "Cause: deployment checkout 1.4" in seen(http.get(said.headers["Location"])).text
        post(http, kind="incident", status="closed", correlation_id="c")
        post(http, kind="incident", status="open", title="once more", correlation_id="c")
        patience.asked(lambda: seen(http.get(f"/problems/{problem}")), lambda page: "once more" in [link.text for link in page.links])
