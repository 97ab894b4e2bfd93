import msgspec
import pytest

from causeline.processors.workers.payload import event_type, json_body, notified_record, payload
from causeline.schemas.dialects.native.views import problem_view, view
from causeline.schemas.subscriptions.rules import Rule
from causeline.schemas.wire import codec
from tests.delivery_state import T0, attempt, event
from tests.unit.processors.workers.samples import problem

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


def test_a_test_tells_that_it_is_one() -> None:
    document = payload(notified_record(attempt("sub", 1, what="test", record=b"")), RULE, T0)
    assert (document["type"], document["timestamp"]) == ("test", "2026-05-28T20:26:40.000Z")


def test_a_record_that_cannot_be_read_is_said_so() -> None:
    with pytest.raises(codec.CodecError):
        notified_record(attempt("sub", 1, record=b"\x00\x00"))
