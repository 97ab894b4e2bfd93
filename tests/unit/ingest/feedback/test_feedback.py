"""Feedback on causes over HTTP: what is said stands in the answer, is bounded, and is nobody's who may not see the event."""

from typing import Any

import pytest

from causeline.ingest.feedback.changes import MAX_OF_PROBLEM, FeedbackLimits
from causeline.ingest.feedback.requests import MAX_NOTE
from causeline.schemas.records.config import FEEDBACK
from tests.cause_rows import DAY, HOUR, MINUTE, NOW, PROBLEM_ID, event, problem
from tests.feedback_memory import MemoryFeedback

CHANGES = [event(n, n * 10 * MINUTE, title=f"Deploy {n}") for n in range(1, 5)]
WINDOW = HOUR


@pytest.fixture
def api() -> MemoryFeedback:
    return MemoryFeedback(NOW, problem(), *CHANGES)


def order(ranking: Any) -> list[str]:
    return [cause["event"]["id"] for cause in ranking["causes"]]


async def test_what_is_confirmed_stands_first_and_what_is_rejected_last_in_the_answer_itself(api: MemoryFeedback) -> None:
    before = await api.causes(PROBLEM_ID)
    last, first = order(before)[-1], order(before)[0]
    confirmed = await api.say(PROBLEM_ID, last, note=" seen in the trace ")
    assert confirmed.status == 200
    cause = confirmed.body["causes"][0]
    assert (cause["event"]["id"], cause["feedback"], confirmed.body["verdict"]) == (last, "confirmed", "likely")
    assert cause["assessment"] == {"verdict": "confirmed", "note": "seen in the trace", "by": "", "at": "2026-11-21T12:00:00.000Z"}
    assert cause["reasons"][0]["feature"] == "feedback"
    rejected = (await api.say(PROBLEM_ID, first, "rejected")).body
    assert order(rejected)[-1] == first
    assert (rejected["causes"][-1]["probability"], rejected["causes"][-1]["feedback"]) == (0.0, "rejected")
    assert await api.causes(PROBLEM_ID) == await api.causes(PROBLEM_ID, "limit=100")
    for one in (last, first):
        reply = await api.say(PROBLEM_ID, one, None)
    assert reply.body == before | {"causes": before["causes"][:10]}


async def test_that_no_change_did_it_is_a_verdict_too_and_that_one_did_takes_none_out_of_the_sum(api: MemoryFeedback) -> None:
    none = (await api.say(PROBLEM_ID, "none", note="a disk")).body
    assert (none["verdict"], none["none_assessment"]["verdict"], none["none_assessment"]["note"]) == ("none", "confirmed", "a disk")
    some = (await api.say(PROBLEM_ID, "none", "rejected")).body
    assert some["none_probability"] == 0
    assert sum(cause["probability"] for cause in some["causes"]) == pytest.approx(1, abs=0.001)
    assert (await api.say(PROBLEM_ID, "none", None)).body["none_assessment"] is None


@pytest.mark.parametrize("fields", [{"kind": "build"}, {"kind": "ticket"}, {"ts": NOW - 20 * DAY}, {"ts": NOW - MINUTE}])
async def test_an_event_that_is_no_candidate_is_taken_and_puts_it_in_the_list(api: MemoryFeedback, fields: dict[str, Any]) -> None:
    other = event(9, 0, **fields)
    api.keep(other)
    assert other.id not in order(await api.causes(PROBLEM_ID))
    ranking = (await api.say(PROBLEM_ID, other.id)).body
    assert order(ranking)[0] == other.id
    assert ranking["causes"][0]["reasons"][0]["feature"] == "feedback"
    assert ranking["candidates"] == len(CHANGES) + 1
    assert ranking["blind_spots"] == (await api.causes(PROBLEM_ID))["blind_spots"] == []


