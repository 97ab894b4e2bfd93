"""A fleet: services that call each other, how often each changes, and how risky that is. A pure function of its family and seed.

It assumes: services lie in layers and call two to four of lower ones; rates of deploying are spread over three decades (a few services
deploy twenty to sixty times a day, most once in days); rarer changes are riskier each (risk falls with the fourth root of the rate);
deployments and migrations are riskier than flags, scaling and operations; three quarters of the changes are of production. What a
tenant knows of rates and risks is 90 days of counts, noise included, with problems that followed by chance.
"""

import math
from random import Random
from typing import Final, NamedTuple

from causeline.query_api.causes.context import Pair, PastFeedback, RiskCount
from tests.bench.causes.families import Family

KIND_RISKS: Final = {
    "deployment": 0.04,
    "config_change": 0.03,
    "flag": 0.015,
    "scale": 0.006,
    "operation": 0.008,
    "migration": 0.06,
    "infrastructure": 0.05,
}
"""The chance that one change of a kind does a problem, for a service that deploys once a day."""

_KIND_RATES: Final = {
    "deployment": 1.0,
    "config_change": 0.25,
    "flag": 0.3,
    "scale": 0.25,
    "operation": 0.15,
    "migration": 0.02,
    "infrastructure": 0.02,
}
"""Changes of a kind beside one deployment."""

_COUNTED_DAYS: Final = 90
_CHANCE: Final = 0.03
"""The chance that a problem follows a change within a day without having to do with it."""
_SAID: Final = 0.15
"""How often somebody says so, in the end."""


class Service(NamedTuple):
    """A service: what it calls, its host, its tags, its topics, and by kind how often (a day) it changes and how risky one change is."""

    name: str
    callees: tuple[str, ...]
    host: str
    tags: dict[str, str]
    rates: dict[str, float]
    risks: dict[str, float]
    topics: tuple[str, ...]

    def speak_of(self, random: Random) -> tuple[str, ...]:
        """Return what is said of it: one of its topics, in two of five cases."""
        return (random.choice(self.topics),) if random.random() < 0.4 else ()


class Fleet(NamedTuple):
    """All services by name, and what the tenant counted of them."""

    services: dict[str, Service]
    counts: dict[Pair, RiskCount]
    known_rates: dict[Pair, float]
    history: dict[Pair, PastFeedback]

    def callees_of(self, name: str, most: int = 3) -> dict[str, int]:
        """Return what a service depends on, by hops."""
        hops: dict[str, int] = {}
        edge = [name]
        for hop in range(1, most + 1):
            edge = [callee for caller in edge for callee in self.services[caller].callees if callee not in hops and callee != name]
            hops.update(dict.fromkeys(edge, hop))
        return hops

    def callers_of(self, name: str) -> frozenset[str]:
        """Return what calls a service."""
        return frozenset(each.name for each in self.services.values() if name in each.callees)


def make_fleet(family: Family, random: Random) -> Fleet:
    """Return a fleet of a family."""
    names = [f"{random.choice(_SYLLABLES)}{random.choice(_SYLLABLES)}-{number}" for number in range(family.services)]
    services: dict[str, Service] = {}
    for number, name in enumerate(names):
        lower = names[number + 1 : number + 1 + family.services // 3]
        callees = tuple(sorted(random.sample(lower, min(len(lower), random.randint(2, 4)))))
        services[name] = _make_service(family, random, name, callees)
    counts, rates, history = {}, {}, {}
    for service in services.values():
        for kind, rate in service.rates.items():
            expected = rate * _COUNTED_DAYS
            changes = max(0, round(random.gauss(expected, math.sqrt(expected))))
            risk = min(0.9, service.risks[kind] + _CHANCE)
            problems = sum(random.random() < risk for _ in range(changes))
            counts[Pair(service.name, kind)] = RiskCount(changes, problems)
            if changes:
                rates[Pair(service.name, kind)] = changes / _COUNTED_DAYS
            confirmations = sum(random.random() < service.risks[kind] * _SAID for _ in range(changes))
            rejections = sum(random.random() < _CHANCE * _SAID for _ in range(changes))
            if confirmations or rejections:
                history[Pair(service.name, kind)] = PastFeedback(confirmations, rejections)
    return Fleet(services, counts, rates, history)


_SYLLABLES: Final = (
    "pay",
    "cart",
    "ship",
    "mail",
    "auth",
    "bill",
    "feed",
    "map",
    "geo",
    "log",
    "ads",
    "bid",
    "seat",
    "trip",
    "card",
    "user",
)


def _make_service(family: Family, random: Random, name: str, callees: tuple[str, ...]) -> Service:
    is_frequent = random.random() < family.frequent
    deploys = random.uniform(20, 60) if is_frequent else math.exp(random.gauss(math.log(0.7), 1.1))
    rates = {kind: deploys * share * math.exp(random.gauss(0, 0.5)) for kind, share in _KIND_RATES.items()}
    care = math.exp(random.gauss(0, 0.6)) / deploys**0.25
    risks = {kind: min(0.5, risk * care) for kind, risk in KIND_RISKS.items()}
    tags = {"team": f"team-{random.randrange(12)}", "region": random.choice(("eu", "us", "ap"))}
    topics = tuple(f"topic{random.randrange(200)}" for _ in range(3))
    return Service(name, callees, f"HOST-{random.randrange(family.services)}", tags, rates, risks, topics)
