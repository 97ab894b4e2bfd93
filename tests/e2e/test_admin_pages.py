"""The way of who sets up a stack, by pages alone: an endpoint by a form, a test that arrives, an event by hand, figures of the server."""

import httpx

from tests import patience
from tests.e2e.subscriber import Team, types
from tests.pages import Seen


def test_an_endpoint_is_made_tried_and_told_by_forms(team: Team) -> None:
    def visit(address: str) -> Seen:
        answer = team.http.get(address)
        return Seen(answer.status_code, answer.headers, answer.text)

    def press(address: str, **fields: str) -> httpx.Response:
        return team.http.post(address, data=fields, headers={"Origin": team.stack.url})

    typed = {"name": "by hand", "stream.events": "on", "target.type": "webhook", "target.url": team.url("hand")}
    refusal = press("/subscriptions", **{**typed, "filter.kind": "deployment", "target.url": "http://10.0.0.1/"})
    assert (refusal.status_code, "target.url" in refusal.text) == (422, True)
    made = press("/subscriptions", **typed, **{"filter.kind": "deployment"})
    assert made.status_code == 201, made.text
    address = Seen(201, made.headers, made.text).address("I have it")
    test = press(f"{address}/test")
    delivery = visit(test.headers["Location"]).address("its delivery")
    event = press("/events/new", kind="deployment", title="checkout 1.4", tags="region=eu").headers["Location"]
    assert "checkout 1.4" in visit(event).text
    assert types(team.until("hand", 2)) == ["test", "event.created"]
    assert "delivered test, 1 attempt" in patience.asked(lambda: visit(delivery), lambda page: page.status == 200).text
    patience.asked(lambda: visit(address).text, lambda text: "2: 2 delivered" in text)
    inside = patience.asked(lambda: visit("/inside"), lambda page: len(page.all("svg")) == 3)
    assert "broker is ready" in inside.text
    assert "processors" in inside.text
