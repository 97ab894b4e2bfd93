"""A subscription's life: made, shown, changed, tested, its secret rotated, ended; and what processors are told of it."""

import json
from typing import Any

import pytest

from causeline.ingest.subscriptions.subscribing import MAX_SUBSCRIPTIONS
from causeline.schemas.records import delivery_work
from causeline.schemas.records.config import HOOKS, SUBSCRIPTIONS
from causeline.schemas.records.delivery import Health, HealthState
from causeline.schemas.subscriptions.rules import Filter, Subscription, gone_in, held_in, hook_key
from causeline.schemas.wire.partitioning import partition_of
from tests.desk_samples import NOW
from tests.subscriptions_memory import MINIMAL, PATH, TARGET, MemorySubscriptions

FULL_FILTER: dict[str, Any] = {
    "stream": ["events"],
    "dialect": ["native", "desk"],
    "kind": ["deployment"],
    "status": ["failure"],
    "service": ["shop"],
    "environment": ["prod"],
    "priority": ["P1"],
    "entity": ["HOST-1"],
    "tag": ["region:eu", "url:http://x"],
    "q": "rolled back",
}
SLACK = {"type": "slack", "slack_token": "xoxb-1234567890-abc", "slack_channel": "#ops", "slack_icon": ":ship:"}


@pytest.fixture
def api() -> MemorySubscriptions:
    return MemorySubscriptions()


def stored(api: MemorySubscriptions, subscription_id: str, tenant: str = "t") -> Subscription:
    value = api.config.view.get(HOOKS, hook_key(tenant, subscription_id))
    assert value is not None
    (subscription,) = held_in(HOOKS, value)
    return subscription


async def test_a_new_subscription_is_shown_with_its_secret_once_and_told_to_every_partition(api: MemorySubscriptions) -> None:
    reply = await api.ask("POST", "", MINIMAL)
    assert reply.status == 201
    subscription = reply.body
    assert reply.headers["Location"] == f"{PATH}/{subscription['id']}"
    assert subscription["target"]["secret"].startswith("whsec_")
    rule = stored(api, subscription["id"]).rule
    assert api.told_rules() == [[rule]] * 4
    assert (rule.tenant, rule.revision, rule.groups, rule.created_at, rule.where) == ("t", 1, None, NOW, Filter())
    view = await api.get(f"/{subscription['id']}")
    assert view == {**subscription, "target": {**subscription["target"], "secret": "***"}}
    assert view["target"]["url"] == "https://hooks.example.test/in"


async def test_every_filter_is_kept_and_shown_as_it_was_sent(api: MemorySubscriptions) -> None:
    subscription = await api.make(filter=FULL_FILTER)
    assert subscription["filter"] == FULL_FILTER
    where = api.last_told().where
    assert where == Filter(
        followed=("events",),
        dialects=("native", "desk"),
        kinds=("deployment",),
        statuses=("failure",),
        services=("shop",),
        environments=("prod",),
        priorities=("P1",),
        entities=("HOST-1",),
        tags=(("region", "eu"), ("url", "http://x")),
        words="rolled back",
    )


async def test_causes_are_followed_by_who_names_them(api: MemorySubscriptions) -> None:
    everything = {"stream": ["events", "problems", "causes"], "transition": ["opened"], "verdict": ["likely", "possible"]}
    assert (await api.make(filter=everything))["filter"] == everything
    assert (await api.make(filter={"stream": "causes", "verdict": "none"}))["filter"] == {"stream": ["causes"], "verdict": ["none"]}
    assert (await api.make(filter={}))["filter"] == {}


async def test_one_value_is_a_list_of_one_and_both_streams_are_none(api: MemorySubscriptions) -> None:
    subscription = await api.make(filter={"service": "shop", "stream": ["problems", "events"], "transition": "opened", "kind": None})
    assert subscription["filter"] == {"service": ["shop"], "transition": ["opened"]}


