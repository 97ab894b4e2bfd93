"""Streams over a log in memory: where they begin, what they show, and where they go on."""

import asyncio

import msgspec
import pytest

from causeline.query_api.live import positions
from causeline.query_api.live.positions import WITHOUT_CAUSES, Partition
from causeline.schemas.topics import EVENTS, PROBLEMS
from causeline.schemas.web.errors import Invalid, Unavailable
from causeline.schemas.wire import codec
from tests import patience
from tests.stream_parts import NOW, PARTITIONS, Client, Server, event, problem, texts


async def test_a_stream_from_now_shows_what_is_written_after_it_was_opened_and_nothing_before() -> None:
    server = Server()
    await server.write(event(1))
    client = await server.follow()
    await server.write(event(2), problem(3))
    assert sorted(await client.titles(2)) == ["2", "3"]
    assert {one.kind for one in client.messages} == {"event", "problem"}
    await client.leave()


async def test_a_filter_that_matches_nothing_shows_nothing_of_other_streams() -> None:
    server = Server()
    one, other = await server.follow(("service", "shop")), await server.follow(("service", "pay"), ("stream", "events"))
    await server.write(event(1, service="shop"), event(2, service="pay"), problem(3, service="pay"), event(4, service="pay"))
    assert await one.titles(1) == ["1"]
    assert await other.titles(2) == ["2", "4"]
    await one.leave()
    await other.leave()


async def test_tenants_and_groups_are_apart() -> None:
    server = Server()
    outside, dev, sre, every = (
        await server.follow(tenant="other"),
        await server.follow(groups=("dev",)),
        await server.follow(groups=("sre", "dev")),
        await server.follow(groups=None),
    )
    await server.write(event(1, allowed_groups=["sre"]), event(2, allowed_groups=["sre"], is_deleted=True, version=2), event(3))
    await server.write(event(4, tenant="other"))
    assert await outside.titles(1) == ["4"]
    assert await dev.titles(1) == ["3"]
    assert await sre.titles(3) == await every.titles(3) == ["1", "2", "3"]
    for client in (outside, dev, sre, every):
        await client.leave()


async def test_a_stream_from_the_past_shows_it_and_goes_on_live() -> None:
    server = Server()
    for number in range(3_000):
        await server.write(event(number), partition=number % PARTITIONS, at=NOW + number)
    client = await server.follow(("from", str(NOW + 1_000)))
    reading = asyncio.create_task(client.titles(2_500))
    for number in range(3_000, 3_500):
        await server.write(event(number), partition=number % PARTITIONS, at=NOW + number)
        await patience.turn()
    assert sorted(await reading, key=int) == texts(range(1_000, 3_500))
    for number in range(PARTITIONS):
        mine = [one.data["title"] for one in client.messages if int(one.data["title"]) % PARTITIONS == number]
        assert mine == sorted(mine, key=int), "the order of each partition is that of the log"
    await client.leave()


@pytest.mark.parametrize("stop_at", [0, 1, 7, 150, 299])
async def test_who_comes_back_with_an_id_goes_on_right_behind_it_on_another_server_too(stop_at: int) -> None:
    server = Server()
    client = await server.follow(("from", "0"))
    for number in range(300):
        await server.write(event(number), partition=number % PARTITIONS)
    await client.titles(300)
    before = client.messages[: stop_at + 1]
    await client.leave()
    later = Server(server.log)
    back = await later.follow(header=before[-1].id)
    await later.write(event(300))
    await back.titles(300 - stop_at)
    assert sorted((one.data["title"] for one in [*before, *back.messages]), key=int) == texts(range(301))
    await back.leave()


async def test_every_id_is_a_place_to_go_on_from_while_a_stream_goes_over_from_past_to_live() -> None:
    server = Server()
    for number in range(200):
        await server.write(event(number), partition=number % PARTITIONS)
    client = await server.follow(("from", "0"))
    reading = asyncio.create_task(client.titles(400))
    for number in range(200, 400):
        await server.write(event(number), partition=number % PARTITIONS)
        await patience.turn()
    await reading
    ids = [one.id for one in client.messages]
    await client.leave()
    for at in range(0, 400, 23):
        back = await server.follow(header=ids[at])
        if at < 399:
            await back.titles(399 - at)
        titles = [one.data["title"] for one in [*client.messages[: at + 1], *back.messages]]
        assert sorted(titles, key=int) == texts(range(400)), f"after message {at}"
        await back.leave()


async def test_the_id_at_the_beginning_lets_a_client_that_saw_nothing_lose_nothing() -> None:
    server = Server()
    client = await server.follow()
    assert await client.next_chunk()
    place = client.last_id
    await client.leave()
    await server.write(event(1))
    back = await server.follow(header=place)
    assert await back.titles(1) == ["1"]
    await back.leave()


async def test_a_heartbeat_moves_the_place_past_what_is_for_others() -> None:
    server = Server(heartbeat_s=0.05)
    client = await server.follow(("service", "shop"))
    await client.next_chunk()
    await server.write(*(event(number) for number in range(50)))
    place = positions.format_positions(
        {**dict.fromkeys(positions.partitions(PARTITIONS, WITHOUT_CAUSES), 0), Partition(EVENTS, 0): 50}, WITHOUT_CAUSES
    )
    while client.last_id != place:
        assert await client.next_chunk()
    assert client.heartbeats
    await client.leave()


