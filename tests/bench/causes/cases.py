"""Problems of a fleet, each with what truly did it: what a ranking is measured on. A pure function of family and seed.

It assumes: a change does a problem in proportion to its risk; the problem shows at the changed service (60 %), at one that depends on it
(28 %), at a host that was changed (5 %), or comes from a change for everything (7 %). A problem says something that its cause alone says
in a share of cases (`hints`): the version or commit with half of that chance, and a rare word with half of it. It also speaks of its
service's usual topics, as that service's other changes do. What is ranked is what is known as the problem opens: a tenth of the causes
are rolled back by then, a tenth failed. Half of the causes do other problems too. Problems without a change recur oftener, come with
problems of strangers, or name a cause outside; but not always, and some problems with a change do so too. The deployments, flags and
configuration that lie around are the same for both.
"""

import math
from collections.abc import Iterator, Sequence
from random import Random
from typing import Final, NamedTuple

import msgspec

from causeline.query_api.causes.context import Context, Neighbour, RiskCount
from causeline.query_api.causes.facts import Candidate, ProblemFacts
from causeline.query_api.causes.fitting import NO_CHANGE, Example
from causeline.query_api.causes.kinds import MINUTE
from causeline.query_api.causes.spread import count_unrelated
from tests.bench.causes.changes import (
    DOCUMENTS,
    ONSET,
    draw_delay,
    make_background,
    make_change,
    make_rollout,
    speak,
    word_counts,
)
from tests.bench.causes.families import Family
from tests.bench.causes.fleet import Fleet, Service, make_fleet

PER_SEED: Final = 6
"""Problems of one fleet."""
_LEAST_BEHIND: Final = 8
"""So many services depend on what breaks where many suffer."""

_WORD_COUNTS: Final = word_counts()


class Case(NamedTuple):
    """A problem as it was ranked. `cause` is the change that did it, or `NO_CHANGE` where none did or none that was reported.

    `has_change` is whether a change did it, reported or not; `decoys` are innocent changes of 30 seconds before.
    """

    family: str
    example: Example
    has_change: bool
    decoys: frozenset[str]

    @property
    def cause(self) -> str:
        return self.example.cause or NO_CHANGE


def make_cases(family: Family, seed: int, count: int = PER_SEED) -> Iterator[Case]:
    """Yield the problems of one fleet."""
    random = Random(f"{family.name} {seed}")
    fleet = make_fleet(family, random)
    for number in range(count):
        yield _make_case(family, fleet, random, f"{family.name}-{seed}-{number}")


def _make_case(family: Family, fleet: Fleet, random: Random, name: str) -> Case:
    has_change = random.random() >= family.none
    is_outage = family.outage > 0 and random.random() < family.outage
    culprit, kind = _draw_culprit(fleet, random, _LEAST_BEHIND if is_outage else 0)
    manner = random.random()
    service = culprit
    if 0.6 <= manner < 0.88:
        service = fleet.services[random.choice(sorted(_reached(fleet, culprit)))]
    problem = _make_problem(family, service, random, name)
    changes = make_background(random, fleet, family, is_burst=random.random() < family.burst)
    cause = None
    if has_change:
        problem, cause = _make_cause(family, None if manner >= 0.95 else culprit, kind, problem, random)
        if 0.88 <= manner < 0.95:
            problem = msgspec.structs.replace(problem, entities=frozenset({culprit.host}), service="")
            cause = msgspec.structs.replace(cause, entities=frozenset({culprit.host}))
        if random.random() < family.mega and kind == "deployment":
            changes += _make_train(fleet, cause, random)
    decoys = _make_decoys(family, fleet, service, random)
    is_reported = random.random() >= family.missing + family.late
    if cause is not None and is_reported:
        changes.append(cause)
    changes += decoys
    random.shuffle(changes)
    context = _make_context(fleet, problem, service, cause, random)
    if is_outage:
        is_everywhere = manner >= 0.95 if has_change else random.random() < 0.5
        behind = sorted(set(fleet.services) if is_everywhere else _behind(fleet, culprit))
        names = random.sample(behind, min(len(behind), random.randint(4, 30)))
        context = _amid(fleet, problem, changes, context, [name for name in names if name != service.name])
    truth = cause.id if cause is not None and is_reported else NO_CHANGE
    return Case(family.name, Example(problem, changes, context, truth), has_change, frozenset(decoy.id for decoy in decoys))


