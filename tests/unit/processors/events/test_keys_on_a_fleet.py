"""One key is one event, and a record that concerns two partitions takes effect once in each, whatever happens to the workers."""

from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as drawn
from hypothesis import strategies as st

from causeline.processors.adapters.memory.broker import CrashPoint
from causeline.processors.runtime.ports import BrokerError
from tests.unit.ingest.dialects.keys_world import Post
from tests.unit.processors.events.keys_fleet import KeysFleet, check

NATIVE, TRACKER, CTO_AI, DESK = "/v1/events", "/api/v1alpha1/event", "/events", "/e/default/api/v1/events"
STEPS: tuple[CrashPoint, ...] = get_args(CrashPoint)
_T0 = 1_700_000_000_000
_WORKERS = 3


def incident(title: str, correlation: str, status: str, at: int, **more: Any) -> dict[str, Any]:
    fields = {"kind": "incident", "title": title, "status": status, "correlation_id": correlation, "ts": _T0 - 60_000 * at}
    return fields | more


def cto(action: str, repo: str) -> dict[str, Any]:
    return {"event_name": "incident", "event_action": action, "team_id": "t", "repo": repo}


def push(kind: str, *entities: str) -> dict[str, Any]:
    return {"eventType": kind, "source": "s", "attachRules": {"entityIds": list(entities)}, "description": "d", "title": "t"}


def tracked(title: str, status: int) -> dict[str, Any]:
    return {"title": title, "attributes": {"type": 4, "status": status}}


async def _fleet(workers: int) -> KeysFleet:
    world = KeysFleet()
    for _ in range(workers):
        await world.fleet.add()
    return world


def _only_faults_ended_workers(world: KeysFleet) -> None:
    failures = [worker.failure() for worker in world.fleet.workers]
    assert all(failure is None or isinstance(failure, BrokerError) for failure in failures), failures


async def _end(world: KeysFleet) -> None:
    try:
        check(world, await world.end())
        _only_faults_ended_workers(world)
    finally:
        await world.fleet.stop()


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("dies", [True, False], ids=["dies", "is a zombie"])
async def test_what_goes_on_to_other_partitions_takes_effect_once_though_its_workers_die(step: CrashPoint, times: int, dies: bool) -> None:  # noqa: FBT001
    world = await _fleet(2)
    for worker in world.fleet.workers:
        (worker.faults.kill_at if dies else worker.faults.stop_at)(step, times)
    batch = [incident(f"b{n}", f"c{n}", "open", n, idempotency_key=f"own-{n}") for n in range(6)]
    posts = [Post(NATIVE, batch, "batch"), Post(DESK, push("ERROR_EVENT", *(f"H-{n}" for n in range(6))), "push")]
    posts += [Post(CTO_AI, cto("initiated", f"r{n}"), f"k{n}") for n in range(3)]
    for post in posts:
        assert (await world.send(post)).status < 300
    await world.settle()
    await world.fleet.bury()
    await world.fleet.add()
    for post in posts:
        assert (await world.send(post, 1)).status < 300
    await _end(world)
    records = world.records(passed_on=True)
    assert {"create", "signal", "push"} <= {record.op for record in records}
    outputs = world.outputs()
    assert len({problem.correlation_id for problem in outputs.problems}) == len(outputs.problems) == 6 + 6 + 3


