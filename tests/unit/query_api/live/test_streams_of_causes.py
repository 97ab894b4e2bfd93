"""Rankings of causes on streams: who is shown them, and where a client goes on that did not follow them before."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.live import positions
from causeline.query_api.live.positions import WITH_CAUSES, WITHOUT_CAUSES, Partition
from causeline.schemas.dialects.native.views import problem_view
from causeline.schemas.records.causes import BlindSpotEntry, CauseEntry, ReasonEntry
from causeline.schemas.topics import CAUSES, EVENTS
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid
from tests.stream_parts import NOW, PARTITIONS, Client, Server, event, problem, question, ranking, texts

FOLLOWED = ("stream", "causes")
CAUSE = CauseEntry(
    event_id="e1",
    probability=0.7,
    score=2.5,
    relation="same_service",
    offset_seconds=-240.0,
    kind="deployment",
    title="Deploy 1.4",
    service="shop",
    ts=NOW,
    reasons=[ReasonEntry(feature="time", contribution=2.5, text="4 min before")],
)


async def test_rankings_are_shown_to_who_asks_for_them_by_name_and_to_nobody_else() -> None:
    server = Server()
    unasked, causes, every = (
        await server.follow(),
        await server.follow(FOLLOWED),
        await server.follow(FOLLOWED, ("stream", "events"), ("stream", "problems")),
    )
    await server.write(ranking(1), event(2), problem(3), ranking(4))
    assert sorted(await unasked.titles(2)) == ["2", "3"]
    assert await causes.titles(2) == ["1", "4"]
    assert sorted(await every.titles(4)) == texts(range(1, 5))
    assert [one.kind for one in causes.messages] == ["causes", "causes"]
    for client in (unasked, causes, every):
        await client.leave()


async def test_a_ranking_is_shown_with_its_problem_and_without_whole_events() -> None:
    server = Server()
    client = await server.follow(FOLLOWED)
    spots = [BlindSpotEntry(service="pay", kind="flag")]
    await server.write(ranking(0, service="shop", tags={"team": "a"}, causes=[CAUSE], blind_spots=spots, candidates=31, is_news=False))
    await client.titles(1)
    shown = client.messages[0].data
    own = problem(0, service="shop", tags={"team": "a"})
    columns = (
        "id",
        "version",
        "tenant",
        "correlation_id",
        "dialect",
        "kind",
        "state",
        "start",
        "end",
        "service",
        "environment",
        "priority",
    )
    whole = problem_view(own)
    assert shown["problem"] == {name: whole[name] for name in (*columns, "title", "text", "tags", "entities")}
    names = ("verdict", "none_probability", "candidates", "truncated", "provisional", "model", "revision", "occasion", "is_news")
    assert [shown[name] for name in names] == ["likely", 0.1, 31, False, False, "1", 1, "opened", False]
    assert (shown["computed_at"], shown["as_of"]) == (rfc3339(NOW), rfc3339(NOW))
    assert shown["blind_spots"] == [{"service": "pay", "kind": "flag"}]
    (cause,) = shown["causes"]
    summary = {"id": CAUSE.event_id, "kind": CAUSE.kind, "title": CAUSE.title, "service": CAUSE.service, "ts": rfc3339(NOW)}
    rest = {name: value for name, value in msgspec.to_builtins(CAUSE).items() if name not in (*summary, "event_id")}
    assert cause == {**rest, "event": summary, "feedback": None}
    assert cause["reasons"] == [{"feature": "time", "contribution": 2.5, "text": "4 min before"}]
    await client.leave()


async def test_the_last_revision_of_a_deleted_problem_is_marked() -> None:
    server = Server()
    client = await server.follow(FOLLOWED)
    await server.write(ranking(1), ranking(1, revision=2, is_deleted=True, occasion="deleted"))
    await client.titles(2)
    assert [one.data.get("deleted") for one in client.messages] == [None, True]
    await client.leave()


async def test_tenants_are_apart_and_groups_see_the_same_rankings() -> None:
    server = Server()
    other, dev, every = (
        await server.follow(FOLLOWED, tenant="other"),
        await server.follow(FOLLOWED, groups=("dev",)),
        await server.follow(FOLLOWED),
    )
    await server.write(ranking(1), ranking(2, tenant="other"), ranking(3))
    assert await other.titles(1) == ["2"]
    assert await dev.titles(2) == await every.titles(2) == ["1", "3"]
    for client in (other, dev, every):
        await client.leave()


COLUMNS = {
    "dialect": st.sampled_from(["native", "desk"]),
    "kind": st.sampled_from(["incident", "alert"]),
    "service": st.sampled_from(["shop", "pay", ""]),
    "environment": st.sampled_from(["prod", ""]),
    "priority": st.sampled_from(["P1", ""]),
    "entities": st.lists(st.sampled_from(["HOST-1", "HOST-2"]), unique=True),
    "tags": st.dictionaries(st.just("team"), st.sampled_from(["a", "b"])),
    "title": st.sampled_from(["Slow shop", "down", ""]),
}
FILTERS = st.lists(
    st.sampled_from(
        [
            *(("dialect", "desk"), ("kind", "Alert"), ("service", "shop"), ("environment", "prod"), ("priority", "P1")),
            *(("entity", "HOST-1"), ("tag", "team:a"), ("q", "SHOP slow"), ("status", "failure")),
        ]
    ),
    unique=True,
    max_size=3,
)


@given(fields=st.fixed_dictionaries(COLUMNS), pairs=FILTERS)
def test_a_filter_shows_a_ranking_exactly_where_it_shows_the_problem(fields: dict[str, Any], pairs: list[tuple[str, str]]) -> None:
    where = question(*pairs, ("stream", "events"), ("stream", "problems"), FOLLOWED).where
    assert where.ranking(ranking(1, **fields)) == where.problem(problem(1, **fields))


@pytest.mark.parametrize("verdict", ["likely", "possible", "none", "unknown"])
def test_verdicts_are_of_rankings_and_transitions_of_problems(verdict: Any) -> None:
    where = question(("stream", "problems"), FOLLOWED, ("verdict", "none"), ("verdict", "likely"), ("transition", "closed")).where
    assert where.ranking(ranking(1, verdict=verdict)) == (verdict in ("none", "likely"))
    assert where.ranking(ranking(1, revision=2, verdict=verdict, previous_verdict="likely")), "who saw it begin sees it end"
    assert not where.problem(problem(1))
    assert question(("stream", "problems"), FOLLOWED, ("verdict", verdict)).where.problem(problem(1))
    assert question(("stream", "problems"), FOLLOWED, ("transition", "closed")).where.ranking(ranking(1, verdict=verdict))


@pytest.mark.parametrize(
    ("pairs", "name"),
    [
        ([("verdict", "likely")], "verdict"),
        ([("verdict", "likely"), ("stream", "problems")], "verdict"),
        ([("verdict", "maybe"), FOLLOWED], "verdict"),
        ([("status", "failure"), FOLLOWED], "status"),
        ([("transition", "opened"), FOLLOWED], "transition"),
    ],
)
def test_what_is_not_of_what_is_followed_is_refused_by_name(pairs: list[tuple[str, str]], name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        question(*pairs)
    assert [field for field, _ in refusal.value.fields] == [name]


async def written(server: Server, numbers: range) -> None:
    for number in numbers:
        row = (event, problem, ranking)[number % 3](number)
        await server.write(row, partition=number % PARTITIONS)


EVERYTHING = (("stream", "events"), ("stream", "problems"), FOLLOWED)


@pytest.mark.parametrize("stop_at", [0, 1, 2, 50, 119])
async def test_who_comes_back_goes_on_right_behind_the_last_message_on_all_three_topics(stop_at: int) -> None:
    server = Server()
    client = await server.follow(("from", "0"), *EVERYTHING)
    await written(server, range(120))
    await client.titles(120)
    before = client.messages[: stop_at + 1]
    await client.leave()
    back = await Server(server.log).follow(*EVERYTHING, header=before[-1].id)
    await written(server, range(120, 123))
    await back.titles(122 - stop_at)
    seen = [str(one.data.get("problem", one.data)["title"]) for one in [*before, *back.messages]]
    assert sorted(seen, key=int) == texts(range(123))
    await back.leave()


def titles_of(client: Client, kind: str) -> list[str]:
    return [one.data.get("problem", one.data)["title"] for one in client.messages if one.kind == kind]


async def test_a_place_from_before_there_were_causes_goes_on_with_them_from_now() -> None:
    server = Server()
    await server.write(event(1), ranking(2), event(3), ranking(4))
    old = positions.format_positions(
        {**dict.fromkeys(positions.partitions(PARTITIONS, WITHOUT_CAUSES), 0), Partition(EVENTS, 0): 1}, WITHOUT_CAUSES
    )
    client = await server.follow(("stream", "events"), FOLLOWED, header=old)
    await server.write(ranking(5))
    await client.titles(2)
    assert (titles_of(client, "event"), titles_of(client, "causes")) == (["3"], ["5"])
    await client.leave()
    back = await server.follow(("stream", "events"), FOLLOWED, header=client.last_id)
    await server.write(ranking(6))
    assert await back.titles(1) == ["6"]
    await back.leave()


async def test_beside_a_place_that_names_no_causes_they_begin_where_the_client_says() -> None:
    server = Server()
    await server.write(event(1), ranking(2), at=NOW)
    await server.write(event(3), ranking(4), at=NOW + 10)
    old = positions.format_positions(
        {**dict.fromkeys(positions.partitions(PARTITIONS, WITHOUT_CAUSES), 0), Partition(EVENTS, 0): 2}, WITHOUT_CAUSES
    )
    client = await server.follow(("stream", "events"), FOLLOWED, ("from", str(NOW + 10)), header=old)
    await server.write(event(5))
    await client.titles(2)
    assert (titles_of(client, "event"), titles_of(client, "causes")) == (["5"], ["4"])
    await client.leave()


async def test_a_place_that_names_causes_is_taken_by_who_follows_none() -> None:
    server = Server()
    await server.write(event(1), ranking(2), event(3))
    place = positions.format_positions(
        {**dict.fromkeys(positions.partitions(PARTITIONS, WITH_CAUSES), 0), Partition(EVENTS, 0): 1}, WITH_CAUSES
    )
    client = await server.follow(header=place)
    assert await client.titles(1) == ["3"]
    assert set(positions.parse_positions(client.last_id, PARTITIONS)) == set(positions.partitions(PARTITIONS, WITHOUT_CAUSES))
    await client.leave()


async def test_what_compaction_took_is_no_gap_and_what_it_left_is_shown() -> None:
    server = Server()
    client = await server.follow(("from", "0"), FOLLOWED)
    await server.write(*(ranking(1, revision=number, title=f"{number}") for number in range(1, 8)))
    await client.titles(2)
    place = client.messages[1].id
    await client.leave()
    server.log.compact(Partition(CAUSES, 0), *range(6))
    back = await server.follow(FOLLOWED, header=place)
    await server.write(ranking(1, revision=8, title="8"))
    assert await back.titles(2) == ["7", "8"]
    assert {one.kind for one in back.messages} == {"causes"}
    await back.leave()


async def test_tombstones_and_what_nobody_can_read_are_passed() -> None:
    server = Server()
    client = await server.follow(FOLLOWED)
    await server.log.append(Partition(CAUSES, 0), NOW, None, b"not Avro", b"")
    await server.write(ranking(1))
    assert await client.titles(1) == ["1"]
    assert positions.parse_positions(client.last_id, PARTITIONS)[Partition(CAUSES, 0)] == 4
    await client.leave()