async def test_a_place_that_was_cut_is_told_as_a_gap_and_the_oldest_follows() -> None:
    server = Server()
    client = await server.follow(("from", "0"))
    await server.write(*(event(number) for number in range(10)))
    await client.titles(3)
    place = client.messages[2].id
    await client.leave()
    server.log.cut(Partition(EVENTS, 0), 7)
    back = await server.follow(header=place)
    await back.titles(4)
    assert [one.kind for one in back.messages] == ["gap", "event", "event", "event"]
    assert back.messages[0].data["missing"] == 4
    assert [one.data["title"] for one in back.messages[1:]] == ["7", "8", "9"]
    again = await server.follow(header=back.messages[0].id)
    assert await again.titles(3) == ["7", "8", "9"]
    await back.leave()
    await again.leave()


async def test_a_place_behind_an_end_that_is_lower_for_a_moment_is_waited_for() -> None:
    """A broker that has just started says so before it knows all that it had acknowledged."""
    server = Server(behind_s=5.0)
    place = positions.format_positions(
        dict.fromkeys(positions.partitions(PARTITIONS, WITHOUT_CAUSES), 0) | {Partition(EVENTS, 0): 1}, WITHOUT_CAUSES
    )
    following = asyncio.create_task(server.follow(header=place))
    while server.log.readings < 2:
        await patience.turn()
    assert not following.done()
    for number in range(2):
        await server.log.append(Partition(EVENTS, 0), NOW, codec.encode_record(event(number)))
    client = await following
    assert await client.titles(1) == ["1"]
    await client.leave()
    await server.streams.close()


async def test_a_place_behind_the_end_of_the_log_is_refused() -> None:
    server = Server(behind_s=0.01)
    place = positions.format_positions(dict.fromkeys(positions.partitions(PARTITIONS, WITHOUT_CAUSES), 1), WITHOUT_CAUSES)
    with pytest.raises(Invalid, match="another log"):
        await server.follow(header=place)
    assert server.log.readings <= 1
    await server.streams.close()
    assert server.log.readings == 0


async def test_problems_of_one_correlation_id_are_told_in_the_order_of_their_partition() -> None:
    server = Server()
    client = await server.follow(("stream", "problems"))
    for number in range(12):  # each opening is a problem with an id of its own
        opened = problem(number, correlation_id="corr")
        closed = problem(number, correlation_id="corr", version=2, state="closed", transition="closed", title=f"{number} closed")
        await server.write(opened, closed)
        await server.write(problem(100 + number, correlation_id="another"), partition=1)
    titles = await client.titles(36)
    assert [title for title in titles if not title.startswith("1") or len(title) != 3] == [
        title for number in range(12) for title in (f"{number}", f"{number} closed")
    ]
    await client.leave()


async def test_streams_wait_while_the_log_is_away_and_go_on_where_they_were() -> None:
    server = Server()
    client = await server.follow()
    await server.write(event(1))
    await client.titles(1)
    server.log.away = True
    await server.write(event(2))
    with pytest.raises(Unavailable):
        await server.follow(("from", "0"))
    server.log.away = False
    assert await client.titles(2) == ["1", "2"]
    await client.leave()


async def test_what_is_cut_before_it_was_read_ends_the_streams_and_is_told_to_who_comes_back() -> None:
    server = Server()
    client = await server.follow()
    await server.write(event(1))
    await client.titles(1)
    server.log.away = True
    await server.write(event(2), event(3))
    server.log.cut(Partition(EVENTS, 0), 2)
    server.log.away = False
    while await client.next_chunk():
        pass
    assert client.stream.ended == "failed"
    await client.stream.close()
    back = await server.follow(header=client.last_id)
    await back.titles(2)
    assert [one.kind for one in back.messages] == ["gap", "event"]
    await back.leave()


async def test_a_record_that_nobody_can_read_is_left_out() -> None:
    server = Server()
    client = await server.follow()
    await server.log.append(Partition(EVENTS, 0), NOW, b"not Avro", None)
    await server.log.append(Partition(PROBLEMS, 0), NOW, b"")
    await server.write(event(1))
    assert await client.titles(1) == ["1"]
    await client.leave()


async def test_an_event_that_was_moved_in_time_is_shown_once_and_a_deleted_one_as_deleted() -> None:
    server = Server()
    client = await server.follow()
    later = event(1, version=2, ts=NOW + 50)
    await server.write(event(1), event(1, version=2, is_deleted=True), later)
    await server.write(msgspec.structs.replace(later, version=3, is_deleted=True))
    await client.titles(3)
    assert [(one.data["version"], one.data.get("deleted")) for one in client.messages] == [(1, None), (2, None), (3, True)]
    await client.leave()


async def test_one_record_is_shown_alike_to_all_live_streams() -> None:
    server = Server()
    clients: list[Client] = [await server.follow(), await server.follow(("kind", "deployment"))]
    await server.write(*(event(number) for number in range(20)))
    for client in clients:
        await client.titles(20)
    assert clients[0].messages == clients[1].messages
    for client in clients:
        await client.leave()