@pytest.mark.parametrize(
    ("said", "start"),
    [("-2h", NOW - 7_200_000), ("now-1d", NOW - 86_400_000), ("2023-01-01T01:00:00+01:00", 1_672_531_200_000), (7, 7), (None, None)],
)
async def test_it_may_begin_in_the_past(api: MemorySubscriptions, said: object, start: int | None) -> None:
    await api.make(start_from=said)
    assert api.last_told().start_from == start


async def test_a_repeat_under_one_key_answers_the_same_and_makes_nothing(api: MemorySubscriptions) -> None:
    first = await api.make(key="k")
    records = len(api.config.records)
    assert await api.make(key="k") == first
    assert len(api.config.records) == records
    assert (await api.make(key="k", tenant="u"))["id"] != first["id"]
    other = await api.ask("POST", "", {**MINIMAL, "name": "other"}, key="k")
    assert (other.status, other.body["errors"][0]["field"]) == (422, "Idempotency-Key")
    await api.ask("DELETE", f"/{first['id']}")
    assert (await api.ask("POST", "", MINIMAL, key="k")).status == 422


async def test_a_repeat_tells_again_what_the_first_time_could_not(api: MemorySubscriptions) -> None:
    api.log.away = True
    assert (await api.ask("POST", "", MINIMAL, key="k")).status == 503
    api.log.away = False
    assert not api.log.records()
    subscription = await api.make(key="k")
    assert api.last_told() == stored(api, subscription["id"]).rule


async def test_a_change_is_a_merge_patch_and_the_next_revision(api: MemorySubscriptions) -> None:
    subscription = await api.make(
        filter={"service": "shop", "kind": ["deployment"]}, target={**TARGET, "headers": {"X-A": "a", "X-B": "b"}}
    )
    patch = {
        "name": "n",
        "filter": {"kind": None, "environment": "prod"},
        "target": {"headers": {"X-A": None, "X-C": "c"}},
        "state": "paused",
    }
    reply = await api.ask("PATCH", f"/{subscription['id']}", patch)
    assert reply.status == 200, reply.body
    view = reply.body
    assert (view["revision"], view["name"], view["state"]) == (2, "n", "paused")
    assert view["filter"] == {"service": ["shop"], "environment": ["prod"]}
    assert view["target"]["headers"] == {"X-B": "***", "X-C": "***"}
    assert view["target"]["url"] == subscription["target"]["url"]
    now = stored(api, subscription["id"])
    assert api.last_told() == now.rule
    opened = {name: api.subscribing.unseal(value) for name, value in now.target.headers.items()}
    assert opened == {"X-B": "b", "X-C": "c"}
    assert api.subscribing.unseal(now.target.url) == TARGET["url"]
    assert api.subscribing.unseal(now.target.keys[0].secret) == subscription["target"]["secret"]


async def test_what_an_operator_does_not_list_any_more_can_still_be_paused() -> None:
    before, after = MemorySubscriptions(allow="127.0.0.1"), MemorySubscriptions()
    subscription = await before.make(target={"type": "webhook", "url": "http://127.0.0.1:9/x"})
    after.config.records.extend(before.config.records)
    assert (await after.ask("PATCH", f"/{subscription['id']}", {"state": "paused"})).body["state"] == "paused"
    reply = await after.ask("PATCH", f"/{subscription['id']}", {"target": {"headers": {"X-A": "a"}}})
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, ["target.url"])


async def test_a_tenant_has_at_most_so_many_and_those_that_ended_do_not_count(api: MemorySubscriptions) -> None:
    first = await api.make()
    value = api.config.view.get(HOOKS, hook_key("t", first["id"]))
    assert value is not None
    for number in range(MAX_SUBSCRIPTIONS - 1):
        await api.config.put(HOOKS, hook_key("t", str(number)), value)
    refused = await api.ask("POST", "", MINIMAL)
    assert (refused.status, str(MAX_SUBSCRIPTIONS) in refused.body["detail"]) == (422, True)
    await api.make(tenant="u")
    assert (await api.ask("DELETE", f"/{first['id']}")).status == 204
    await api.make()


