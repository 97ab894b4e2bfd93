"""What a worker knows of causes: the newest ranking of each problem, within bounds, and how long the first one is waited for."""

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.processors.adapters.memory.workers import MemorySender, answer
from causeline.processors.workers.cause_summaries import summarize
from causeline.processors.workers.known_causes import MOST_SILENT, KnownCauses
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery_work import AttemptOutcome, decode_message, encode_delivery_work
from causeline.schemas.records.problem import Transition
from causeline.schemas.wire import codec
from tests.delivery_state import T0, attempt, webhook
from tests.patience import holds, turn
from tests.revisions import a_revision
from tests.unit.processors.workers.samples import problem
from tests.unit.processors.workers.test_agent import URL, agent

LONG_MS = 600_000


def put(known: KnownCauses, revision: CauseRevision) -> None:
    known.apply(revision.id.encode(), codec.encode_record(revision))


def test_the_newest_ranking_is_known_to_its_tenant_alone() -> None:
    known = KnownCauses(0)
    put(known, a_revision())
    put(known, a_revision(revision=2, verdict="none", causes=[]))
    assert known.get("t", "problem/1") == summarize(a_revision(revision=2, verdict="none", causes=[]))
    assert known.get("other", "problem/1") is None
    assert known.get("t", "problem/2") is None


@pytest.mark.parametrize("is_tombstone", [True, False])
def test_a_problem_that_is_gone_is_forgotten(is_tombstone: bool) -> None:  # noqa: FBT001
    known = KnownCauses(0)
    put(known, a_revision())
    known.apply(b"problem/1", None if is_tombstone else codec.encode_record(a_revision(revision=2, is_deleted=True)))
    assert (known.get("t", "problem/1"), len(known)) == (None, 0)


def test_a_record_that_cannot_be_read_changes_nothing() -> None:
    known = KnownCauses(0)
    put(known, a_revision())
    with pytest.raises(codec.CodecError):
        known.apply(b"problem/1", b"broken")
    assert known.get("t", "problem/1") is not None


MOVES = st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["open", "closed"]))


@given(st.lists(MOVES, max_size=40), st.integers(min_value=1, max_value=5))
def test_no_more_are_known_than_fit_and_the_closed_go_first(moves: list[tuple[str, str]], bound: int) -> None:
    known = KnownCauses(0, most_problems=bound)
    model: dict[str, str] = {}
    for name, state in moves:
        put(known, a_revision(id=name, state=state))
        model.pop(name, None)
        model[name] = state
        if len(model) > bound:
            del model[min(model, key=lambda each: (model[each] == "open", list(model).index(each)))]
        assert {each for each in "abcdefgh" if known.get("t", each)} == set(model)


async def test_the_first_ranking_of_a_problem_that_began_is_waited_for() -> None:
    known = KnownCauses(LONG_MS)
    finding = asyncio.create_task(known.find(problem("opened"), 0))
    await holds(lambda: known.waiting == 1)
    put(known, a_revision(id="another"))
    put(known, a_revision(tenant="other"))
    await turn(3)
    assert not finding.done()
    put(known, a_revision())
    assert await finding == summarize(a_revision())
    assert known.waiting == 0


@pytest.mark.parametrize(
    ("transition", "patience_ms", "waited_ms"),
    [
        ("closed", LONG_MS, 0),
        ("refreshed", LONG_MS, 0),
        ("timed_out", LONG_MS, 0),
        ("opened", 0, 0),
        ("opened", 3_000, 3_000),
        ("reopened", 3_000, 9_000),
        ("opened", 1, -LONG_MS),
    ],
)
async def test_what_need_not_be_waited_for_is_not(transition: Transition, patience_ms: int, waited_ms: int) -> None:
    known = KnownCauses(patience_ms)
    assert await known.find(problem(transition), waited_ms) is None
    assert known.waiting == 0
    put(known, a_revision())
    assert await known.find(problem(transition), waited_ms) == summarize(a_revision())


async def waits(known: KnownCauses, tenants: Iterable[str]) -> list[asyncio.Task[object]]:
    """Let one message of each of these tenants ask; return the tasks once all of them have."""
    tasks: list[asyncio.Task[object]] = [
        asyncio.create_task(known.find(problem("opened", id=f"p{number}", tenant=tenant), 0)) for number, tenant in enumerate(tenants)
    ]
    await turn()
    return tasks


async def test_few_wait_at_once_and_a_tenant_leaves_places_to_others() -> None:
    known = KnownCauses(LONG_MS, most_waiting=8)
    tasks = await waits(known, [*"aaaaaaaaa", *"bbbb"])
    await holds(lambda: sum(task.done() for task in tasks) == 5)
    assert known.waiting == 8
    assert [task.done() for task in tasks] == [False] * 6 + [True] * 3 + [False] * 2 + [True] * 2
    known.release()
    assert [await task for task in tasks] == [None] * 13
    assert (known.waiting, known._awaited) == (0, {})
    assert await known.find(problem("opened"), 0) is None


async def test_nobody_waits_where_nobody_publishes() -> None:
    known = KnownCauses(1)
    assert [await known.find(problem("opened"), 0) for _ in range(MOST_SILENT)] == [None] * MOST_SILENT
    patient = KnownCauses(LONG_MS)
    patient._vain_waits = known._vain_waits
    assert await patient.find(problem("opened"), 0) is None
    put(patient, a_revision(id="another"))
    (finding,) = await waits(patient, "a")
    await holds(lambda: patient.waiting == 1)
    finding.cancel()


async def test_a_message_that_is_given_up_leaves_its_place() -> None:
    known = KnownCauses(LONG_MS)
    tasks = await waits(known, "ab")
    await holds(lambda: known.waiting == 2)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert (known.waiting, known._awaited, dict(known._tenants)) == (0, {}, {})


async def test_a_webhook_is_told_of_the_causes_that_came_while_it_waited() -> None:
    known = KnownCauses(LONG_MS)
    sender = MemorySender({URL: [answer(200)]})
    worker = agent(webhook("sub", URL), sender=sender, causes=known)
    opened = attempt("sub", 1, what="problem", record=codec.encode_record(problem("opened")))
    working = asyncio.create_task(worker.work(encode_delivery_work(opened)))
    await holds(lambda: known.waiting == 1)
    assert (await worker.work(encode_delivery_work(attempt("sub", 2)))) is not None  # nobody else is held up
    put(known, a_revision())
    report = await working
    assert report is not None
    outcome = decode_message(report.value)
    assert isinstance(outcome, AttemptOutcome)
    assert outcome.result == "delivered"
    assert [b'"verdict":"likely"' in call.body for call in sender.calls] == [False, True]


async def test_an_attempt_that_was_handed_out_long_ago_does_not_wait() -> None:
    known = KnownCauses(10_000)
    sender = MemorySender({URL: [answer(200)]})
    opened = attempt("sub", 1, what="problem", record=codec.encode_record(problem("opened")), first_at=T0 - 10_000)
    assert await agent(webhook("sub", URL), sender=sender, causes=known).work(encode_delivery_work(opened)) is not None
    assert b'"causes":null,"causes_url":"https://causeline.example/v1/problems/problem%2F1/causes"' in sender.calls[0].body
