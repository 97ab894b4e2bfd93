"""What DORA asks of events, from where clients of each API put it: commits, service, environment, tags, and incidents that are over.

The table in `docs/apis/README.md` says the same.
"""

import json
from collections.abc import Callable
from itertools import count
from typing import Any, Final

import msgspec
import pytest

from causeline.ingest.bodies.items import One
from causeline.ingest.dialects.apitraffic import writes as apitraffic
from causeline.ingest.dialects.cto_ai import writes as cto_ai
from causeline.ingest.dialects.desk import writes as desk
from causeline.ingest.dialects.desk.body import DeskRules
from causeline.ingest.dialects.native import writes as native
from causeline.ingest.dialects.tracker import writes as tracker
from causeline.schemas.dialects.native.views import view
from causeline.schemas.records.event import Event
from causeline.schemas.records.ingest import IngestRecord
from causeline.schemas.values import ids
from causeline.schemas.values.commits import MAX_COMMITS
from causeline.schemas.values.times import ms_of, rfc3339
from causeline.schemas.web.errors import Invalid
from causeline.schemas.wire.codec import decode_record
from tests.partition_log import HOUR, MINUTE, Partition, decoded

NOW: Final = ms_of("2026-11-28T12:00:00Z")
START: Final = NOW - 2 * HOUR
END: Final = NOW - HOUR
MADE: Final = NOW - 5 * HOUR
LISTED: Final[list[Any]] = ["sha-1", {"id": "sha-2", "time": rfc3339(MADE)}]
_NUMBERS = count()


def new_id(ts: int) -> str:
    return ids.uuid7(ts, next(_NUMBERS).to_bytes(10))


def by_native(**members: Any) -> IngestRecord:
    body = {"kind": "deployment", "title": "t", **members}
    return native.record_one(One(json.dumps(body).encode()), native.ItemArrival("acme", NOW, new_id), "").record


def by_cto_ai(**members: Any) -> IngestRecord:
    body = {"team_id": "team", "event_name": "deployment", "event_action": "succeeded", "repo": "shop/checkout", **members}
    return cto_ai.create(json.dumps(body).encode(), tenant="acme", key="", now=NOW, new_id=new_id).record


def by_tracker(**attributes: Any) -> IngestRecord:
    body = {"title": "t", "attributes": {"type": 1, **attributes}}
    return tracker.create(json.dumps(body).encode(), tenant="acme", key="", now=NOW, new_id=new_id).record


def by_apitraffic(*, type: str = "deployment", environmentSids: Any = None, times: Any = None, **metadata: Any) -> IngestRecord:  # noqa: A002, N803
    body = {"type": type, "name": "n", "environmentSids": environmentSids, "metadata": metadata, **(times or {})}
    return apitraffic.create(json.dumps(body).encode(), tenant="acc_1", key="", now=NOW, new_id=new_id).record


def by_desk(*, attach: Any = None, **properties: Any) -> IngestRecord:
    body = {
        "eventType": "CUSTOM_DEPLOYMENT",
        "source": "ci",
        "deploymentName": "deploy-4711",
        "deploymentVersion": "1.4",
        "attachRules": attach or {"entityIds": ["HOST-1"]},
        "customProperties": properties,
    }
    push = desk.read_push(json.dumps(body).encode(), "acme", NOW, DeskRules())
    return desk.store(push, new_id, "").records[0]


Send = Callable[..., IngestRecord]
SENDERS: Final[dict[str, Send]] = {
    "native": by_native,
    "cto_ai": by_cto_ai,
    "tracker": by_tracker,
    "apitraffic": by_apitraffic,
    "desk": by_desk,
}
FREE: Final = ("cto_ai", "tracker", "apitraffic", "desk")
TAGGED: Final = ("cto_ai", "apitraffic", "desk")


def stored(record: IngestRecord) -> Event:
    return decode_record(record.event, Event)


@pytest.mark.parametrize("api", SENDERS)
def test_commits_and_their_times_reach_the_columns(api: str) -> None:
    event = stored(SENDERS[api](commits=LISTED))
    assert (event.commits, event.commit_times) == (["sha-1", "sha-2"], [0, MADE])
    assert view(event)["commits"] == LISTED
    assert not [name for name in event.tags if name.startswith("commits")]


@pytest.mark.parametrize("api", SENDERS)
def test_no_commits_are_none(api: str) -> None:
    nothing: list[dict[str, Any]] = [{}, {"commits": []}, {"commits": None}]
    for none in nothing:
        event = stored(SENDERS[api](**none))
        assert (event.commits, event.commit_times) == ([], [])


