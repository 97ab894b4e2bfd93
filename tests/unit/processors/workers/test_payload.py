import msgspec
import pytest

from causeline.processors.workers.cause_summaries import summarize
from causeline.processors.workers.payload import event_type, json_body, notified_record, payload
from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native.causes_http import routes as causes_routes
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.query_api.ui.routes import ALL_PAGES
from causeline.schemas.dialects.native.cause_views import snapshot_view
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.problem import Transition
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.topology.topology import Topology
from causeline.schemas.web.page_addresses import EVENT_PAGE, PROBLEM_PAGE
from causeline.schemas.wire import codec
from tests.delivery_state import T0, attempt, event
from tests.revisions import a_cause, a_revision
from tests.unit.processors.workers.samples import problem


async def no_topology(_: str) -> Topology:
    return Topology()


RULE = Rule(id="sub", tenant="t", revision=1, name="Shop", created_at=T0)


@pytest.mark.parametrize(
    ("columns", "expected"),
    [({}, "event.created"), ({"version": 2}, "event.updated"), ({"version": 2, "is_deleted": True}, "event.deleted")],
)
def test_the_type_says_what_happened_to_an_event(columns: dict[str, object], expected: str) -> None:
    assert event_type(event(1, **columns)) == expected


def test_the_data_of_an_event_is_what_the_native_api_shows() -> None:
    about = event(1, raw='{"a": 1.0}', tags={"x": "y"})
    body = json_body(payload(about, RULE, T0))
    document = msgspec.json.decode(body)
    assert document["data"] == msgspec.json.decode(msgspec.json.encode(view(about)))
    assert b'{"a": 1.0}' in body
    assert {name: document[name] for name in ("type", "version", "timestamp", "subscription")} == {
        "type": "event.created",
        "version": 1,
        "timestamp": "2026-05-28T20:26:40.000Z",
        "subscription": {"id": "sub", "name": "Shop"},
    }


def test_the_data_of_a_problem_is_what_the_native_api_shows() -> None:
    document = payload(problem("closed"), RULE, T0)
    assert document["type"] == "problem.closed"
    assert document["data"] == problem_view(problem("closed"))
    assert document["data"]["transition"] == "closed"


def test_a_problem_tells_its_verdict_and_three_causes_with_the_reason_that_weighs_most() -> None:
    causes = [a_cause(1), a_cause(2, reasons=[]), a_cause(3, feedback="rejected"), a_cause(4), a_cause(5)]
    document = payload(problem("opened"), RULE, T0, summarize(a_revision(causes=causes, revision=2)))
    told = document["causes"]
    assert {name: told[name] for name in told if name != "causes"} == {"verdict": "likely", "none_probability": 0.08, "revision": 2}
    assert [cause["event_id"] for cause in told["causes"]] == ["event-1", "event-2", "event-4"]
    assert told["causes"][0] == {
        "event_id": "event-1",
        "kind": "deployment",
        "title": "checkout 1.41.0",
        "service": "checkout",
        "probability": 0.71,
        "offset_seconds": -240.0,
        "reason": "finished 4 min before the problem began",
        "feedback": "",
    }
    assert told["causes"][1]["reason"] == ""


@pytest.mark.parametrize("transition", ["opened", "reopened", "refreshed", "closed", "timed_out"])
def test_a_problem_whose_causes_are_not_known_says_so_and_where_to_ask(transition: Transition) -> None:
    document = payload(problem(transition), RULE, T0, address="https://causeline.example")
    assert document["causes"] is None
    assert document["causes_url"] == "https://causeline.example/v1/problems/problem%2F1/causes"
    known = payload(problem(transition), RULE, T0, summarize(a_revision()), "https://causeline.example")
    assert known["causes_url"] == document["causes_url"], "what is known now may be another ranking later"


def test_where_to_ask_for_causes_is_a_route_of_the_server_and_none_of_a_problem_that_is_gone() -> None:
    store = MemoryEventStore()
    reader = Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0))
    patterns = {route.path for route in causes_routes(reader, CauseReader(reader, no_topology))}
    url = payload(problem("opened", id="ID"), RULE, T0)["causes_url"]
    assert url.replace("ID", "{id}") in patterns
    assert payload(problem("deleted", is_deleted=True), RULE, T0)["causes_url"] is None


def test_what_is_told_names_the_page_on_which_people_read_of_it() -> None:
    pages = {page.path for page in ALL_PAGES}
    assert {EVENT_PAGE, PROBLEM_PAGE} <= pages
    assert payload(event(1), RULE, T0)["url"] == EVENT_PAGE.replace("{id}", "event-1")
    assert payload(problem("opened", id="ID"), RULE, T0)["url"] == PROBLEM_PAGE.replace("{id}", "ID")
    server = "https://causeline.example"
    assert payload(a_revision(id="x/1"), RULE, T0, address=server)["url"] == f"{server}/problems/x%2F1"
    assert payload(problem("deleted", is_deleted=True), RULE, T0)["url"] is None
    assert payload(event(1, is_deleted=True), RULE, T0)["url"] is None
    assert "url" not in payload(None, RULE, T0)


def test_what_is_told_of_causes_is_the_ranking_without_whole_events() -> None:
    revision = a_revision(verdict="possible", causes=[a_cause(), a_cause(2, feedback="confirmed")], end=T0 + 5_000, occasion="changes")
    about = notified_record(attempt("sub", 1, what="causes", record=codec.encode_record(revision)))
    document = msgspec.json.decode(json_body(payload(about, RULE, T0)))
    assert (document["type"], document["timestamp"], document["version"]) == ("causes.possible", "2026-05-28T20:26:41.000Z", 1)
    data = document["data"]
    assert {name: data[name] for name in ("verdict", "none_probability", "revision", "occasion", "candidates", "provisional")} == {
        "verdict": "possible",
        "none_probability": 0.08,
        "revision": 1,
        "occasion": "changes",
        "candidates": 31,
        "provisional": True,
    }
    assert (data["computed_at"], data["as_of"]) == ("2026-05-28T20:26:41.000Z", "2026-05-28T20:26:40.500Z")
    assert {name: data["problem"][name] for name in ("id", "title", "start", "end", "service", "environment")} == {
        "id": "problem/1",
        "title": "Checkout is slow",
        "start": "2026-05-28T20:26:40.000Z",
        "end": "2026-05-28T20:26:45.000Z",
        "service": "checkout",
        "environment": "prod",
    }
    first, second = data["causes"]
    assert (first["feedback"], second["feedback"]) == (None, "confirmed")
    assert first["event"]["title"] == "checkout 1.41.0"
    assert [reason["feature"] for reason in first["reasons"]] == ["scope", "time", "surprise"]


def test_nothing_of_a_ranking_is_left_out() -> None:
    view = snapshot_view(a_revision())
    shown = set(view) | {"problem_version" if name == "version" else name for name in view["problem"]}
    assert shown - {"problem"} == set(CauseRevision.__struct_fields__) - {"is_deleted"}


def test_a_test_tells_that_it_is_one() -> None:
    document = payload(notified_record(attempt("sub", 1, what="test", record=b"")), RULE, T0)
    assert (document["type"], document["timestamp"]) == ("test", "2026-05-28T20:26:40.000Z")


def test_a_record_that_cannot_be_read_is_said_so() -> None:
    with pytest.raises(codec.CodecError):
        notified_record(attempt("sub", 1, record=b"\x00\x00"))
