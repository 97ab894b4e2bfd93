"""Streams over a log in memory: how many there may be, what each may hold, and what ends them."""

import asyncio

import pytest

from causeline.schemas import telemetry
from causeline.schemas.web.errors import Overloaded, OverShare, Unavailable
from tests import patience
from tests.stream_parts import Server, event


def ends(reason: str) -> float:
    return float(telemetry.STREAMS_ENDED.labels(reason)._value.get())


async def test_the_log_is_read_by_one_reader_while_there_is_a_stream_and_by_none_without() -> None:
    server = Server()
    assert server.log.readings == 0
    clients = [await server.follow() for _ in range(5)]
    assert server.log.readings == 1
    for client in clients:
        await client.leave()
    await server.streams.close()
    assert server.log.readings == 0


async def test_a_stream_that_comes_as_the_last_one_leaves_misses_nothing() -> None:
    server = Server()
    for number in range(50):
        first = await server.follow()
        first.stream.end("client_gone")
        await first.stream.close()
        second = await server.follow()
        await server.write(event(number))
        assert await second.titles(1) == [str(number)]
        await second.leave()
    await server.streams.close()


async def test_more_streams_than_allowed_are_refused_until_one_leaves() -> None:
    server = Server(streams=2)
    clients = [await server.follow(), await server.follow(tenant="other")]
    with pytest.raises(Overloaded) as refused:
        await server.follow(tenant="third")
    assert (refused.value.status, "Retry-After" in refused.value.headers) == (503, True)
    await clients[0].leave()
    clients[0] = await server.follow()
    for client in clients:
        await client.leave()


async def test_one_tenant_has_three_quarters_of_the_streams_and_the_others_find_room() -> None:
    server = Server(streams=8)
    many = [await server.follow(tenant="many") for _ in range(6)]
    for _ in range(200):
        with pytest.raises(OverShare) as refused:
            await server.follow(tenant="many")
    assert (refused.value.status, "Retry-After" in refused.value.headers, refused.value.reason) == (429, True, "over_share")
    others = [await server.follow(), await server.follow()]
    with pytest.raises(Overloaded):
        await server.follow(tenant="third")
    await many[0].leave()
    many[0] = await server.follow(tenant="many")
    for client in (*many, *others):
        await client.leave()


async def test_readers_of_the_past_who_take_nothing_hold_up_their_own_tenant_alone() -> None:
    server = Server(catching_up=4, patience_s=0.02)
    await server.write(event(1), event(2, tenant="many"))
    slow = [await server.follow(("from", "0"), tenant="many") for _ in range(3)]
    outcomes = await asyncio.gather(*(server.follow(("from", "0"), tenant="many") for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in outcomes} == {OverShare}
    bystander = await server.follow(("from", "0"))
    await bystander.titles(1)
    for client in (*slow, bystander):
        await client.leave()
    await server.streams.close()
    assert server.log.readings == 0


async def test_who_waits_for_its_own_share_of_the_readers_waits_before_nobody_else() -> None:
    server = Server(catching_up=4, patience_s=30.0)
    await server.write(event(1))
    slow = [await server.follow(("from", "0"), tenant="many") for _ in range(3)]
    waiting = [asyncio.create_task(server.follow(("from", "0"), tenant="many")) for _ in range(5)]
    async with asyncio.timeout(20):
        bystander = await server.follow(("from", "0"))
        await bystander.titles(1)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    for client in (*slow, bystander):
        await client.leave()
    again = [await server.follow(("from", "0"), tenant="many") for _ in range(3)]  # who was cancelled holds no place
    for client in again:
        await client.leave()


async def test_more_readers_of_the_past_than_allowed_are_refused_and_who_has_caught_up_holds_none() -> None:
    server = Server(catching_up=1, patience_s=0.01)
    await server.write(event(1))
    first = await server.follow(("from", "0"))
    with pytest.raises(Overloaded):
        await server.follow(("from", "0"), tenant="other")
    live = await server.follow()
    await first.titles(1)
    await server.write(event(2))
    await first.titles(2)
    second = await server.follow(("from", "0"))
    for client in (first, second, live):
        await client.leave()
    await server.streams.close()
    assert server.log.readings == 0


async def test_a_stream_that_takes_nothing_is_ended_as_slow_and_the_others_go_on() -> None:
    server = Server(queue_bytes=20_000)  # 40 messages: less than are written before a stream is let run
    slow, quick = await server.follow(), await server.follow()
    await slow.next_chunk()
    before = ends("slow")
    reading = asyncio.create_task(quick.titles(500))
    for number in range(500):
        await server.write(event(number, text="x" * 500))
    await reading
    assert slow.stream.ended == "slow"
    assert ends("slow") == before + 1
    while await slow.next_chunk():
        pass
    await slow.stream.close()
    place = slow.last_id
    back = await server.follow(header=place)
    assert await back.titles(1)
    assert int(back.messages[0].data["title"]) == len(slow.messages), "it goes on where it was cut"
    await back.leave()
    await quick.leave()


async def test_a_large_event_is_shown_however_small_the_queue_is() -> None:
    server = Server(queue_bytes=1_000)
    client = await server.follow()
    await server.write(event(1, text="x" * 100_000))
    await client.titles(1)
    await client.leave()


async def test_many_slow_streams_together_have_less_room_each() -> None:
    server = Server(queue_bytes=80_000, queued_bytes=100_000)
    slow, quick = [await server.follow() for _ in range(4)], await server.follow()
    reading = asyncio.create_task(quick.titles(40))
    await server.write(*(event(number, text="x" * 480) for number in range(40)))  # 45 KB: half of what one alone may hold
    await reading
    assert "slow" in {client.stream.ended for client in slow}
    for client in (*slow, quick):
        await client.leave()
    alone = await server.follow()
    await server.write(*(event(number, text="x" * 480) for number in range(40)))
    await alone.titles(40)
    assert alone.stream.ended is None, "what the others held was given back"
    await alone.leave()


async def test_a_server_that_stops_ends_its_streams_and_opens_no_more() -> None:
    server = Server()
    await server.write(event(1))
    live, past = await server.follow(), await server.follow(("from", "0"))
    await live.next_chunk()
    waiting = asyncio.create_task(live.next_chunk())
    await patience.turn()
    server.streams.stop()
    assert not await asyncio.wait_for(waiting, 1)
    assert live.stream.ended == past.stream.ended == "server_stopping"
    with pytest.raises(Unavailable):
        await server.follow()
    await live.stream.close()
    await past.stream.close()
    await server.streams.close()
    assert server.log.readings == 0


async def test_a_token_that_ended_ends_its_stream() -> None:
    server = Server(heartbeat_s=0.02)
    client = await server.follow()
    await client.next_chunk()
    assert await client.next_chunk(), "a heartbeat"
    server.is_admitted = False
    while await client.next_chunk():
        pass
    assert client.stream.ended == "refused"
    await client.stream.close()
