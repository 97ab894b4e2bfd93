"""Subscriptions as teams use them, on a whole stack: from `POST /v1/subscriptions` to what comes in, whichever API took it."""

import json
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.desk_samples import minimal
from tests.e2e.subscriber import SUBSCRIPTIONS, Team, told, types
from tests.stack import Stack

TRACKER = "/api/v1alpha1/event"
KIT = "/internal/create-event"
KIT_SET = "/api/v1/events/subscriptions/project/shop/"
FRESH = 20


def test_only_what_matches_comes_signed_by_the_secret_that_was_shown(team: Team) -> None:
    subscription = team.subscribe("shop", filter={"service": "shop", "kind": "deployment"})
    team.subscribe("all")
    team.tell("of the bank", service="bank")
    event_id = team.tell("of the shop", service="shop")
    team.until("all", 2)
    (delivery,) = team.until("shop", 1)
    assert delivery.headers["content-type"] == "application/json"
    payload = Webhook(subscription["target"]["secret"]).verify(delivery.body, dict(delivery.headers))
    assert (payload["type"], payload["version"], payload["subscription"]) == (
        "event.created",
        1,
        {"id": subscription["id"], "name": "shop"},
    )
    assert payload["data"] == team.asked("GET", f"/v1/events/{event_id}")
    assert payload["timestamp"] == payload["data"]["ts"]
    with pytest.raises(WebhookVerificationError):
        Webhook(subscription["target"]["secret"]).verify(delivery.body + b" ", dict(delivery.headers))


def test_after_a_rotation_the_old_and_the_new_secret_verify_what_is_told_at_once(team: Team) -> None:
    subscription = team.subscribe("hook")
    rotated = team.asked("POST", f"{SUBSCRIPTIONS}/{subscription['id']}/rotate-secret", {})
    team.tell("after the rotation")
    (delivery,) = team.until("hook", 1)
    old, new = subscription["target"]["secret"], rotated["target"]["secret"]
    assert old != new
    for secret in (old, new):
        assert Webhook(secret).verify(delivery.body, dict(delivery.headers))["type"] == "event.created"


def test_a_problem_of_tracker_is_told_as_it_opens_and_closes(team: Team) -> None:
    team.subscribe("problems", filter={"stream": "problems"})
    incident = {"title": "DB down", "attributes": {"type": "incident", "status": "open", "service": "db", "priority": "P1"}}
    event = team.asked("POST", TRACKER, incident)
    end = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    team.asked("PUT", TRACKER, {"id": event["id"], "attributes": {"status": "close", "endDate": end}})
    opened, closed = (told(each) for each in team.until("problems", 2))
    assert [opened["type"], closed["type"]] == ["problem.opened", "problem.closed"]
    assert [opened["data"]["state"], closed["data"]["state"]] == ["open", "closed"]
    assert opened["data"]["id"] == closed["data"]["id"]
    assert (opened["data"]["end"], closed["data"]["version"]) == (None, 2)
    view = team.asked("GET", f"/v1/problems/{closed['data']['id']}")
    assert {name: view[name] for name in closed["data"]} == closed["data"]
    for payload in (opened, closed):
        assert payload["timestamp"] == payload["data"]["at"]


def test_a_problem_of_the_native_api_is_told_with_the_events_that_spoke_of_it(team: Team) -> None:
    team.subscribe("all")
    incident = {"kind": "incident", "service": "pay", "correlation_id": "pay-1"}
    team.tell("Payments fail", status="open", **incident)
    team.tell("Payments work", status="closed", **incident)
    deliveries = team.until("all", 4)
    assert sorted(types(deliveries)) == ["event.created", "event.created", "problem.closed", "problem.opened"]
    assert [kind for kind in types(deliveries) if kind.startswith("problem")] == ["problem.opened", "problem.closed"]