async def test_a_problem_or_an_event_that_is_not_there_or_hidden_is_404_and_nothing_is_written(api: MemoryFeedback) -> None:
    hidden = event(8, MINUTE, allowed_groups=["sre"])
    api.keep(hidden)
    nowhere = event(7, MINUTE).id
    for verdict in ("confirmed", None):
        for of_problem, of_event, groups in (
            (nowhere, CHANGES[0].id, None),
            (nowhere, "none", None),
            (PROBLEM_ID, nowhere, None),
            (PROBLEM_ID, "nothing", None),
            (PROBLEM_ID, hidden.id, ()),
            (PROBLEM_ID, hidden.id, ("dev",)),
        ):
            assert (await api.say(of_problem, of_event, verdict, groups=groups)).status == 404
        assert (await api.say(PROBLEM_ID, CHANGES[0].id, verdict, tenant="other")).status == 404
    assert api.config.records == []
    assert (await api.say(PROBLEM_ID, hidden.id, groups=("sre",))).status == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "verdict"),
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": ["confirmed"]}, "verdict"),
        ({"verdict": "confirmed", "note": "x" * (MAX_NOTE + 1)}, "note"),
        ({"verdict": "confirmed", "note": 5}, "note"),
        ({"verdict": "confirmed", "why": "x"}, "why"),
    ],
)
async def test_a_body_that_cannot_be_read_is_422_and_names_the_member(api: MemoryFeedback, body: dict[str, Any], field: str) -> None:
    reply = await api.say(PROBLEM_ID, CHANGES[0].id, **({"verdict": None} | body) if "verdict" in body else {"verdict": 5})
    assert (reply.status, [error["field"] for error in reply.body["errors"]]) == (422, [field])
    assert api.config.records == []


async def test_said_twice_it_is_said_once_and_taken_back_where_nothing_is_it_is_200(api: MemoryFeedback) -> None:
    first = await api.say(PROBLEM_ID, CHANGES[0].id.upper(), note="x")
    api.now += MINUTE
    again = await api.say(PROBLEM_ID, CHANGES[0].id, note="x")
    assert again.body["causes"][0] == first.body["causes"][0]
    assert len(api.config.records) == 1
    assert (await api.say(PROBLEM_ID, CHANGES[1].id, None)).status == 200
    assert (await api.say(PROBLEM_ID, "none", None)).status == 200
    assert len(api.config.records) == 1
    assert (await api.say(PROBLEM_ID, CHANGES[0].id, note="y")).body["causes"][0]["assessment"]["note"] == "y"


async def test_a_late_repeat_under_a_key_changes_nothing_that_was_said_since() -> None:
    api = MemoryFeedback(NOW, problem(), *CHANGES, limits=FeedbackLimits(key_window_ms=WINDOW))
    one = CHANGES[0].id
    await api.say(PROBLEM_ID, one, "confirmed", key="k")
    await api.say(PROBLEM_ID, one, "rejected")
    repeat = await api.say(PROBLEM_ID, one, "confirmed", key="k")
    assert (repeat.status, repeat.body["causes"][-1]["feedback"]) == (200, "rejected")
    other = await api.say(PROBLEM_ID, one, "confirmed", key="k", note="x")
    assert (other.status, other.body["errors"][0]["field"]) == (409, "Idempotency-Key")
    assert [(await api.say(PROBLEM_ID, one, None, key="d")).status for _ in range(2)] == [200, 200]
    assert (await api.say(PROBLEM_ID, one, "confirmed", key="k")).body["causes"][0]["feedback"] is None
    api.now += WINDOW
    assert (await api.say(PROBLEM_ID, one, "confirmed", key="k")).body["causes"][0]["feedback"] == "confirmed"


