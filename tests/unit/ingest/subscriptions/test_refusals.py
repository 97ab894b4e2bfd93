"""What a subscription may not be, each with the member that is wrong."""

import base64
from typing import Any

import pytest

from causeline.schemas.web.errors import MAX_FIELD_ERRORS
from tests.subscriptions_memory import MINIMAL, TARGET, MemorySubscriptions

SLACK = {"type": "slack", "url": "https://hooks.slack.com/services/T0/B0/x"}
TOKEN = {"type": "slack", "slack_token": "xoxb-1234567890-abc", "slack_channel": "#ops"}


@pytest.fixture
def api() -> MemorySubscriptions:
    return MemorySubscriptions()


def short(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


REFUSED: list[tuple[dict[str, Any], set[str]]] = [
    ({"name": None}, {"name"}),
    ({"name": " "}, {"name"}),
    ({"name": 7}, {"name"}),
    ({"name": "x" * 201}, {"name"}),
    ({"filters": {}}, {"filters"}),
    ({"state": "disabled"}, {"state"}),
    ({"state": 1, "name": ""}, {"state", "name"}),
    ({"start_from": "2999-01-01T00:00:00Z"}, {"start_from"}),
    ({"start_from": "yesterday"}, {"start_from"}),
    ({"start_from": True}, {"start_from"}),
    ({"start_from": "-99999999999d"}, {"start_from"}),
    ({"groups": "ops"}, {"groups"}),
    ({"groups": ["ops", " "]}, {"groups"}),
    ({"filter": []}, {"filter"}),
    ({"filter": {"team": "x"}}, {"filter.team"}),
    ({"filter": {"project": "x"}}, {"filter.project"}),
    ({"filter": {"service": ""}}, {"filter.service"}),
    ({"filter": {"service": []}}, {"filter.service"}),
    ({"filter": {"service": ["a", 1]}}, {"filter.service"}),
    ({"filter": {"service": ["a"] * 101}}, {"filter.service"}),
    ({"filter": {"service": "x" * 4_097}}, {"filter.service"}),
    ({"filter": {"dialect": "smoke"}}, {"filter.dialect"}),
    ({"filter": {"stream": "deliveries"}}, {"filter.stream"}),
    ({"filter": {"transition": "exploded"}}, {"filter.transition"}),
    ({"filter": {"tag": "team"}}, {"filter.tag"}),
    ({"filter": {"tag": ":a"}}, {"filter.tag"}),
    ({"filter": {"q": "..."}}, {"filter.q"}),
    ({"filter": {"q": ["a"]}}, {"filter.q"}),
    ({"filter": {"status": "success", "stream": "problems"}}, {"filter.status"}),
    ({"filter": {"transition": "opened", "stream": ["events"]}}, {"filter.transition"}),
    ({"filter": {"status": "success", "stream": "causes"}}, {"filter.status"}),
    ({"filter": {"transition": "opened", "stream": ["events", "causes"]}}, {"filter.transition"}),
    ({"filter": {"verdict": "likely"}}, {"filter.verdict"}),
    ({"filter": {"verdict": "likely", "stream": ["events", "problems"]}}, {"filter.verdict"}),
    ({"filter": {"verdict": "certain", "stream": "causes"}}, {"filter.verdict"}),
    ({"filter": {"project": "shop", "stream": "causes"}}, {"filter.project"}),
    ({"filter": {"service": [f"{n:04}" + "x" * 4_000 for n in range(20)]}}, {"filter"}),
    ({"target": None}, {"target"}),
    ({"target": "https://example.test"}, {"target"}),
    ({"target": {}}, {"target.type"}),
    ({"target": {**TARGET, "type": "email"}}, {"target.type"}),
    ({"target": {**TARGET, "method": "PUT"}}, {"target.method"}),
    ({"target": {"type": "webhook"}}, {"target.url"}),
    ({"target": {**TARGET, "url": 1}}, {"target.url"}),
    ({"target": {**TARGET, "url": "http://hooks.example.test/"}}, {"target.url"}),
    ({"target": {**TARGET, "url": "https://127.0.0.1/"}}, {"target.url"}),
    ({"target": {**TARGET, "url": "https://hooks.slack.com/***"}}, {"target.url"}),
    ({"target": {**TARGET, "secret": "hunter2"}}, {"target.secret"}),
    ({"target": {**TARGET, "secret": "***"}}, {"target.secret"}),
    ({"target": {**TARGET, "secret": short(23)}}, {"target.secret"}),
    ({"target": {**TARGET, "secret": short(65)}}, {"target.secret"}),
    ({"target": {**TARGET, "template": "{{ open"}}, {"target.template"}),
    ({"target": {**TARGET, "template": "x" * 16_385}}, {"target.template"}),
    ({"target": {**TARGET, "headers": []}}, {"target.headers"}),
    ({"target": {**TARGET, "headers": {f"X-{n}": "v" for n in range(21)}}}, {"target.headers"}),
    ({"target": {**TARGET, "headers": {"x-a": "1", "X-A": "2"}}}, {"target.headers"}),
    ({"target": {**TARGET, "headers": {"X A": "1"}}}, {"target.headers.X A"}),
    ({"target": {**TARGET, "headers": {"X-A": "1\r\nX-B: 2"}}}, {"target.headers.X-A"}),
    ({"target": {**TARGET, "headers": {"X-A": "ü"}}}, {"target.headers.X-A"}),
    ({"target": {**TARGET, "headers": {"X-A": 1}}}, {"target.headers.X-A"}),
    ({"target": {**TARGET, "headers": {"X-A": "***"}}}, {"target.headers.X-A"}),
    ({"target": {**TARGET, "headers": {"Webhook-Id": "1"}}}, {"target.headers.Webhook-Id"}),
    ({"target": {**TARGET, "headers": {"Content-Type": "a/b"}}}, {"target.headers.Content-Type"}),
    ({"target": {**TARGET, "headers": {"User-Agent": "ours"}}}, {"target.headers.User-Agent"}),
    ({"target": {**TARGET, "headers": {"HOST": "x"}}}, {"target.headers.HOST"}),
    ({"target": {**TARGET, "headers": {"content-length": "1"}}}, {"target.headers.content-length"}),
    ({"target": {**TARGET, "slack_channel": "#ops"}}, {"target.slack_channel"}),
    ({"target": {"type": "slack"}}, {"target.url"}),
    ({"target": {**SLACK, **TOKEN}}, {"target.url"}),
    ({"target": {**TOKEN, "slack_channel": None}}, {"target.slack_channel"}),
    ({"target": {**TOKEN, "slack_token": "not a token"}}, {"target.slack_token"}),
    ({"target": {**TOKEN, "slack_icon": "x" * 513}}, {"target.slack_icon"}),
    ({"target": {**SLACK, "secret": short(32)}}, {"target.secret"}),
    ({"target": {**SLACK, "headers": {"X-A": "1"}}}, {"target.headers"}),
]


@pytest.mark.parametrize(("change", "fields"), REFUSED)
async def test_a_broken_rule_is_422_names_the_member_and_stores_nothing(
    api: MemorySubscriptions, change: dict[str, Any], fields: set[str]
) -> None:
    reply = await api.ask("POST", "", {**MINIMAL, **change})
    assert (reply.status, {error["field"] for error in reply.body["errors"]}) == (422, fields)
    assert not api.config.records
    assert not api.log.records()


@pytest.mark.parametrize("body", [b"", b"[]", b"nothing", b'{"name": NaN}', b'{"name": "a", "name": "b"}'])
async def test_what_is_no_json_object_is_400(api: MemorySubscriptions, body: bytes) -> None:
    assert (await api.ask("POST", "", body)).status == 400


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=x", "limit"),
        ("name=a", "name"),
        ("limit=1&limit=2", "limit"),
    ],
)
async def test_a_parameter_that_cannot_be_read_is_400_and_named(api: MemorySubscriptions, query: str, field: str) -> None:
    reply = await api.ask("GET", "", query=query)
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (400, [field])


