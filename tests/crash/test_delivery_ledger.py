"""The judge of the delivery runs would see it, and the receiver answers as badly as it is told."""

import json
import random
from collections.abc import Iterator, Sequence

import httpx
import pytest

from tests.crash.delivery_ledger import Account, Told, account, ids_disagree, table, told_by
from tests.receiver import OK, Behaviour, Cut, Drip, Hang, Received, Receiver, Status, in_turn, receiving

A1, A2, A3, B1, P1 = (Told("event", "a", 1), Told("event", "a", 2), Told("event", "a", 3), Told("event", "b", 1), Told("problem", "a", 1))
SENT = [A1, A2, A3, B1, P1]


def judged(*receipts: Told) -> Account:
    return account(SENT, receipts)


def test_all_of_it_once_and_in_order_holds() -> None:
    assert judged(A1, B1, A2, P1, A3) == Account(5, 5, 0, [], [], [])
    assert judged(A1, B1, A2, P1, A3).holds


@pytest.mark.parametrize(
    ("receipts", "expected"),
    [
        pytest.param([A1, A2, B1, P1], Account(5, 4, 0, [A3], [], []), id="a newest version that never came is lost"),
        pytest.param([A1, A3, B1, P1], Account(5, 4, 0, [A2], [], []), id="a version between others that never came is lost"),
        pytest.param([], Account(5, 0, 0, sorted(SENT), [], []), id="an endpoint that got nothing has lost all"),
        pytest.param([A2, A1, A3, B1, P1], Account(5, 5, 0, [], [A1], []), id="a swapped pair is out of order"),
        pytest.param([A1, A3, A2, B1, P1], Account(5, 5, 0, [], [A2], []), id="a later swapped pair too"),
        pytest.param([A1, A2, A3, B1, P1, Told("event", "c", 1)], Account(5, 5, 0, [], [], [Told("event", "c", 1)]), id="nobody sent it"),
    ],
)
def test_what_is_lost_out_of_order_or_never_sent_is_found(receipts: list[Told], expected: Account) -> None:
    found = judged(*receipts)
    assert (found, found.holds) == (expected, False)


def test_what_comes_again_is_counted_and_breaks_no_order() -> None:
    found = judged(A1, A2, A1, A3, A2, A2, B1, P1)
    assert (found.more_than_once, found.holds) == (3, True)


def test_an_event_and_a_problem_of_one_id_have_an_order_each() -> None:
    assert judged(A1, A2, P1, A3, B1).holds


def test_any_shuffle_that_keeps_each_entity_in_order_holds_and_every_swap_within_one_is_found() -> None:
    rng = random.Random(3)
    for _ in range(200):
        lives = [[Told("event", f"e{n}", version) for version in range(1, 5)] for n in range(4)]
        sent = [told for life in lives for told in life]
        order: list[Told] = []
        while any(lives):
            order.append(rng.choice([life for life in lives if life]).pop(0))
        assert account(sent, order).holds
        entity = rng.choice(order).entity
        first, second = rng.sample([at for at, told in enumerate(order) if told.entity == entity], 2)
        order[first], order[second] = order[second], order[first]
        assert account(sent, order).out_of_order


def test_the_table_has_a_row_a_fault() -> None:
    lines = table([("kill -9 of deliver", judged(A1, A1, B1), 3.21)])
    assert lines[1].split() == ["kill", "-9", "of", "deliver", "5", "2", "1", "3", "0", "3.2"]


def webhook(webhook_id: str, kind: str, entity: str, version: int) -> Received:
    body = json.dumps({"type": kind, "data": {"id": entity, "version": version}}).encode()
    return Received("/", {"webhook-id": webhook_id}, body, 0.0, 200)


def test_a_webhook_tells_what_its_payload_says() -> None:
    assert told_by(webhook("m", "problem.opened", "p", 1)) == Told("problem", "p", 1)


