"""Twelve weeks before the day of the demo, in outline: what DORA metrics, insights and a month of a service's state need. Pure."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Final

from causeline.deploy.commands.demo.delivery import draw_commit, draw_length, draw_whether, tell_deployment, tell_stages
from causeline.deploy.commands.demo.faults import draw_symptom, tell_fault, tell_incident
from causeline.deploy.commands.demo.fleet import BY_NAME, FLEET
from causeline.deploy.commands.demo.marks import DemoEvent, DemoRun
from causeline.deploy.commands.demo.releases import Releases
from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE

_DAYS: Final = 84
_BUILT_DAYS: Final = 21
"""So many days before now commits are built and tested too."""
_PACE: Final = 0.75
_WEEKEND: Final = 0.1
_RISK: Final = 0.07
"""How often a deployment does a problem."""
_NOTHING_DONE: Final = 0.12
"""Problems a day that no change did."""


def tell_past(run: DemoRun, random: Random, releases: Releases) -> Iterator[DemoEvent]:
    """Yield what happened from twelve weeks before a run's moment until a day before it."""
    latest = run.at - DAY
    for day in range(_DAYS, 1, -1):
        begin = run.at - day * DAY
        is_weekend = datetime.fromtimestamp(begin / 1_000, UTC).isoweekday() > 5  # noqa: PLR2004 - Saturday and Sunday
        share = _PACE * (_WEEKEND if is_weekend else 1)
        times = sorted(
            (begin + round(random.uniform(0, DAY)), service.name) for service in FLEET for _ in range(_draw(random, service.pace * share))
        )
        for number, (at, name) in enumerate(times):
            yield from _tell_one(run, random, releases, (f"{day}/{number}", name), at, latest)
        if draw_whether(random, _NOTHING_DONE):
            start = begin + round(random.uniform(0, DAY))
            symptom = draw_symptom(random, random.choice(FLEET), start, start + draw_length(random, 40 * MINUTE), outside=True)
            yield tell_incident(run, f"past/{day}/outside", symptom)


def _tell_one(run: DemoRun, random: Random, releases: Releases, name: tuple[str, str], at: int, latest: int) -> Iterator[DemoEvent]:
    """Yield a deployment, its build where that is not too long ago, and what it broke."""
    service = BY_NAME[name[1]]
    key = f"past/{name[0]}"
    rollout, event = tell_deployment(run, random, key, service, releases.next_of(service.name), at)
    yield event
    if at > run.at - _BUILT_DAYS * DAY:
        about = {**service.fields, "branch": "main", "commit": draw_commit(random)}
        yield from tell_stages(run, random, key, about, at - HOUR)
    if draw_whether(random, _RISK) and event.body["status"] == "succeeded":
        opinion = "confirmed" if draw_whether(random, 0.1) else ""
        yield from tell_fault(run, random, f"{key}/fault", rollout, latest, opinion)


def _draw(random: Random, mean: float) -> int:
    """Return how many happen, of which so many do on average (Poisson)."""
    count, remaining = 0, random.expovariate(1.0)
    while remaining < mean:
        count, remaining = count + 1, remaining + random.expovariate(1.0)
    return min(count, math.ceil(4 * mean + 4))