def _draw_culprit(fleet: Fleet, random: Random, behind: int = 0) -> tuple[Service, str]:
    """Return what broke or was changed: in proportion to its risk, of those that so many services depend on, if any are."""
    services = list(fleet.services.values())
    if behind:
        services = [service for service in services if len(_behind(fleet, service)) >= behind] or services
    pairs = [(service, kind) for service in services for kind in service.rates]
    return random.choices(pairs, weights=[service.rates[kind] * service.risks[kind] for service, kind in pairs])[0]


def _reached(fleet: Fleet, culprit: Service) -> frozenset[str]:
    """Return who feels a fault of a service: those that call it, and in turn those that call them."""
    callers = fleet.callers_of(culprit.name)
    further = frozenset(name for caller in sorted(callers)[:2] for name in fleet.callers_of(caller))
    return callers | further or frozenset({culprit.name})


def _behind(fleet: Fleet, culprit: Service) -> frozenset[str]:
    """Return who depends on a service, over at most three calls."""
    behind: frozenset[str] = frozenset()
    edge = frozenset({culprit.name})
    for _ in range(3):
        edge = frozenset(caller for name in edge for caller in fleet.callers_of(name)) - behind
        behind |= edge
    return behind


def _amid(fleet: Fleet, problem: ProblemFacts, changes: Sequence[Candidate], context: Context, names: Sequence[str]) -> Context:
    """Return what is known of a problem amid which these services suffer too."""
    others = tuple(Neighbour(name, frozenset({fleet.services[name].host}), frozenset(fleet.callees_of(name, 1))) for name in names)
    count = count_unrelated(problem, others, changes, context.callees, context.callers, fleet.callees_of)
    return msgspec.structs.replace(context, neighbours=(*context.neighbours, *others), unrelated_problems=count)


def _make_problem(family: Family, service: Service, random: Random, name: str) -> ProblemFacts:
    called = service.name
    if (draw := random.random()) < family.wrong_name:
        called = f"{service.name.partition('-')[0]}-svc"
    elif draw < family.wrong_name + family.nameless:
        called = ""
    return ProblemFacts(
        id=name,
        start=ONSET,
        service=called,
        environment="production" if random.random() < 0.9 else "",
        entities=frozenset({service.host}) if random.random() < 0.2 else frozenset(),
        tags=dict(service.tags) if random.random() < 0.6 else {},
        title=speak(random, service.name, *service.speak_of(random)),
    )


def _make_cause(
    family: Family, culprit: Service | None, kind: str, problem: ProblemFacts, random: Random
) -> tuple[ProblemFacts, Candidate]:
    """Return the problem, with what it may say of its cause, and the cause, as its source reports it."""
    kind = kind if culprit else random.choice(("infrastructure", "config_change"))
    at = ONSET - draw_delay(random, family)
    cause = make_change(random, culprit, kind, at, "cause", environment="production", outcome="")
    if family.delay_law == "rollout" and kind == "deployment":
        cause = make_rollout(random, msgspec.structs.replace(cause, start=at - 10 * MINUTE, ts=at - 10 * MINUTE))
    elif cause.end is not None:
        # What shows is mostly what has been rolled out to the end, but faults may begin before.
        length = cause.end - at if random.random() < 0.7 else 0
        cause = msgspec.structs.replace(cause, start=at - length, ts=at - length, end=at if length else cause.end)
    if random.random() < family.hints / 2 and (cause.release or cause.commit):
        by_release = cause.release and random.random() < 0.7
        tag = {"version": cause.release} if by_release or not cause.commit else {"commit": cause.commit[:10]}
        problem = msgspec.structs.replace(problem, tags=problem.tags | tag)
    if random.random() < family.hints / 2:
        word = f"word{random.randrange(100, 3_000)}"
        problem = msgspec.structs.replace(problem, title=f"{problem.title} {word}")
        cause = msgspec.structs.replace(cause, title=f"{cause.title} {word}")
    ending = random.random()
    cause = msgspec.structs.replace(cause, outcome="rolled_back" if ending < 0.1 else "failed" if ending < 0.2 else "")
    return problem, _skew(cause, round(random.gauss(0, family.skew * 1000)))