async def test_a_problem_and_a_tenant_take_so_much_feedback_and_a_refusal_says_which() -> None:
    rows = [event(n, n * 1_000) for n in range(MAX_OF_PROBLEM + 1)]
    api = MemoryFeedback(NOW, problem(), *rows, limits=FeedbackLimits(assessments=3))
    for row in rows[:3]:
        assert (await api.say(PROBLEM_ID, row.id)).status == 200
    refusal = await api.say(PROBLEM_ID, rows[3].id)
    assert (refusal.status, "--max-feedback" in refusal.body["detail"]) == (422, True)
    assert (await api.say(PROBLEM_ID, rows[0].id, "rejected")).status == 200
    assert (await api.say(PROBLEM_ID, rows[0].id, None)).status == 200
    assert (await api.say(PROBLEM_ID, rows[3].id)).status == 200
    wide = MemoryFeedback(NOW, problem(), *rows)
    for row in rows[:MAX_OF_PROBLEM]:
        assert (await wide.say(PROBLEM_ID, row.id)).status == 200
    refusal = await wide.say(PROBLEM_ID, rows[-1].id)
    assert (refusal.status, f"a problem takes at most {MAX_OF_PROBLEM}" in refusal.body["detail"]) == (422, True)


async def test_what_was_said_of_problems_that_are_gone_makes_room() -> None:
    api = MemoryFeedback(NOW, problem(), *CHANGES, limits=FeedbackLimits(assessments=1, retention_ms=DAY))
    await api.say(PROBLEM_ID, CHANGES[0].id)
    api.now += DAY
    assert (await api.say(PROBLEM_ID, CHANGES[1].id)).status == 200
    assert list(api.config.view.all(FEEDBACK)) == [f"acme/{PROBLEM_ID}/{CHANGES[1].id}"]


async def test_what_was_said_of_an_event_that_is_gone_can_be_taken_back_by_whom_it_was_open_to() -> None:
    api = MemoryFeedback(NOW, problem(), *CHANGES)
    hidden = event(8, MINUTE, allowed_groups=["sre"])
    api.keep(hidden)
    for row in (CHANGES[0], hidden):
        await api.say(PROBLEM_ID, row.id)
        api.keep(event(0, 0, id=row.id, ts=row.ts, version=2, is_deleted=True))
    assert (await api.say(PROBLEM_ID, CHANGES[0].id, None)).status == 200
    assert (await api.say(PROBLEM_ID, CHANGES[0].id, None)).status == 404
    assert (await api.say(PROBLEM_ID, hidden.id, None)).status == 404


async def test_another_server_over_the_same_log_shows_what_was_said_here(api: MemoryFeedback) -> None:
    other = MemoryFeedback(NOW, problem(), *CHANGES, records=api.config.records)
    answer = await api.say(PROBLEM_ID, CHANGES[3].id)
    assert (await other.causes(PROBLEM_ID))["causes"][0] == answer.body["causes"][0]


async def test_while_the_log_is_away_nothing_is_assessment(api: MemoryFeedback) -> None:
    api.config.away = True
    assert (await api.say(PROBLEM_ID, CHANGES[0].id)).status == 503
    api.config.away = False
    assert (await api.causes(PROBLEM_ID))["causes"][0]["feedback"] is None


async def test_what_was_said_in_a_tenant_is_listed_page_by_page(api: MemoryFeedback) -> None:
    for row in CHANGES:
        await api.say(PROBLEM_ID, row.id)
    await api.say(PROBLEM_ID, "none", "rejected", note="n")
    await api.say(PROBLEM_ID, CHANGES[0].id, None, key="k")
    headers = {"Causeline-Tenant": "acme"}
    listed: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await api.request("GET", "/v1/feedback", query=f"limit=2&cursor={cursor}", headers=headers)).body
        assert len(page["feedback"]) <= 2
        listed += page["feedback"]
        cursor = page["next_cursor"]
    assert [one["event_id"] for one in listed] == sorted([*(row.id for row in CHANGES[1:]), "none"])
    assert listed[-1] == {
        "problem_id": PROBLEM_ID,
        "event_id": "none",
        "verdict": "rejected",
        "note": "n",
        "by": "",
        "at": "2026-11-21T12:00:00.000Z",
    }
    assert (await api.request("GET", "/v1/feedback")).body == {"feedback": [], "next_cursor": None}
    refusal = await api.request("GET", "/v1/feedback", query="limit=0&order=asc")
    assert {error["field"] for error in refusal.body["errors"]} == {"limit", "order"}