def test_a_push_of_desk_is_told_as_a_problem_and_its_refreshes_to_whoever_names_them(team: Team) -> None:
    team.subscribe("unnamed", filter={"stream": "problems"})
    team.subscribe("named", filter={"stream": "problems", "transition": ["opened", "refreshed"]})
    first = minimal("PERFORMANCE_EVENT", start=..., timeoutMinutes=5)
    desk = f"/e/{team.tenant}/api/v1/events"
    team.asked("POST", desk, first)
    team.asked("POST", desk, {**first, "timeoutMinutes": 6})  # another timeout is a refresh that is published at once
    assert types(team.until("named", 2)) == ["problem.opened", "problem.refreshed"]
    assert types(team.until("unnamed", 1)) == ["problem.opened"]


def test_a_project_of_escapekit_is_told_by_webhook_and_slack_until_its_set_is_empty(team: Team) -> None:
    slack = {"type": "slack", "url": team.url("slack"), "slack_icon": ":ship:", "slack_username": "kit"}
    team.asked("PUT", KIT_SET, [{"type": "webhook", "url": team.url("kit")}, slack])
    team.subscribe("all", filter={"dialect": "escapekit"})
    shop = {"type": "CREATE_STATE_DEPLOYMENT", "state_project": "shop", "state_environment": "prod", "state_deployment": "web"}
    team.asked("POST", KIT, {**shop, "state_project": "other"}, 201)
    team.asked("POST", KIT, shop, 201)
    (payload,) = (told(each) for each in team.until("kit", 1))
    assert (payload["type"], payload["data"]["raw"]["state_project"]) == ("event.created", "shop")
    (message,) = (told(each) for each in team.until("slack", 1))
    assert (message["username"], message["icon_emoji"]) == ("kit", ":ship:")
    assert message["blocks"][0]["type"] == "header"
    assert message["text"]

    team.asked("PUT", KIT_SET, [])
    team.asked("POST", KIT, {**shop, "state_deployment": "db"}, 201)
    team.until("all", 3)
    assert [len(team.receiver.requests(team.path(name))) for name in ("kit", "slack")] == [1, 1]


def test_a_template_makes_the_body(team: Team) -> None:
    template = '{"said": {{ (data.title ~ " of " ~ data.service) | tojson }}}'
    team.subscribe("hook", target={"template": template, "headers": {"X-Team": "shop"}})
    team.tell('the "big" one', service="shop")
    (delivery,) = team.until("hook", 1)
    assert json.loads(delivery.body) == {"said": 'the "big" one of shop'}
    assert (delivery.headers["content-type"], delivery.headers["x-team"]) == ("application/json", "shop")


def test_a_test_comes_under_the_id_that_was_answered(team: Team) -> None:
    subscription = team.subscribe("hook", filter={"service": "nobody"})
    answer = team.asked("POST", f"{SUBSCRIPTIONS}/{subscription['id']}/test", status=202)
    (delivery,) = team.until("hook", 1)
    assert (delivery.webhook_id, told(delivery)["type"]) == (answer["delivery_id"], "test")
    assert (
        Webhook(subscription["target"]["secret"]).verify(delivery.body, dict(delivery.headers))["subscription"]["id"] == subscription["id"]
    )


def test_tenants_are_told_of_their_own_events_alone(stack: Stack, team: Team) -> None:
    other = Team(stack, team.receiver)
    with other.http:
        for each in (team, other):
            each.subscribe("all")
        for number in range(10):
            team.tell(f"ours {number}")
            other.tell(f"theirs {number}")
        for each in (team, other):
            each.until("all", 10)
        assert sorted(team.titles("all")) == [f"ours {number}" for number in range(10)]
        assert sorted(other.titles("all")) == [f"theirs {number}" for number in range(10)]


def test_an_event_right_after_a_subscription_was_answered_is_told(team: Team) -> None:
    for number in range(FRESH):
        team.subscribe(f"fresh-{number}", filter={"service": f"s{number}"})
        team.tell(f"first of {number}", service=f"s{number}")
    for number in range(FRESH):
        team.until(f"fresh-{number}", 1)
        assert team.titles(f"fresh-{number}") == [f"first of {number}"]
