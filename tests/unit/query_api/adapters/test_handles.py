"""Handles that hang: given up and replaced within a bound, and counted. The engine here keeps its questions until it lets them go."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from causeline.query_api.adapters.clickhouse.handles import Handle, HandleBounds, Handles
from causeline.schemas.web.errors import Unavailable
from tests import patience

SOON_S = 0.3
Question = Callable[[Handle["BlockingClient"]], bytes]


class BlockingClient:
    """A client; it remembers the thread that opened it and the one that closed it."""

    def __init__(self) -> None:
        self.opened_by = threading.current_thread()
        self.closed_by: threading.Thread | None = None

    def close(self) -> None:
        self.closed_by = threading.current_thread()


class BlockingEngine:
    """Opens clients; a question to `hang` waits until it is let go."""

    def __init__(self) -> None:
        self.clients: list[BlockingClient] = []
        self._gates: list[threading.Event] = []

    def connect(self) -> BlockingClient:
        client = BlockingClient()
        self.clients.append(client)
        return client

    @property
    def open_clients(self) -> int:
        return sum(client.closed_by is None for client in self.clients)

    def hang(self) -> Question:
        gate = threading.Event()
        self._gates.append(gate)

        def question(handle: Handle[BlockingClient]) -> bytes:
            assert handle.client.closed_by is None
            gate.wait(patience.SECONDS)
            return b"late"

        return question

    def let_go(self, number: int | None = None) -> None:
        for gate in self._gates if number is None else self._gates[number : number + 1]:
            gate.set()


@pytest.fixture
async def engine() -> AsyncIterator[BlockingEngine]:
    blocking = BlockingEngine()
    yield blocking
    blocking.let_go()


def handles_of(engine: BlockingEngine, handles: int, away: int, overdue_s: float = SOON_S) -> Handles[BlockingClient]:
    return Handles(engine.connect, HandleBounds(handles, away, overdue_s), "query")


def answered(handle: Handle[BlockingClient]) -> bytes:
    assert handle.client.opened_by is threading.current_thread()
    return b"1"


def overdue(action: str) -> float:
    """Return how many handles were overdue so far, by what was done about it."""
    return REGISTRY.get_sample_value("causeline_query_handles_overdue_total", {"handles": "query", "action": action}) or 0.0


async def refusal(answer: "asyncio.Future[bytes]") -> str:
    with pytest.raises(Unavailable) as caught:
        await asyncio.wait_for(answer, patience.SECONDS)
    return caught.value.message


async def test_a_handle_that_does_not_come_back_is_replaced_and_who_waits_is_answered(engine: BlockingEngine) -> None:
    handles = handles_of(engine, handles=2, away=2)
    hung = [handles.run(engine.hang()) for _ in range(2)]
    waiting = handles.run(answered)
    assert await asyncio.wait_for(waiting, patience.SECONDS) == b"1"
    assert [await refusal(answer) for answer in hung] == ["the store does not answer"] * 2
    assert not handles.is_stuck
    assert REGISTRY.get_sample_value("causeline_query_handles_away", {"handles": "query"}) == handles.away == 2
    await handles.close()


async def test_what_comes_back_late_closes_its_own_client_and_makes_room(engine: BlockingEngine) -> None:
    handles = handles_of(engine, handles=1, away=1)
    first = handles.run(engine.hang())
    await refusal(first)
    second = handles.run(engine.hang())
    await patience.holds(lambda: handles.is_stuck)
    third = handles.run(answered)
    assert not second.done()
    engine.let_go(0)
    assert await asyncio.wait_for(third, patience.SECONDS) == b"1"
    assert not handles.is_stuck
    await refusal(second)
    await patience.holds(lambda: engine.clients[0].closed_by is engine.clients[0].opened_by)
    await handles.close()


async def test_more_than_may_be_away_keep_their_places_and_are_stuck_until_one_comes_back(engine: BlockingEngine) -> None:
    replaced, kept = overdue("replaced"), overdue("kept")
    handles = handles_of(engine, handles=2, away=3)
    hung = [handles.run(engine.hang()) for _ in range(7)]
    await patience.holds(lambda: handles.is_stuck)
    assert handles.away == 3
    assert sum(answer.done() for answer in hung) == 3
    assert (overdue("replaced"), overdue("kept")) == (replaced + 3, kept + 2)
    engine.let_go()
    outcomes = await asyncio.gather(*hung, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[:3]] == [Unavailable] * 3
    assert {type(outcome) for outcome in outcomes[3:]} <= {bytes, Unavailable}  # one that is away made room, and the next was given up
    assert not handles.is_stuck
    await patience.holds(lambda: handles.away == 0)
    assert await handles.run(answered) == b"1"
    await handles.close()


async def test_a_question_that_fails_takes_its_client_with_it(engine: BlockingEngine) -> None:
    handles = handles_of(engine, handles=1, away=0, overdue_s=patience.SECONDS)

    def fails(handle: Handle[BlockingClient]) -> bytes:
        raise KeyError(str(handle.client.closed_by))

    with pytest.raises(KeyError):
        await handles.run(fails)
    assert await handles.run(answered) == b"1"
    assert [client.closed_by for client in engine.clients] == [engine.clients[0].opened_by, None]
    await handles.close()
    assert all(client.closed_by is client.opened_by for client in engine.clients)


async def test_closing_lets_questions_end_refuses_others_and_does_not_wait_for_what_hangs(engine: BlockingEngine) -> None:
    handles = handles_of(engine, handles=2, away=0)
    kept = overdue("kept")
    hung = handles.run(engine.hang())
    await patience.holds(lambda: overdue("kept") > kept)
    other, waiting = handles.run(answered), handles.run(answered)
    await asyncio.wait_for(handles.close(), patience.SECONDS)
    assert await other == b"1"
    assert waiting.done()
    assert not hung.done()
    with pytest.raises(Unavailable, match="stopping"):
        handles.run(answered)


@given(st.lists(st.booleans(), max_size=12), st.integers(1, 3), st.integers(0, 3))
def test_threads_are_bounded_and_every_question_has_an_answer_once_the_engine_lets_go(hangs: list[bool], places: int, away: int) -> None:
    async def run() -> None:
        engine = BlockingEngine()
        handles = handles_of(engine, places, away, overdue_s=0.001)
        answers = [handles.run(engine.hang() if one else answered) for one in hangs]
        hung = sum(hangs)
        if hung < places + away:
            await asyncio.gather(*(answer for answer, one in zip(answers, hangs, strict=True) if not one), return_exceptions=True)
        await patience.holds(lambda: handles.away == min(hung, away))
        await patience.holds(lambda: handles.is_stuck == (hung >= places + away))
        await patience.holds(lambda: engine.open_clients <= places + away)
        engine.let_go()
        outcomes = await asyncio.gather(*answers, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} <= {bytes, Unavailable}
        await patience.holds(lambda: handles.away == 0)
        assert not handles.is_stuck
        await handles.close()

    asyncio.run(run())
