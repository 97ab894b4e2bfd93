"""Who was shown that a problem began is shown its end, whatever it lost meanwhile; live, from the past, and on another server."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.query_api.live.problem_past import MAX_BYTES, MAX_LOOKS, ProblemPast
from causeline.schemas.records.problem import Problem, Transition
from causeline.schemas.web.errors import OverShare, RequestError, TooMuch, Unavailable
from tests.stream_parts import Server, problem

PAY = ("service", "pay")


def after(row: Problem, transition: Transition, **columns: Any) -> Problem:
    state = "closed" if transition == "closed" else "open"
    return msgspec.structs.replace(row, version=row.version + 1, transition=transition, state=state, **columns)


OPENED = problem(1, service="pay", title="opened")
MOVED = after(OPENED, "refreshed", service="cart", title="moved")
ENDED = after(MOVED, "closed", title="ended")


async def test_a_live_stream_shows_the_end_of_what_it_showed_to_begin() -> None:
    server = Server()
    client, other = await server.follow(PAY), await server.follow(("service", "shop"))
    cart = await server.follow(("service", "cart"), ("transition", "closed"))
    await server.write(OPENED, MOVED, ENDED, problem(2, service="shop", title="last"))
    assert await client.titles(3) == ["opened", "moved", "ended"]
    assert await cart.titles(1) == ["ended"]
    assert await other.titles(1) == ["last"], "what was never asked for is not shown"
    for one in (client, other, cart):
        await one.leave()


async def test_a_stream_that_begins_later_is_shown_it_too() -> None:
    server = Server()
    await server.write(OPENED, MOVED)
    client = await server.follow(PAY)
    await server.write(ENDED)
    assert await client.titles(1) == ["ended"]
    await client.leave()


async def test_who_comes_back_with_an_id_is_shown_the_same_on_another_server() -> None:
    first = Server()
    client = await first.follow(PAY)
    await first.write(OPENED)
    await client.titles(1)
    await client.leave()
    await first.write(MOVED, ENDED)
    second = Server(first.log, first.store)
    back = await second.follow(PAY, header=client.last_id)
    assert await back.titles(2) == ["moved", "ended"]
    await back.leave()
    live = await second.follow(PAY, ("from", "2026-11-26T11:00:00Z"))
    assert await live.titles(3) == ["opened", "moved", "ended"]
    await live.leave()


@pytest.mark.parametrize("refusal", [Unavailable, OverShare, TooMuch])
async def test_without_rows_a_stream_goes_on_with_what_it_sees(refusal: type[RequestError]) -> None:
    async def away(tenant: str, ids: Sequence[str]) -> list[Problem]:
        raise refusal(f"{tenant} {ids}")

    past = ProblemPast(away)
    await past.load([("acme", OPENED.id, 2)])
    assert past.before(MOVED) == []
    assert past.before(after(MOVED, "refreshed")) == [], "with a gap, so the rows are asked again"


async def test_rows_that_do_not_come_are_waited_for_once_whosever_they_are() -> None:
    tenants: list[str] = []

    async def silent(tenant: str, _ids: Sequence[str]) -> list[Problem]:
        tenants.append(tenant)
        await asyncio.Event().wait()
        return []

    await ProblemPast(silent, patience_s=0.01).load([(f"tenant {number}", OPENED.id, 2) for number in range(20)])
    assert tenants == ["tenant 0"]


class Rows:
    """Rows that count what they are asked."""

    def __init__(self, *rows: Problem) -> None:
        self.rows = rows
        self.asked: list[list[str]] = []

    async def looks(self, tenant: str, ids: Sequence[str]) -> list[Problem]:
        self.asked.append(list(ids))
        return [row for row in self.rows if row.tenant == tenant and row.id in ids]


async def test_rows_are_asked_once_for_a_batch_and_not_for_what_was_passed() -> None:
    other = problem(3, service="pay")
    rows = Rows(OPENED, other)
    past = ProblemPast(rows.looks)
    await past.load([("acme", OPENED.id, 2), ("acme", other.id, 2), ("acme", OPENED.id, 3), ("acme", problem(4).id, 1)])
    assert rows.asked == [[OPENED.id, other.id]]
    assert [past.before(row) for row in (MOVED, ENDED)] == [[OPENED], [OPENED, MOVED]]
    await past.load([("acme", OPENED.id, 3), ("acme", OPENED.id, 4)])
    assert len(rows.asked) == 1


async def test_an_earlier_version_is_not_matched_by_a_later_look() -> None:
    past = ProblemPast(Rows().looks)
    for row in (OPENED, MOVED, ENDED):
        past.before(row)
    assert past.before(MOVED) == [OPENED]


async def test_what_is_remembered_has_a_bound() -> None:
    past = ProblemPast(Rows().looks)
    row = OPENED
    for number in range(MAX_LOOKS + 50):
        past.before(row)
        row = after(row, "refreshed", text=str(number))
    assert len(past.before(row)) == MAX_LOOKS
    for number in range(100):
        past.before(problem(100 + number, text="x" * (1 << 20)))
    assert past._size <= MAX_BYTES + (2 << 20)
    assert len(past._pasts) < 100


SERVICES = st.sampled_from(["pay", "cart", "shop"])


LIVES = st.lists(st.lists(SERVICES, min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(LIVES, st.integers(0, 20), st.integers(0, 30))
async def test_a_problem_that_was_shown_is_shown_to_its_end_wherever_a_client_comes_back(
    lives: list[list[str]], written: int, left_after: int
) -> None:
    rows: list[Problem] = []
    for number, (service, *others) in enumerate(lives):
        life = [problem(number, service=service)]
        for other in others:
            life.append(after(life[-1], "refreshed", service=other))
        rows += [*life, after(life[-1], "closed")]
    rows_shown = [row for row in rows if any(one.id == row.id and one.version <= row.version and one.service == "pay" for one in rows)]
    server = Server()
    await server.write(*rows[:written])
    client = await server.follow(PAY, ("from", "2026-11-26T11:00:00Z"))
    await server.write(*rows[written:])
    await client.titles(len(rows_shown))
    await client.leave()
    assert [(one.data["id"], one.data["version"]) for one in client.messages] == [(row.id, row.version) for row in rows_shown]
    if rows_shown:
        at = left_after % len(rows_shown)
        back = await Server(server.log, server.store).follow(PAY, header=client.messages[at].id)
        await back.titles(len(rows_shown) - at - 1)
        assert [(one.data["id"], one.data["version"]) for one in back.messages] == [(row.id, row.version) for row in rows_shown[at + 1 :]]
        await back.leave()
