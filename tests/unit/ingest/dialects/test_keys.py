"""One key is one event of one tenant and API, wherever it lies: from requests to two servers, to what is on the public topics."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causeline.schemas.records.problem import Problem
from tests.unit.ingest.dialects.keys_world import PARTITIONS, Post, Reply, World, ops, published_twice

NATIVE, TRACKER, CTO_AI, DESK, ESCAPEKIT = (
    *("/v1/events", "/api/v1alpha1/event", "/events"),
    *("/e/default/api/v1/events", "/internal/create-event"),
)


def incident(title: str, correlation: str = "corr-A", status: str = "open", **more: Any) -> dict[str, Any]:
    return {"kind": "incident", "title": title, "status": status, "correlation_id": correlation, **more}


def cto(action: str = "initiated", repo: str = "api", **more: Any) -> dict[str, Any]:
    return {"event_name": "incident", "event_action": action, "team_id": "t", "repo": repo, **more}


def desk(kind: str, *entities: str, title: str = "t") -> dict[str, Any]:
    return {"eventType": kind, "source": "s", "attachRules": {"entityIds": list(entities)}, "description": title, "title": title}


def items(*titles: str, **more: Any) -> list[dict[str, Any]]:
    return [{"kind": "deployment", "title": title, **more} for title in titles]


OTHER_CONTENT: dict[str, tuple[str, Any, Any]] = {
    "native, another correlation id": (NATIVE, incident("t A"), incident("t B", "corr-B")),
    "native, an item more": (NATIVE, items("a", "b"), items("a", "b", "c")),
    "CTO.ai, another repo": (CTO_AI, cto(), cto(repo="web")),
    "CTO.ai, another team": (CTO_AI, cto(), cto(team_id="u")),
    "Tracker": (TRACKER, {"title": "a"}, {"title": "b"}),
    "DESK, another payload": (DESK, desk("ERROR_EVENT", "H-1"), desk("ERROR_EVENT", "H-1", title="other")),
    "DESK, another entity of a problem": (DESK, desk("ERROR_EVENT", "H-1"), desk("ERROR_EVENT", "H-2")),
    "DESK, another entity": (DESK, desk("CUSTOM_INFO", "H-1"), desk("CUSTOM_INFO", "H-2")),
    "DESK, an entity more": (DESK, desk("CUSTOM_INFO", "H-1", "H-2"), desk("CUSTOM_INFO", "H-1", "H-2", "H-3")),
    "EscapeKit, another id": (ESCAPEKIT, {"type": "ADD_BUILD", "id": "1"}, {"type": "ADD_BUILD", "id": "2"}),
    "EscapeKit, other ids": (ESCAPEKIT, [{"type": "ADD_BUILD", "id": "1"}], [{"type": "ADD_BUILD", "id": "2"}]),
}
SAME_CONTENT: dict[str, tuple[str, Any, Any]] = {
    "null is absent": (NATIVE, incident("t", service=None), incident("t")),
    "folded": (NATIVE, {"kind": "Deployment", "title": "t", "status": "OK"}, {"status": "ok", "title": "t", "kind": "deployment"}),
    "tags are text": (NATIVE, items("t", tags={"n": 1, "x": None})[0], items("t", tags={"n": "1"})[0]),
    "times": (NATIVE, items("t", ts="2026-11-28T10:00:00Z")[0], items("t", ts=1_795_860_000_000)[0]),
    "unknown and null": (NATIVE, items("t", x=None)[0], items("t")[0]),
    "Tracker's codes": (
        TRACKER,
        {"title": "t", "attributes": {"type": 1, "owner": None}},
        {"title": "t", "attributes": {"type": "deployment"}},
    ),
    "CTO.ai": (CTO_AI, cto("Initiated", image=None), cto("initiated")),
    "DESK": (DESK, desk("CUSTOM_INFO", "H-1") | {"customProperties": None}, desk("CUSTOM_INFO", "H-1")),
    "EscapeKit": (ESCAPEKIT, {"type": "T", "username": " ", "allowed_roles": ["a"]}, {"type": "T", "allowed_groups": ["a"]}),
}


@pytest.mark.parametrize("case", OTHER_CONTENT)
@pytest.mark.parametrize("second", [0, 1], ids=["the server that knows", "another server"])
async def test_other_content_under_a_known_key_is_never_stored(case: str, second: int) -> None:
    world = World()
    path, first, other = OTHER_CONTENT[case]
    assert (await world.post(Post(path, first, "k"))).status < 300
    before = len(world.drain().events)
    reply = await world.post(Post(path, other, "k"), second)
    assert reply.status == (409 if second == 0 else reply.status)
    outputs = world.drain()
    assert len(outputs.events) == before
    assert published_twice(outputs) == []
    assert {letter.reason for letter in outputs.letters} == {"idempotency_conflict"}


@pytest.mark.parametrize("case", OTHER_CONTENT)
@pytest.mark.parametrize("second", [0, 1], ids=["the server that knows", "another server"])
async def test_a_retry_is_a_repeat_of_each_item(case: str, second: int) -> None:
    world = World()
    path, body, _ = OTHER_CONTENT[case]
    first = await world.post(Post(path, body, "k"))
    before = world.drain()
    again = await world.post(Post(path, body, "k"), second)
    assert again == first or second == 1
    assert world.drain() == before


@pytest.mark.parametrize("case", SAME_CONTENT)
async def test_content_is_compared_as_it_is_stored(case: str) -> None:
    world = World()
    path, first, same = SAME_CONTENT[case]
    assert (await world.post(Post(path, first, "k"))).status < 300
    assert (await world.post(Post(path, same, "k"))).status < 300
    outputs = world.drain()
    assert len(outputs.events) == 1
    assert outputs.letters == []


async def test_two_apis_share_no_key() -> None:
    world = World()
    for post in (Post(NATIVE, items("a")[0], "k"), Post(TRACKER, {"title": "b"}, "k"), Post(CTO_AI, cto(), "k")):
        assert (await world.post(post)).status < 300
    outputs = world.drain()
    assert {event.dialect for event in outputs.events} == {"native", "tracker", "cto_ai"}
    assert len({event.id for event in outputs.events}) == 3
    assert outputs.letters == []


async def test_an_item_whose_key_is_the_requests_is_stored_once() -> None:
    world = World()
    await world.post(Post(NATIVE, items("a")[0] | {"idempotency_key": "k"}, "k"))
    await world.post(Post(NATIVE, [*items("a", "b", idempotency_key="l"), *items("c", idempotency_key="l")], "l"))
    await world.post(Post(ESCAPEKIT, {"type": "T", "id": "k"}, "k"))
    outputs = world.drain()
    assert sorted(event.title for event in outputs.events) == ["T", "a", "a", "b", "c"]
    assert outputs.letters == []


async def test_items_of_a_batch_are_answered_each_for_its_own_key() -> None:
    world = World()
    await world.post(Post(NATIVE, items("a", idempotency_key="x")))
    reply = await world.post(Post(NATIVE, [*items("b", idempotency_key="x"), *items("c", idempotency_key="y")]))
    assert [result["status"] for result in reply.body["results"]] == ["rejected", "accepted"]
    assert reply.body["results"][0]["errors"][0]["field"] == "idempotency_key"
    assert ops(world)["conflict"] == 1
    assert sorted(event.title for event in world.drain().events) == ["a", "c"]


async def test_what_was_appended_in_part_is_completed_by_its_retry() -> None:
    world = World()
    whole = Post(NATIVE, items(*"abcdef"), "k")
    await world.post(whole)
    (partition,) = [log for log in world.log.partitions if log]
    del partition[3:]
    assert len(world.drain().events) == 3
    world.restart(0)
    await world.post(whole)
    assert sorted(event.title for event in world.drain().events) == list("abcdef")


TITLES, KEYS = st.sampled_from("xy"), st.sampled_from(["", "k1", "k2"])
CORRELATIONS = st.sampled_from(["c1", "c2", "c3"])
BODIES = st.one_of(
    st.tuples(st.just(NATIVE), st.builds(incident, TITLES, CORRELATIONS, st.sampled_from(["open", "closed"]))),
    st.tuples(
        st.just(NATIVE), st.builds(lambda title, key: incident(title) | {"idempotency_key": key}, TITLES, st.sampled_from(["k1", "k3"]))
    ),
    st.tuples(st.just(NATIVE), st.lists(st.builds(incident, TITLES, CORRELATIONS), min_size=1, max_size=3)),
    st.tuples(st.just(CTO_AI), st.builds(cto, st.sampled_from(["initiated", "succeeded"]), st.sampled_from(["api", "web"]))),
    st.tuples(st.just(TRACKER), st.builds(lambda title: {"title": title, "attributes": {"type": 4, "status": 7}}, TITLES)),
    st.tuples(
        st.just(DESK), st.builds(desk, st.sampled_from(["ERROR_EVENT", "CUSTOM_INFO"]), st.just("H-1"), st.sampled_from(["H-1", "H-2"]))
    ),
    st.tuples(
        st.just(ESCAPEKIT),
        st.lists(st.fixed_dictionaries({"type": TITLES}, optional={"id": st.sampled_from(["k1", "k4"])}), min_size=1, max_size=2),
    ),
)
POSTS = st.builds(lambda sent, key, tenant: Post(sent[0], sent[1], key, tenant), BODIES, KEYS, st.sampled_from(["default", "other"]))
STEPS = st.one_of(
    st.tuples(st.just("post"), POSTS, st.integers(0, 1)),
    st.tuples(st.just("again"), st.integers(0, 20), st.integers(0, 1)),
    st.tuples(st.just("work"), st.integers(0, PARTITIONS - 1), st.integers(1, 4)),
    st.tuples(st.just("die"), st.integers(0, PARTITIONS - 1), st.integers(1, 4)),
    st.tuples(st.just("restart"), st.integers(0, 1), st.just(0)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEPS, max_size=25))
async def test_however_requests_and_rounds_fall_a_key_is_one_event(steps: list[tuple[str, Any, int]]) -> None:
    world = World()
    posts: list[Post] = []
    replies: list[tuple[Post, Reply]] = []
    for what, given_, number in steps:
        if what in {"work", "die"}:
            world.work(given_, number, dies=what == "die")
        elif what == "restart":
            world.restart(given_)
        elif what == "post" or posts:
            post = given_ if what == "post" else posts[given_ % len(posts)]
            posts.append(post)
            replies.append((post, await world.post(post, number)))
    outputs = world.drain()
    assert published_twice(outputs) == []
    assert {reply.status for _, reply in replies} <= {200, 201, 409}
    assert {letter.reason for letter in outputs.letters} <= {"idempotency_conflict"}
    assert len(outputs.letters) >= sum(reply.status == 409 for _, reply in replies)
    versions: dict[str, list[int]] = {}
    for event in outputs.events:
        versions.setdefault(event.id, []).append(event.version)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in versions.values())
    # A server that does not know of the first content acknowledges another one: that is a dead letter then.
    known_ids = versions.keys() | {letter.id for letter in outputs.letters}
    for post, reply in replies:
        assert reply.status == 409 or {*ids_in(post, reply)} <= known_ids
    assert_one_open(outputs.problems)


def ids_in(post: Post, reply: Reply) -> list[str]:
    """Return the ids of the events that an answer names (those that are not another form of it)."""
    if post.path == NATIVE and "results" in reply.body:
        return [result["id"] for result in reply.body["results"] if result["status"] == "accepted"]
    return [reply.body["id"]] if post.path in {NATIVE, TRACKER, CTO_AI} else []


def assert_one_open(problems: list[Problem]) -> None:
    newest: dict[str, Problem] = {}
    for problem in problems:
        previous = newest.get(problem.id)
        assert problem.version == (previous.version if previous else 0) + 1
        newest[problem.id] = problem
        of_same = [
            one.id
            for one in newest.values()
            if (one.tenant, one.correlation_id) == (problem.tenant, problem.correlation_id) and one.end is None
        ]
        assert len(of_same) <= 1