async def test_a_caller_gives_no_group_that_it_is_not_in(api: MemorySubscriptions) -> None:
    reply = await api.ask("POST", "", {**MINIMAL, "groups": ["ops", "dev"]}, groups=("ops",))
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, ["groups"])


async def test_without_a_key_nothing_that_holds_a_secret_is_stored_and_the_setting_is_named() -> None:
    api = MemorySubscriptions(key="")
    reply = await api.ask("POST", "", MINIMAL)
    assert reply.status == 503
    assert "CAUSELINE_SECRETS_KEY" in reply.body["detail"]
    assert int(reply.headers["Retry-After"]) >= 1
    assert not api.config.records


async def test_what_an_operator_lists_may_be_private_and_by_http() -> None:
    api = MemorySubscriptions(allow="10.1.0.0/16,hooks.internal")
    for url in ("http://10.1.2.3:8080/x", "http://hooks.internal/x", "https://HOOKS.internal./x"):
        await api.make(target={"type": "webhook", "url": url})
    reply = await api.ask("POST", "", {**MINIMAL, "target": {"type": "webhook", "url": "http://10.2.0.1/"}})
    assert reply.status == 422


@pytest.mark.parametrize("around", [" ", "\r\n", "\ufeff", "\u00a0"])
async def test_what_is_around_a_url_is_left_out(api: MemorySubscriptions, around: str) -> None:
    for target in (TARGET, SLACK):
        subscription = await api.make(target={**target, "url": f"{around}{target['url']}{around}"})
        assert subscription["target"]["url"] == (await api.make(target=target))["target"]["url"]


async def test_many_wrong_members_are_named_as_far_as_anybody_reads(api: MemorySubscriptions) -> None:
    many = {f"x{number}": 1 for number in range(30_000)}
    for body in (many, {"filter": many}, {"target": TARGET | many}):
        reply = await api.ask("POST", "", {**MINIMAL, **body})
        assert (reply.status, 0 < len(reply.body["errors"]) <= MAX_FIELD_ERRORS) == (422, True)
