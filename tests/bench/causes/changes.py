"""Changes of a fleet around an onset: each service's own, at its own rate; and words, versions and outcomes as sources write them.

It assumes that innocent changes come at any time (a Poisson process each), in bursts where the family has them; that 4 % of them fail and
2 % are rolled back all the same; that titles speak in common words, with one word of a large vocabulary, and in two of five
cases of what their service is about.
"""

import math
from random import Random
from typing import Any, Final

from causeline.query_api.causes.facts import Candidate, Outcome, RolloutStep
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, HOUR, LOOKBACKS, MINUTE
from tests.bench.causes.families import Family
from tests.bench.causes.fleet import Fleet, Service

ONSET: Final = 1_760_000_000_000
WORDS: Final = 3_000
DOCUMENTS: Final = 100_000
_COMMON: Final = ("update", "bump", "fix", "deploy", "config", "improve", "remove", "add", "cleanup", "errors", "latency", "timeouts")


def word_counts() -> dict[str, int]:
    """Return in how many events each word occurs: the n-th rarest one in fewer than those before it."""
    counts = {f"word{rank}": max(2, round(DOCUMENTS * 0.02 / rank)) for rank in range(1, WORDS)}
    topics = {f"topic{number}": 300 for number in range(200)}
    return counts | topics | dict.fromkeys(_COMMON, DOCUMENTS // 5)


def speak(random: Random, *words: str) -> str:
    """Return a sentence of common words, a word of the vocabulary, and what else it is to say."""
    vocabulary = f"word{min(WORDS - 1, int(math.exp(random.uniform(0, math.log(WORDS)))))}"
    return " ".join([*random.sample(_COMMON, 3), vocabulary, *words])


def make_change(random: Random, service: Service | None, kind: str, at: int, name: str, **fields: Any) -> Candidate:
    """Return a change of a service (None: for everything) that begins at an instant (ms UTC)."""
    length = round(math.exp(random.gauss(math.log(3 * MINUTE), 0.7)))
    is_instant = kind in ("flag", "config_change", "scale")
    ending = random.random()
    outcome: Outcome = "failed" if ending < 0.04 else "rolled_back" if ending < 0.06 else ""
    return Candidate(
        **{
            "id": name,
            "kind": kind,
            "ts": at,
            "start": at,
            "end": None if is_instant else at + length,
            "status": "success",
            "outcome": outcome,
            "service": service.name if service else "",
            "environment": "production" if random.random() < 0.75 else "staging",
            "entities": frozenset({service.host}) if service and kind in ("infrastructure", "operation") else frozenset(),
            "tags": dict(service.tags) if service and random.random() < 0.6 else {},
            "title": speak(random, *(service.speak_of(random) if service else ())),
            "release": f"{random.randrange(1, 9)}.{random.randrange(40)}.{random.randrange(20)}" if kind == "deployment" else "",
            "commit": f"{random.getrandbits(160):040x}" if kind == "deployment" and random.random() < 0.7 else "",
            **fields,
        }
    )


def make_rollout(random: Random, change: Candidate) -> Candidate:
    """Return a change as a rollout of three steps, ten minutes apart."""
    steps = tuple(
        RolloutStep(
            change.begin + number * 10 * MINUTE, change.begin + number * 10 * MINUTE + round(random.uniform(1, 4) * MINUTE), "success"
        )
        for number in range(3)
    )
    return Candidate(**{name: getattr(change, name) for name in change.__struct_fields__} | {"steps": steps, "end": steps[-1].end})


def make_background(random: Random, fleet: Fleet, family: Family, *, is_burst: bool) -> list[Candidate]:
    """Return the innocent changes that a problem's window touches, and a few that began after the onset."""
    changes: list[Candidate] = []
    skew = family.skew * 1000
    for service in fleet.services.values():
        for kind, rate in service.rates.items():
            before, after = LOOKBACKS[kind], CLOCK_ERROR + 3 * MINUTE
            for _ in range(_poisson(random, rate * (before + after) / DAY)):
                at = ONSET + round(random.uniform(-before, after) + random.gauss(0, skew))
                change = make_change(random, service, kind, at, f"b{len(changes)}")
                changes.append(make_rollout(random, change) if kind == "deployment" and random.random() < 0.15 else change)
    for _ in range(_poisson(random, 4)):
        kind = random.choice(("infrastructure", "config_change"))
        at = ONSET - round(random.uniform(0, LOOKBACKS[kind]))
        changes.append(make_change(random, None, kind, at, f"b{len(changes)}", entities=frozenset({"*"})))
    if is_burst:
        names = random.choices(sorted(fleet.services), k=80)
        for name in names:
            at = ONSET - round(random.uniform(0, 10 * MINUTE))
            changes.append(
                make_change(random, fleet.services[name], random.choice(("deployment", "config_change", "flag")), at, f"b{len(changes)}")
            )
    return changes


def _poisson(random: Random, mean: float) -> int:
    count, left = 0, random.expovariate(1.0)
    while left < mean:
        count, left = count + 1, left + random.expovariate(1.0)
    return count


def draw_delay(random: Random, family: Family) -> int:
    """Return how long (ms) a fault takes to show, by the family's law; slow ones take hours, whatever the law."""
    if random.random() < family.slow:
        return round(min(3.5 * HOUR, math.exp(random.gauss(math.log(1.5 * HOUR), 0.6))))
    match family.delay_law:
        case "uniform":
            minutes = random.uniform(0.5, 2 * family.median)
        case "exponential":
            minutes = random.expovariate(math.log(2) / family.median)
        case "lognormal" | "rollout":
            minutes = math.exp(random.gauss(math.log(family.median), family.spread))
    return round(min(3.5 * HOUR, minutes * MINUTE))
