"""What an answer means, how long an attempt may take, and what a failure costs a job."""

import time

import pytest
from causeline_ci.attempts import Delivered, Rejection, Undelivered, WireAnswer, attempt_event, judge_answer
from causeline_ci.settings import ClientSettings
from causeline_ci.spool import SpoolRecord

from tests.ci_client import TOKEN
from tests.ci_server import CiServer

RECORD = SpoolRecord("key", {"kind": "build", "title": "one"})
BOUND_S = 20.0
"""Far more than the time of an attempt, and far less than for ever: a slow machine must not fail here."""


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        *((status, Delivered) for status in (200, 201, 204)),
        *((status, Undelivered) for status in (0, 301, 302, 307, 401, 403, 408, 429, 500, 503)),
        *((status, Rejection) for status in (400, 404, 409, 413, 415, 422)),
    ],
)
def test_the_status_says_where_an_event_goes(status: int, outcome: type) -> None:
    assert type(judge_answer(WireAnswer(status, "{}", is_json=True))) is outcome


@pytest.mark.parametrize("status", [200, 201, 400, 404, 502])
def test_what_is_not_json_was_said_by_something_between(status: int) -> None:
    assert isinstance(judge_answer(WireAnswer(status, "<html>", is_json=False)), Undelivered)


@pytest.mark.parametrize("behaviour", ["hang", "drip"])
def test_an_attempt_ends_at_its_time_also_where_a_server_drips(behaviour: str, server: CiServer) -> None:
    server.expect([behaviour])
    begin = time.monotonic()
    outcome = attempt_event(ClientSettings(url=server.url), RECORD, 0.5)
    assert isinstance(outcome, Undelivered)
    assert outcome.is_away
    assert time.monotonic() - begin < BOUND_S


def test_who_asks_for_patience_says_for_how_long(server: CiServer) -> None:
    server.expect(["429"])
    assert attempt_event(ClientSettings(url=server.url), RECORD) == Undelivered("HTTP 429 so it is", retry_after=1.0)


def test_a_token_is_sent_to_the_server_and_shown_to_nobody(server: CiServer) -> None:
    attempt_event(ClientSettings(url=server.url, token=TOKEN), RECORD)
    assert server.tokens == [f"Bearer {TOKEN}"]
    away = attempt_event(ClientSettings(url=f"http://{TOKEN}.invalid", token=TOKEN), RECORD, 0.5)
    assert TOKEN not in str(away)


def test_bad_credentials_are_told_apart(server: CiServer) -> None:
    server.expect(["401"])
    outcome = attempt_event(ClientSettings(url=server.url), RECORD)
    assert isinstance(outcome, Undelivered)
    assert outcome.is_credentials