@pytest.mark.parametrize(
    "wrong", ["sha", 7, {"id": "a"}, ["a", 7], [""], [{"time": 1}], ["a"] * (MAX_COMMITS + 1)], ids=lambda v: repr(v)[:20]
)
@pytest.mark.parametrize("api", FREE)
def test_where_anything_may_stand_what_is_no_list_of_commits_is_kept_and_is_none(api: str, wrong: Any) -> None:
    event = stored(SENDERS[api](commits=wrong))
    assert (event.commits, event.commit_times) == ([], [])
    assert json.dumps(wrong, separators=(",", ":")) in event.raw.replace(" ", "")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ("sha", "commits"),
        ({"id": "a"}, "commits"),
        (["a"] * (MAX_COMMITS + 1), "commits"),
        (["a", 7], "commits[1]"),
        (["a", "b", ""], "commits[2]"),
        ([{"id": "x" * 201}], "commits[0]"),
        ([{"id": "a", "time": "soon"}], "commits[0]"),
        ([{"id": "a", "time": 1_700_000_000}], "commits[0]"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_in_the_native_api_they_are_a_field_and_what_is_wrong_is_refused_by_name(wrong: Any, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        by_native(commits=wrong)
    assert [error.field for error in refusal.value.fields] == [field]


def test_a_long_list_of_commits_leaves_room_for_other_tags() -> None:
    event = stored(by_apitraffic(commits=[{"id": f"sha-{n}", "time": rfc3339(MADE)} for n in range(MAX_COMMITS)], rollback=True))
    assert len(event.commits) == MAX_COMMITS
    assert event.tags == {"rollback": "true"}


def test_a_patch_of_tracker_keeps_commits_that_it_does_not_name_and_replaces_those_that_it_names() -> None:
    event = stored(by_tracker(commits=LISTED))
    for attributes, expected in (({}, ["sha-1", "sha-2"]), ({"commits": ["sha-3"]}, ["sha-3"]), ({"commits": None}, [])):
        patch = tracker.update_of(json.dumps({"id": event.id, "attributes": {"owner": "o", **attributes}}).encode()).patch
        after = tracker.update(patch, event, key="", now=NOW, record_id=new_id(NOW)).event
        assert (after.commits, len(after.commit_times)) == (expected, len(expected))


def test_a_patch_of_apitraffic_replaces_commits_with_the_metadata_that_they_lie_in() -> None:
    event = stored(by_apitraffic(commits=LISTED, service="checkout"))
    for body, expected in (({"name": "m"}, ["sha-1", "sha-2"]), ({"metadata": {"commits": ["c"]}}, ["c"]), ({"metadata": {}}, [])):
        after = apitraffic.update(apitraffic.patch_of(json.dumps(body).encode()), event, key="", now=NOW, record_id=new_id(NOW)).event
        assert (after.commits, len(after.commit_times)) == (expected, len(expected))


@pytest.mark.parametrize("api", TAGGED)
def test_what_marks_a_deployment_reaches_its_tags(api: str) -> None:
    marks = {"deployment_id": "d-7", "rollback": True, "hotfix": "yes", "status": "failed"}
    tags = stored(SENDERS[api](**marks)).tags
    assert {name: tags.get(name) for name in marks} == {"deployment_id": "d-7", "rollback": "true", "hotfix": "yes", "status": "failed"}


def test_in_the_native_api_marks_are_tags() -> None:
    assert stored(by_native(tags={"deployment_id": "d-7", "rollback": True})).tags == {"deployment_id": "d-7", "rollback": "true"}


def test_tracker_marks_deployments_by_their_title_and_what_they_relate_to() -> None:
    event = stored(by_tracker(relatedId="before", rollback=True))
    assert (event.title, event.related_id, event.tags) == ("t", "before", {})


TAG_RULE: Final = {"tagRule": [{"meTypes": ["SERVICE"], "tags": [{"context": "CONTEXTLESS", "key": "service", "value": "tagged"}]}]}


@pytest.mark.parametrize(
    ("record", "service"),
    [
        (by_native(service="checkout"), "checkout"),
        (by_cto_ai(service="checkout"), "checkout"),
        (by_cto_ai(), "shop/checkout"),
        (by_cto_ai(service=None), "shop/checkout"),
        (by_tracker(service="checkout"), "checkout"),
        (by_apitraffic(service="checkout"), "checkout"),
        (by_apitraffic(), ""),
        (by_desk(service="checkout"), "checkout"),
        (by_desk(service="checkout", attach=TAG_RULE), "tagged"),
        (by_desk(), "deploy-4711"),
        (by_desk(service=7), "deploy-4711"),
    ],
)
def test_the_service_is_where_the_api_has_it(record: IngestRecord, service: str) -> None:
    assert stored(record).service == service


def test_a_problem_of_desk_is_of_the_service_that_it_is_attached_to() -> None:
    for entity, service in (("SERVICE-1", "SERVICE-1"), ("HOST-1", "")):
        body = {"eventType": "ERROR_EVENT", "source": "s", "title": "t", "description": "d", "attachRules": {"entityIds": [entity]}}
        push = desk.read_push(json.dumps(body).encode(), "acme", NOW, DeskRules())
        assert stored(desk.store(push, new_id, "").records[0]).service == service


@pytest.mark.parametrize(
    ("record", "environment"),
    [
        (by_native(environment="prod"), "prod"),
        (by_cto_ai(environment="prod"), "prod"),
        (by_cto_ai(), ""),
        (by_tracker(environment="production"), "production"),
        (by_apitraffic(environmentSids=["env_1"]), "env_1"),
        (by_apitraffic(environmentSids=["*"]), ""),
        (by_apitraffic(), ""),
        (by_desk(environment="prod"), "prod"),
        (by_desk(), ""),
    ],
)
def test_the_environment_is_where_the_api_has_it_and_else_none(record: IngestRecord, environment: str) -> None:
    assert stored(record).environment == environment


OVER: Final[dict[str, IngestRecord]] = {
    "native, closed": by_native(kind="incident", status="closed", start=START, end=END),
    "native, with an end alone": by_native(kind="incident", start=START, end=END),
    "native, closed under a name": by_native(kind="incident", status="closed", start=START, end=END, correlation_id="c"),
    "tracker, closed": by_tracker(type=4, status="close", startDate=rfc3339(START), endDate=rfc3339(END)),
    "tracker, done": by_tracker(type=4, status="done", startDate=rfc3339(START), endDate=rfc3339(END)),
    "tracker, with an end alone": by_tracker(type=4, startDate=rfc3339(START), endDate=rfc3339(END)),
    "apitraffic": by_apitraffic(type="incident", times={"startedAt": rfc3339(START), "endedAt": rfc3339(END)}),
}


def spans(*records: IngestRecord) -> list[tuple[str, int, int | None]]:
    """Return state, start and end of the problems that come of records, as they were published last."""
    partition = Partition()
    for record in records:
        partition.feed(record)
    newest = {problem.id: problem for problem in decoded(partition.out).problems}
    return [(problem.state, problem.start, problem.end) for problem in newest.values()]


@pytest.mark.parametrize("name", OVER)
def test_an_incident_that_arrives_ended_is_a_problem_from_its_start_to_its_end(name: str) -> None:
    assert spans(OVER[name]) == [("closed", START, END)]


def test_a_problem_ends_where_its_api_says() -> None:
    opened = by_native(kind="incident", status="open", correlation_id="c", ts=START, start=START)
    assert spans(opened, by_native(kind="incident", status="closed", correlation_id="c", ts=END)) == [("closed", START, END)]
    named = by_native(kind="incident", status="closed", correlation_id="c", ts=NOW, end=END)
    assert spans(opened, named) == [("closed", START, END)]
    incident = by_cto_ai(event_name="incident", event_action="initiated", timestamp=START)
    resolved = by_cto_ai(event_name="incident", event_action="succeeded", timestamp=END)
    assert spans(incident, resolved) == [("closed", START, END)]


@pytest.mark.parametrize(
    ("attributes", "end"),
    [({"status": "close", "endDate": rfc3339(END)}, END), ({"status": "close"}, NOW + MINUTE)],
    ids=["endDate", "update"],
)
def test_a_problem_of_tracker_ends_at_its_end_date_and_else_when_it_was_updated(attributes: dict[str, Any], end: int) -> None:
    opened = by_tracker(type=4, status="open", startDate=rfc3339(START))
    patch = tracker.update_of(json.dumps({"id": opened.id, "attributes": attributes}).encode()).patch
    closing = tracker.update(patch, stored(opened), key="", now=NOW + MINUTE, record_id=new_id(NOW)).record
    assert spans(opened, closing) == [("closed", START, end)]


def test_a_problem_of_apitraffic_ends_at_the_end_that_a_patch_names() -> None:
    opened = by_apitraffic(type="incident", times={"startedAt": rfc3339(START)})
    patch = apitraffic.patch_of(msgspec.json.encode({"endedAt": rfc3339(END)}))
    closing = apitraffic.update(patch, stored(opened), key="", now=NOW, record_id=new_id(NOW)).record
    assert spans(opened, closing) == [("closed", START, END)]