async def test_activating_is_a_revision_of_its_own(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    assert (await api.ask("PATCH", f"/{subscription['id']}", {"state": "active"})).body["revision"] == 2
    assert (api.last_told().revision, api.last_told().state) == (2, "active")


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"start_from": "-2h"}, "start_from"),
        ({"target": {"secret": "whsec_" + "A" * 44}}, "target.secret"),
        ({"target": {"type": "slack"}}, "target.type"),
        ({"target": {"url": "http://169.254.169.254/"}}, "target.url"),
        ({"target": {"headers": {"X-A": "***"}}}, "target.headers.X-A"),
        ({"target": None}, "target"),
        ({"name": None}, "name"),
        ({"filter": {"nothing": 1}}, "filter.nothing"),
        ({"health": {}}, "health"),
    ],
)
async def test_a_change_that_breaks_a_rule_changes_nothing(api: MemorySubscriptions, patch: dict[str, Any], field: str) -> None:
    subscription = await api.make(target={**TARGET, "headers": {"X-A": "a"}})
    reply = await api.ask("PATCH", f"/{subscription['id']}", patch)
    assert reply.status == 422
    assert field in {error["field"] for error in reply.body["errors"]}
    assert stored(api, subscription["id"]).rule.revision == 1


async def test_a_deleted_one_is_told_as_gone_and_is_not_there(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    reply = await api.ask("DELETE", f"/{subscription['id']}")
    assert (reply.status, reply.body) == (204, None)
    assert (api.last_told().gone, api.last_told().revision) == (True, 2)
    assert (await api.ask("GET", f"/{subscription['id']}")).status == 404
    assert (await api.ask("DELETE", f"/{subscription['id']}")).status == 404
    assert (await api.get(""))["subscriptions"] == []
    value = api.config.view.get(HOOKS, hook_key("t", subscription["id"]))
    assert value is not None
    assert held_in(HOOKS, value) == []
    assert [ended.rule for ended in gone_in(value)] == [api.last_told()]


async def test_a_test_is_a_notification_to_this_subscription_alone(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    reply = await api.ask("POST", f"/{subscription['id']}/test", key="k")
    assert reply.status == 202
    (record,) = api.records("notify")
    notification = delivery_work.decode_message(record.event)
    assert isinstance(notification, delivery_work.Notification)
    assert (notification.subscriptions, notification.what, notification.record) == ((subscription["id"],), "test", b"")
    assert reply.body == {"delivery_id": delivery_work.delivery_id(subscription["id"], "test", notification.entity, notification.version)}
    assert (await api.ask("POST", f"/{subscription['id']}/test", key="k")).body == reply.body
    own = partition_of(subscription["id"].encode(), 4)
    assert [len(partition) for partition in api.log.partitions] == [3 if number == own else 1 for number in range(4)]


async def test_a_rotated_secret_is_shown_once_and_the_old_one_signs_for_a_while(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    reply = await api.ask("POST", f"/{subscription['id']}/rotate-secret", {"keep_for": "1h"})
    assert reply.status == 200
    assert reply.body["target"]["secret"] not in ("***", subscription["target"]["secret"])
    now = stored(api, subscription["id"])
    assert [(api.subscribing.unseal(key.secret), key.until) for key in now.target.keys] == [
        (reply.body["target"]["secret"], None),
        (subscription["target"]["secret"], NOW + 3_600_000),
    ]
    assert (now.rule.revision, api.last_told().revision) == (2, 2)
    assert (await api.get(f"/{subscription['id']}"))["target"]["secret"] == "***"
    api.now += 3_600_000
    again = await api.ask("POST", f"/{subscription['id']}/rotate-secret", b"")
    assert [key.until for key in stored(api, subscription["id"]).target.keys] == [None, api.now + 86_400_000]
    assert again.body["revision"] == 3


@pytest.mark.parametrize(
    ("body", "field"),
    [({"keep_for": "8d"}, "keep_for"), ({"keep_for": "soon"}, "keep_for"), ({"secret": "x"}, "secret"), ({"until": "1h"}, "until")],
)
async def test_a_rotation_that_breaks_a_rule_is_422(api: MemorySubscriptions, body: dict[str, Any], field: str) -> None:
    subscription = await api.make()
    reply = await api.ask("POST", f"/{subscription['id']}/rotate-secret", body)
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, [field])


async def test_slack_is_not_signed(api: MemorySubscriptions) -> None:
    subscription = await api.make(target=SLACK)
    assert subscription["target"] == {**SLACK, "slack_token": "***"}
    assert (await api.ask("POST", f"/{subscription['id']}/rotate-secret", {})).status == 422


async def test_another_tenants_subscription_is_not_there(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    one = f"/{subscription['id']}"
    for method, path, body in (
        ("GET", one, b""),
        ("PATCH", one, {"name": "x"}),
        ("DELETE", one, b""),
        ("POST", f"{one}/test", b""),
        ("POST", f"{one}/rotate-secret", {}),
    ):
        assert (await api.ask(method, path, body, tenant="u")).status == 404
    assert (await api.get("", tenant="u"))["subscriptions"] == []
    assert stored(api, subscription["id"]).rule.revision == 1


async def test_it_is_seen_by_who_may_see_all_that_it_tells(api: MemorySubscriptions) -> None:
    everything, ops, nothing = [(await api.make(groups=groups))["id"] for groups in (None, ["ops"], [])]
    for groups, visible in ((None, {everything, ops, nothing}), (("ops", "dev"), {ops, nothing}), (("dev",), {nothing}), ((), {nothing})):
        assert {one["id"] for one in (await api.get("", groups=groups))["subscriptions"]} == visible
        for subscription_id in (everything, ops, nothing):
            status = (await api.ask("GET", f"/{subscription_id}", groups=groups)).status
            assert (status == 200) == (subscription_id in visible)


async def test_pages_neither_repeat_nor_skip(api: MemorySubscriptions) -> None:
    ids = sorted([(await api.make(name=f"n{n}"))["id"] for n in range(5)])
    cursor: str | None = ""
    listed_ids, pages = [], 0
    while cursor is not None:
        page = await api.get("", f"limit=2&cursor={cursor}")
        listed_ids += [one["id"] for one in page["subscriptions"]]
        cursor, pages = page["next_cursor"], pages + 1
    assert (listed_ids, pages) == (ids, 3)


async def test_health_is_what_the_processors_said_last_and_null_before(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    before = (await api.get(f"/{subscription['id']}"))["health"]
    assert {name for name, value in before.items() if value is not None} == {"state"}
    assert before["state"] == "active"
    health = Health(
        id=subscription["id"], tenant="t", revision=1, state="disabled", why="410", waiting=7, failed=3, last_attempt=NOW, at=NOW
    )
    api.health.put(subscription["id"], health)
    view = (await api.get(f"/{subscription['id']}"))["health"]
    assert set(view) == set(before)
    assert (view["state"], view["why"], view["waiting"], view["failed"], view["last_success"]) == ("disabled", "410", 7, 3, None)
    assert view["last_attempt"].endswith("Z")


async def test_the_list_is_narrowed_by_the_state_now(api: MemorySubscriptions) -> None:
    active, paused, disabled = [await api.make(state=state) for state in ("active", "paused", "active")]
    for one in (active, paused, disabled):
        state: HealthState = "disabled" if one is disabled else "active"
        api.health.put(one["id"], Health(id=one["id"], tenant="t", revision=1, state=state, at=NOW))
    for state, expected in (("active", active), ("paused", paused), ("disabled", disabled)):
        assert [one["id"] for one in (await api.get("", f"state={state}"))["subscriptions"]] == [expected["id"]]
    await api.ask("PATCH", f"/{disabled['id']}", {"state": "active"})  # the processors have not said anything of this revision yet
    assert (await api.get("", "state=disabled"))["subscriptions"] == []


async def test_what_is_not_durable_is_no_success(api: MemorySubscriptions) -> None:
    subscription = await api.make()
    api.config.away = True
    for method, path, body in (
        ("POST", "", MINIMAL),
        ("PATCH", f"/{subscription['id']}", {"name": "x"}),
        ("DELETE", f"/{subscription['id']}", b""),
    ):
        assert (await api.ask(method, path, body)).status == 503
    api.config.away = False
    assert await api.get(f"/{subscription['id']}") == {**subscription, "target": {**subscription["target"], "secret": "***"}}


SECRETS = {"token": "t0ps3cret", "header": "Bearer s3cr3t-h3ader", "slack": "xoxb-1234567890-abc", "hook": "B0SECRETPATH"}


async def test_secrets_are_in_no_answer_no_log_line_no_rule_and_not_in_the_configuration(
    api: MemorySubscriptions, capfd: pytest.CaptureFixture[str]
) -> None:
    webhook = await api.make(target={**TARGET, "headers": {"Authorization": SECRETS["header"]}}, key="k")
    hook = await api.make(target={"type": "slack", "url": f"https://hooks.slack.com/services/{SECRETS['hook']}"})
    token = await api.make(target=SLACK)
    answers = [await api.get("")]
    for one in (webhook, hook, token):
        answers.append(await api.get(f"/{one['id']}"))
        answers.append((await api.ask("PATCH", f"/{one['id']}", {"name": "changed"})).body)
        answers.append((await api.ask("POST", f"/{one['id']}/test")).body)
    await api.ask("DELETE", f"/{token['id']}")
    output = capfd.readouterr()
    places = {
        "answers": json.dumps([answers, {**webhook, "target": {**webhook["target"], "secret": ""}}, hook, token]),
        "logs": output.out + output.err,
        "config": repr(api.config.records),
        "log": repr(api.log.partitions),
    }
    for place, text in places.items():
        for name, secret in (*SECRETS.items(), ("signing", webhook["target"]["secret"])):
            assert secret not in text, (place, name)


async def test_hidden_headers_do_not_move_to_another_host(api: MemorySubscriptions) -> None:
    subscription = await api.make(target={**TARGET, "headers": {"authorization": "Bearer s3cr3t", "x-team": "shop"}})
    place, elsewhere = f"/{subscription['id']}", "https://elsewhere.example.test/in"
    refused = await api.ask("PATCH", place, {"target": {"url": elsewhere, "headers": {"x-team": "web"}}})
    assert refused.status == 422
    assert "target.headers.authorization" in json.dumps(refused.body)
    assert stored(api, subscription["id"]).rule.revision == 1
    for headers in ({"authorization": "Bearer other", "x-team": None}, None):
        assert (await api.ask("PATCH", place, {"target": {"url": elsewhere, "headers": headers}})).status == 200
    target = {"url": "https://elsewhere.example.test/other"}
    assert (await api.ask("PATCH", place, {"target": {**target, "headers": {"authorization": "Bearer other"}}})).status == 200
    assert (await api.ask("PATCH", place, {"target": {"url": elsewhere}})).status == 200  # the same host
    assert api.subscribing.unseal(stored(api, subscription["id"]).target.headers["authorization"]) == "Bearer other"


@pytest.mark.parametrize(
    "broken", [{"rule": {"id": 7}}, {"rule": "x"}, {"target": {}}, {"rule": {"id": "a"}, "target": {}, "updated_at": "x"}]
)
async def test_a_subscription_that_cannot_be_read_hides_no_other(api: MemorySubscriptions, broken: dict[str, Any]) -> None:
    subscription = await api.make()
    await api.config.put(HOOKS, hook_key("t", "broken"), broken)
    await api.config.put(SUBSCRIPTIONS, "t/shop", {"hooks": [broken]})
    await api.config.put(SUBSCRIPTIONS, "t/other", {"hooks": "x"})
    assert [one["id"] for one in (await api.get(""))["subscriptions"]] == [subscription["id"]]
    assert (await api.get(f"/{subscription['id']}"))["id"] == subscription["id"]
    for path in ("/broken", "/a", "/none"):
        assert (await api.ask("GET", path)).status == 404