def test_an_id_belongs_to_one_delivery_and_a_delivery_to_one_id() -> None:
    first, other = webhook("m1", "event.created", "a", 1), webhook("m2", "event.updated", "a", 2)
    assert ids_disagree([first, first._replace(at=9.0), other]) == []
    assert ids_disagree([first, webhook("m1", "event.updated", "a", 2)]) == ["m1"]
    assert ids_disagree([first, webhook("m3", "event.created", "a", 1)]) == ["m1", "m3"]
    assert ids_disagree([webhook("", "event.created", "a", 1)]) == [""]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def post(receiver: Receiver, path: str, body: bytes = b"x", *, timeout: float = 5.0) -> httpx.Response:
    return httpx.post(receiver.url(path), content=body, headers={"Webhook-Id": "m1"}, timeout=timeout)


def test_requests_are_noted_in_order_with_their_ids_bodies_and_answers(receiver: Receiver) -> None:
    receiver.answer("/a", Status(500, body=b"oops"), OK)
    with httpx.Client() as http:  # one connection for all of them
        answers = [http.post(receiver.url(path), content=body, headers={"Webhook-Id": "m1"}) for path, body in (("/a", b"1"), ("/a", b"2"))]
    post(receiver, "/b?x=1", bytes(range(256)) * 1_000)
    assert [(answer.status_code, answer.content) for answer in answers] == [(500, b"oops"), (200, b"")]
    found = receiver.requests()
    assert [(each.path, each.body[:1], each.status, each.webhook_id) for each in found] == [
        ("/a", b"1", 500, "m1"),
        ("/a", b"2", 200, "m1"),
        ("/b", b"\x00", 200, "m1"),
    ]
    assert [each.body for each in receiver.taken_requests("/a")] == [b"2"]
    assert len(found[2].body) == 256_000
    assert [each.at for each in found] == sorted(each.at for each in found)


@pytest.mark.parametrize(
    ("status", "headers"), [(410, {}), (429, {"Retry-After": "2"}), (302, {"Location": "http://127.0.0.1:1/"}), (307, {"Location": "/b"})]
)
def test_an_answer_is_given_as_it_was_told(receiver: Receiver, status: int, headers: dict[str, str]) -> None:
    receiver.answer("/a", *in_turn(Status(status, headers), 2))
    answers = [post(receiver, "/a") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [status, status, 200]
    assert all(answers[0].headers[name] == value for name, value in headers.items())


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [(Hang(), httpx.ReadTimeout), (Cut(), httpx.RemoteProtocolError)],
)
def test_what_never_answers_is_noted_as_not_taken(receiver: Receiver, behaviour: Behaviour, error: type[Exception]) -> None:
    receiver.answer("/a", *in_turn(behaviour, 1))
    with pytest.raises(error):
        post(receiver, "/a", timeout=0.3)
    assert post(receiver, "/a").status_code == 200
    assert [each.status for each in receiver.requests("/a")] == [0, 200]


def test_a_dripping_answer_never_ends(receiver: Receiver) -> None:
    receiver.answer("/a", Drip(0.01))
    with httpx.stream("POST", receiver.url("/a"), content=b"x", timeout=5) as answer:
        pieces = answer.iter_raw()
        assert [next(pieces)[:1] for _ in range(5)] == [b"."] * 5
    assert receiver.taken_requests() == []


def test_while_it_is_down_callers_are_refused_and_what_it_knew_stays(receiver: Receiver) -> None:
    post(receiver, "/a")
    port = receiver.port
    receiver.answer("/hang", Hang())
    with receiver.away(), pytest.raises(httpx.ConnectError):
        post(receiver, "/a")
    assert (post(receiver, "/a").status_code, receiver.port, len(receiver.taken_requests())) == (200, port, 2)


def test_behaviours_belong_to_their_path(receiver: Receiver) -> None:
    told: Sequence[Behaviour] = in_turn(Status(503), 1)
    receiver.answer("/a", *told)
    assert [post(receiver, path).status_code for path in ("/b", "/a", "/a")] == [200, 503, 200]
