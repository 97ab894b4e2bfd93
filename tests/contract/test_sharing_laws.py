"""Questions asked together get the answers that each gets alone, from the memory store and from ClickHouse."""

import random

import pytest

from causeline.query_api.questions.query import ChangeQuery, KindWindow, Page, ProblemFilter, RateQuery
from causeline.query_api.reading.sharing import RecentAnswers, share_changes, share_problems, share_rates
from tests.contract.event_rows import DAY, HOUR, MINUTE, T0, TENANT, Bench, after, event, gone, problem

SERVICES = ("checkout", "payments", "search", "")


def changes_of(draw: random.Random) -> ChangeQuery:
    at = T0 + draw.randrange(0, 3 * HOUR)
    windows = (KindWindow(("deployment",), at - 4 * HOUR), KindWindow(("config_change", "drift"), at - DAY))
    return ChangeQuery(
        tenant=TENANT,
        groups=(),
        at=at,
        from_ms=at - DAY,
        to_ms=at + 2 * MINUTE,
        service=draw.choice(SERVICES),
        entities=tuple(draw.sample(("H1", "H2"), draw.randrange(3))),
        tags=(("k", "v"),) if draw.random() < 0.5 else (),
        environment=draw.choice(("", "production")),
        windows=windows,
        limit=draw.choice((3, 2_001)),
    )


def problems_of(draw: random.Random, now: int) -> ProblemFilter:
    to_ms = T0 + draw.randrange(0, 3 * HOUR)
    services = tuple(draw.sample(SERVICES[:3], draw.randrange(1, 4)))
    return ProblemFilter(tenant=TENANT, now=now, from_ms=to_ms - draw.choice((HOUR, 2 * DAY)), to_ms=to_ms, services=services)


def rates_of(draw: random.Random) -> RateQuery:
    services = tuple(draw.sample(SERVICES[:3], draw.randrange(1, 4)))
    starts = tuple((name, T0 + hours * HOUR) for name in services for hours in range(draw.randrange(3)))
    return RateQuery(tenant=TENANT, groups=(), from_ms=T0 - DAY, to_ms=T0 + DAY, services=services, kinds=("deployment",), problems=starts)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_answers_together_are_those_of_each_alone(bench: Bench, seed: int) -> None:
    draw = random.Random(seed)
    events = [
        event(
            T0 + draw.randrange(-2 * DAY, 3 * HOUR),
            kind=draw.choice(("deployment", "config_change", "drift", "build")),
            service=draw.choice(SERVICES),
            entities=draw.sample(("H1", "H2"), draw.randrange(3)),
            tags={"k": draw.choice("vw")},
            environment=draw.choice(("", "production")),
            allowed_groups=draw.choice(([], [], ["sre"])),
        )
        for _ in range(120)
    ]
    problems = [problem(T0 + draw.randrange(-2 * DAY, 3 * HOUR), service=draw.choice(SERVICES)) for _ in range(40)]
    closings = [after(row, "closed", row.start + draw.randrange(DAY)) for row in problems[::2]]
    bench.put(*events, *(gone(row) for row in events[::10]), *problems, *closings)
    changes = [changes_of(draw) for _ in range(5)]
    assert await share_changes(bench.store, changes) == [await bench.store.changes(query) for query in changes]
    wheres, page = [problems_of(draw, T0 + DAY) for _ in range(5)], Page(limit=draw.choice((4, 500)))
    assert await share_problems(bench.store, wheres, page) == [await bench.store.problems(where, page) for where in wheres]
    rates = [rates_of(draw) for _ in range(5)]
    together = await share_rates(bench.store, rates, RecentAnswers(lambda: 0.0))
    assert [set(map(repr, own)) for own in together] == [set(map(repr, await bench.store.rates(query))) for query in rates]
