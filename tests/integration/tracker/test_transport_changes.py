"""What Tracker's calls change and refuse to change, over REST (profile `released`) and over gRPC: both say the same."""

import pytest

from tests.tracker_server import Json
from tests.tracker_transports import INVALID, NOT_FOUND, UNAVAILABLE, OverGrpc, Refused, Transport, event_of

FULL: Json = {
    "title": "Deploy user-service v2.1.0",
    "slackId": "C1.p2",
    "attributes": {
        "message": "Deployed via GitHub Actions",
        "source": "github_actions",
        "type": "deployment",
        "priority": "P2",
        "relatedId": "parent",
        "service": "user-service",
        "status": "in_progress",
        "environment": "UAT",
        "impact": True,
        "startDate": "2024-01-15T10:00:00Z",
        "endDate": "2024-01-15T10:05:00Z",
        "owner": "platform-team",
        "stakeHolders": ["backend-team", "ops-team"],
        "notification": True,
        "notifications": ["slack", "email"],
    },
    "links": {"pullRequestLink": "https://x/1", "ticket": "PROJ-456"},
}


async def test_an_event_comes_back_as_it_was_sent(api: Transport) -> None:
    event = event_of(await api.create(FULL))
    assert {key: event[key] for key in ("title", "attributes", "links")} == {key: FULL[key] for key in ("title", "attributes", "links")}
    assert event["metadata"] == {**event["metadata"], "createdAt": "2024-01-15T12:00:01.000Z"[:19] + event["metadata"]["createdAt"][19:]}
    assert (event["metadata"]["duration"], event["metadata"]["slackId"]) == ("300s", "C1.p2")
    assert event_of(await api.get(event["metadata"]["id"])) == event


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ({"type": 5}, "rpa_usage"),
        ({"type": "2"}, "operation"),
        ({"priority": 1}, "P1"),
        ({"status": 2}, "failure"),
        ({"status": 4}, "warning"),
        ({"status": 9}, "open"),
        ({"status": "14"}, "waiting_approval"),
        ({"environment": 3}, "TNR"),
        ({"environment": "7"}, "production"),
        ({"impact": True}, True),
    ],
)
async def test_numbers_are_those_of_the_released_proto(api: Transport, sent: Json, name: object) -> None:
    event = event_of(await api.create({"title": "t", "attributes": sent}))
    assert event["attributes"] == dict.fromkeys(sent, name)


async def test_both_spellings_of_a_field_are_read(api: Transport) -> None:
    body = {"title": "t", "slack_id": "S", "attributes": {"related_id": "r", "stake_holders": ["a"]}, "links": {"pull_request_link": "p"}}
    event = event_of(await api.create(body))
    assert event["attributes"] == {"relatedId": "r", "stakeHolders": ["a"]}
    assert (event["links"], event["metadata"]["slackId"]) == ({"pullRequestLink": "p"}, "S")


async def test_an_update_changes_what_it_names_and_is_told_in_the_changelog(api: Transport) -> None:
    event = event_of(await api.create(FULL))
    event_id = event["metadata"]["id"]
    changed = event_of(await api.update({"id": event_id, "attributes": {"status": "success"}, "links": {"ticket": "T-2"}}))
    assert changed["attributes"] == {**FULL["attributes"], "status": "success"}
    assert changed["links"] == {**FULL["links"], "ticket": "T-2"}
    entries = [(entry["changeType"], entry["field"], entry["oldValue"], entry["newValue"]) for entry in changed["changelog"]]
    assert entries == [("status_changed", "status", "in_progress", "success"), ("linked", "ticket", "PROJ-456", "T-2")]
    assert event_of(await api.get(event_id)) == changed


async def test_a_slack_id_is_a_second_name(api: Transport) -> None:
    event = event_of(await api.create(FULL))
    assert event_of(await api.get("C1.p2")) == event
    changed = event_of(await api.update({"slackId": "C1.p2", "title": "u"}))
    assert (changed["title"], changed["metadata"]["id"]) == ("u", event["metadata"]["id"])
    again = event_of(await api.update({"id": event["metadata"]["id"], "slackId": "C2"}))
    assert again["metadata"]["slackId"] == "C2"
    with pytest.raises(Refused):
        await api.get("C1.p2")
    assert await api.delete("C2") == {"id": event["metadata"]["id"], "slackId": "C2"}
    for reference in ("C2", event["metadata"]["id"]):
        with pytest.raises(Refused) as refused:
            await api.get(reference)
        assert refused.value.code == NOT_FOUND


async def test_an_event_that_is_read_and_sent_back_whole_with_another_title_changed_its_title(api: Transport) -> None:
    event = event_of(await api.create(FULL))
    body = {"id": event["metadata"]["id"], "slackId": event["metadata"]["slackId"], **event, "title": "u"}
    names = ("id", "slackId", "title", "attributes", "links") if isinstance(api, OverGrpc) else tuple(body)
    changed = event_of(await api.update({name: body[name] for name in names}))
    assert [(entry["field"], entry["oldValue"], entry["newValue"]) for entry in changed["changelog"]] == [("title", FULL["title"], "u")]
    assert {key: value for key, value in changed.items() if key not in ("title", "changelog")} == {
        key: value for key, value in event.items() if key not in ("title", "changelog")
    }