def _skew(change: Candidate, by: int) -> Candidate:
    return msgspec.structs.replace(
        change,
        ts=change.ts + by,
        start=change.begin + by,
        end=None if change.end is None else change.end + by,
        steps=tuple(step._replace(start=step.start + by, end=None if step.end is None else step.end + by) for step in change.steps),
    )


def _make_train(fleet: Fleet, cause: Candidate, random: Random) -> list[Candidate]:
    """Return what was deployed with the cause, within three minutes."""
    names = random.sample(sorted(fleet.services), 25)
    return [
        make_change(
            random,
            fleet.services[name],
            "deployment",
            cause.begin + round(random.uniform(-3, 3) * MINUTE),
            f"train{number}",
            environment="production",
        )
        for number, name in enumerate(names)
    ]


def _make_decoys(family: Family, fleet: Fleet, service: Service, random: Random) -> list[Candidate]:
    """Return an innocent change of 30 seconds before: of the same service, of one that it calls, or of any."""
    if random.random() >= family.decoys:
        return []
    draw = random.random()
    own = service if draw < 0.5 else fleet.services[random.choice(service.callees or (service.name,))]
    other = own if draw < 0.75 else fleet.services[random.choice(sorted(fleet.services))]
    kind = random.choices(list(other.rates), weights=list(other.rates.values()))[0]
    return [make_change(random, other, kind, ONSET - 30_000, "decoy", environment="production", end=None)]


def _make_context(fleet: Fleet, problem: ProblemFacts, service: Service, cause: Candidate | None, random: Random) -> Context:
    is_known = problem.service in fleet.services
    callees = fleet.callees_of(problem.service) if is_known else {}
    kind_risks: dict[str, RiskCount] = {}
    for pair, count in fleet.counts.items():
        changes, problems = kind_risks.get(pair.kind, RiskCount())
        kind_risks[pair.kind] = RiskCount(changes + count.changes, problems + count.problems)
    everything = RiskCount(sum(each.changes for each in kind_risks.values()), sum(each.problems for each in kind_risks.values()))
    is_none = cause is None
    tag_counts = {("region", region): DOCUMENTS // 3 for region in ("eu", "us", "ap")}
    tag_counts |= {("team", f"team-{number}"): DOCUMENTS // 12 for number in range(12)}
    return Context(
        callees=callees,
        callers=fleet.callers_of(problem.service) if is_known else frozenset(),
        deploys_per_day=fleet.known_rates,
        risks=fleet.counts,
        kind_risks=kind_risks,
        risk=everything,
        history=fleet.history,
        word_counts=_WORD_COUNTS | {service.name.partition("-")[0]: DOCUMENTS // 20},
        tag_counts=tag_counts,
        documents=DOCUMENTS,
        neighbours=tuple(_draw_neighbours(fleet, service, cause, random)),
        recurrences=_draw_count(random, 0.4 if is_none else 0.08),
        none_feedback=_draw_count(random, 0.15 if is_none else 0.02),
        unrelated_problems=_draw_count(random, 0.3 if is_none else 0.1),
        is_outside=random.random() < (0.12 if is_none else 0.01),
        reports={name: frozenset({"deployment", "config_change"}) for name in (problem.service, *callees) if name in fleet.services},
        reported_kinds=frozenset({"deployment", "config_change"}),
    )


def _draw_count(random: Random, share: float) -> int:
    return math.ceil(random.expovariate(0.5)) if random.random() < share else 0


def _draw_neighbours(fleet: Fleet, service: Service, cause: Candidate | None, random: Random) -> Iterator[Neighbour]:
    """Yield other problems of these minutes: those of the same cause, or, as without one, of who shares what broke; and strangers."""
    names: list[str] = []
    if random.random() < 0.5:
        source = fleet.services[cause.service] if cause is not None and cause.service else service
        names += random.sample(sorted(_reached(fleet, source)), 1)
    names += random.choices(sorted(fleet.services), k=_draw_count(random, 0.15))
    for name in names:
        if name != service.name:
            yield Neighbour(name, frozenset({fleet.services[name].host}), frozenset(fleet.callees_of(name)))