KEYS, TENANTS = st.sampled_from(["", "", "k1", "k2", "k3"]), st.sampled_from(["default", "default", "other"])
CORRELATIONS, STATUSES, AT = st.sampled_from(["c1", "c2", "c3"]), st.sampled_from(["open", "closed"]), st.integers(0, 100_000)
KINDS = st.sampled_from(["ERROR_EVENT", "CUSTOM_INFO"])
TITLES, NUMBERS = st.sampled_from("xy"), st.integers(0, 20)
INCIDENTS = st.builds(incident, TITLES, CORRELATIONS, STATUSES, AT)
OWN_KEYS = st.builds(lambda told, key: told | {"idempotency_key": key}, INCIDENTS, st.sampled_from(["k1", "k4", "k5"]))
BODIES = st.one_of(
    st.tuples(st.just(NATIVE), st.one_of(INCIDENTS, OWN_KEYS, st.lists(st.one_of(INCIDENTS, OWN_KEYS), min_size=1, max_size=3))),
    st.tuples(st.just(CTO_AI), st.builds(cto, st.sampled_from(["initiated", "recovered"]), st.sampled_from(["api", "web"]))),
    st.tuples(st.just(TRACKER), st.builds(tracked, TITLES, st.sampled_from([7, 8]))),
    st.tuples(
        st.just(DESK), st.builds(push, st.sampled_from(["ERROR_EVENT", "CUSTOM_INFO"]), st.just("H-1"), st.sampled_from(["H-2", "H-3"]))
    ),
)
POSTS = st.builds(lambda sent, key, tenant: Post(sent[0], sent[1], key, tenant), BODIES, KEYS, TENANTS)
SERVERS = st.integers(0, 1)
ACTIONS = st.one_of(
    st.tuples(st.just("post"), POSTS, SERVERS),
    st.tuples(st.just("post"), POSTS, SERVERS),
    st.tuples(st.just("again"), NUMBERS, SERVERS),
    st.tuples(st.just("put"), NUMBERS, st.tuples(KEYS, st.sampled_from([7, 8]), SERVERS)),
    st.tuples(st.just("die"), NUMBERS, st.tuples(st.sampled_from(STEPS), st.integers(1, 3), st.booleans())),
    st.tuples(st.sampled_from(["work", "bury", "add", "rebalance", "go_on"]), NUMBERS, st.none()),
    st.tuples(st.just("restart"), SERVERS, st.none()),
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@drawn(st.lists(ACTIONS, min_size=5, max_size=30))
async def test_however_requests_deaths_and_rebalances_fall_a_key_is_one_event(actions: list[tuple[str, Any, Any]]) -> None:
    world = await _fleet(2)
    for serial, (what, one, more) in enumerate(actions):
        await _act(world, serial, what, one, more)
    await _end(world)


async def _act(world: KeysFleet, serial: int, what: str, one: Any, more: Any) -> None:
    if what == "post":
        await world.send(one, more)
    elif what == "again" and world.answered:
        await world.send(world.answered[one % len(world.answered)].post, more)
    elif what == "put":
        await _put(world, serial, one, *more)
    elif what == "restart":
        world.restart(one)
    else:
        await _disturb(world, what, one, more)


async def _put(world: KeysFleet, serial: int, one: int, key: str, status: int, server: int) -> None:
    """Change a Tracker event that is published."""
    await world.settle()
    changeable = sorted({(event.tenant, event.id) for event in world.outputs().events if event.dialect == "tracker"})
    if changeable:
        tenant, changed = changeable[one % len(changeable)]
        await world.send(Post(TRACKER, tracked(f"put {serial}", status) | {"id": changed}, key, tenant, "PUT"), server)


async def _disturb(world: KeysFleet, what: str, one: int, more: Any) -> None:
    fleet = world.fleet
    living = [worker for worker in fleet.workers if not worker.ended and not worker.faults.stopped]
    sleepers = [worker for worker in fleet.workers if not worker.ended and worker.faults.stopped]
    if what == "die" and living:
        step, times, dies = more
        faults = living[one % len(living)].faults
        (faults.kill_at if dies else faults.stop_at)(step, times)
    elif what == "add" and len(living) + len(sleepers) < _WORKERS:
        await fleet.add()
    elif what == "go_on" and sleepers:
        await fleet.go_on(sleepers[one % len(sleepers)])
    elif what == "bury":
        await fleet.bury()
    elif what == "rebalance":
        await fleet.rebalance()
    else:
        await world.settle()