async def test_a_slack_id_is_given(api: Transport) -> None:
    event_id = event_of(await api.create({"title": "t"}))["metadata"]["id"]
    event = event_of(await api.name_slack(event_id, "C9"))
    assert event["metadata"]["slackId"] == "C9"
    assert [(entry["changeType"], entry["field"], entry["newValue"]) for entry in event["changelog"]] == [("linked", "slackId", "C9")]
    assert event_of(await api.get("C9")) == event
    assert event_of(await api.name_slack("C9", "C10"))["metadata"]["slackId"] == "C10"
    for slack_id in ("", "a\nb"):
        with pytest.raises(Refused, match="slackId") as refused:
            await api.name_slack(event_id, slack_id)
        assert refused.value.code == INVALID


async def test_an_entry_is_added_to_the_changelog(api: Transport) -> None:
    event_id = event_of(await api.create({"title": "t"}))["metadata"]["id"]
    await api.update({"id": event_id, "title": "u"})
    entry = {"user": "ops", "changeType": "approved", "field": "f", "oldValue": "a", "newValue": "b", "comment": "é"}
    added = event_of(await api.add_entry(event_id, {**entry, "timestamp": "2024-01-15T10:00:00Z"}))
    assert added["changelog"][1:] == [{**entry, "timestamp": "2024-01-15T10:00:00Z"}]
    await api.add_entry(event_id, {"comment": "seen"})
    await api.add_entry(event_id, {"change_type": 8})
    log = await api.changelog(event_id, {})
    assert [one["changeType"] for one in log["changelog"]] == ["updated", "approved", "commented", "locked"]
    assert (log["changelog"][2]["comment"], log["totalCount"]) == ("seen", 4)
    assert log["changelog"][2]["timestamp"].startswith("2024-01-15T12:00:0")
    page = await api.changelog(event_id, {"per_page": 1, "page": 2})
    assert (page["changelog"], page["totalCount"]) == ([log["changelog"][1]], 4)
    assert await api.changelog(event_id, {"per_page": 1, "page": 9}) == {"totalCount": 4}
    assert (await api.get(event_id))["event"]["title"] == "u"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (None, "entry"),
        ({"change_type": 99}, "entry.changeType"),
        ({"comment": "x" * 601}, "entry.comment"),
        ({"user": "x" * 101}, "entry.user"),
        ({"field": "x" * 101}, "entry.field"),
        ({"oldValue": "x" * 201}, "entry.oldValue"),
        ({"newValue": "x" * 201}, "entry.newValue"),
        ({"timestamp": "2300-01-01T00:00:00Z"}, "entry.timestamp"),
    ],
    ids=str,
)
async def test_an_entry_that_breaks_a_rule_is_refused(api: Transport, entry: Json | None, words: str) -> None:
    event_id = event_of(await api.create({"title": "t"}))["metadata"]["id"]
    with pytest.raises(Refused, match=words) as refused:
        await api.add_entry(event_id, entry)
    assert refused.value.code == INVALID
    assert await api.changelog(event_id, {}) == {}


@pytest.mark.parametrize(
    ("call", "body", "code", "words"),
    [
        ("create", {}, INVALID, "title"),
        ("create", {"title": " "}, INVALID, "title"),
        ("create", {"title": "a\x00b"}, INVALID, "NUL"),
        ("create", {"title": "t", "attributes": {"type": 99}}, INVALID, "attributes.type"),
        ("create", {"title": "t", "attributes": {"status": 15}}, INVALID, "attributes.status"),
        ("create", {"title": "t", "slackId": "a\nb"}, INVALID, "slackId"),
        (
            "create",
            {"title": "t", "attributes": {"startDate": "2024-01-02T00:00:00Z", "endDate": "2024-01-01T00:00:00Z"}},
            INVALID,
            "endDate",
        ),
        ("create", {"title": "t", "attributes": {"startDate": "2300-01-01T00:00:00Z"}}, INVALID, "startDate"),
        ("update", {"title": "t"}, INVALID, "id"),
        ("update", {"id": "507f1f77bcf86cd799439011", "title": "t"}, NOT_FOUND, "507f1f77bcf86cd799439011"),
        ("update", {"slackId": "S", "title": "t"}, NOT_FOUND, "S"),
    ],
    ids=str,
)
async def test_what_breaks_a_rule_is_refused_and_stores_nothing(api: Transport, call: str, body: Json, code: int, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        await getattr(api, call)(body)
    assert refused.value.code == code
    assert api.tracker.log.records() == []


async def test_the_tenant_and_the_key_travel_beside_the_message(api: Transport) -> None:
    first = event_of(await api.create({"title": "t"}, causeline_tenant="u", idempotency_key="k"))
    again = event_of(await api.create({"title": "t"}, causeline_tenant="u", idempotency_key="k"))
    assert first["metadata"]["id"] == again["metadata"]["id"]
    assert (await api.many("List", {}, causeline_tenant="u"))["totalCount"] == 1
    assert await api.many("List", {}) == {}
    with pytest.raises(Refused) as refused:
        await api.get(first["metadata"]["id"])
    assert refused.value.code == NOT_FOUND
    with pytest.raises(Refused, match="Causeline-Tenant") as refused:
        await api.create({"title": "t"}, causeline_tenant="a b")
    assert refused.value.code == INVALID


async def test_a_log_that_is_away_is_unavailable(api: Transport) -> None:
    api.tracker.log.away = True
    with pytest.raises(Refused) as refused:
        await api.create({"title": "t"})
    assert refused.value.code == UNAVAILABLE
