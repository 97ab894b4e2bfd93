"""The day of the demo: what goes on beside its problems, at any hour. Pure."""

from collections.abc import Iterator
from random import Random
from typing import Final

from causeline.deploy.commands.demo.delivery import ToldDeployment, draw_commit, draw_length, draw_whether, tell_pipeline, tell_stages
from causeline.deploy.commands.demo.faults import tell_fault
from causeline.deploy.commands.demo.fleet import FLEET, PEOPLE, DemoService
from causeline.deploy.commands.demo.marks import Body, DemoEvent, DemoRun, make_event
from causeline.deploy.commands.demo.releases import Releases
from causeline.deploy.commands.demo.scenes import SCENE_SERVICES
from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE

_DEPLOYMENTS: Final = 46
_PLAIN_COUNTS: Final = {"config_change": 34, "flag": 24, "scale": 60, "operation": 22, "info": 34, "access": 14, "drift": 4}
_BROKEN_BUILDS: Final = 24
_RISK: Final = 0.12
_QUIET: Final = 100 * MINUTE
"""How long before now the problems of the day that nobody wrote begin at the latest: the last hours are told by hand."""

_SETTINGS: Final = ("pool.size", "timeout.ms", "cache.ttl", "retries.max", "log.level", "batch.bytes")
_FLAGS: Final = ("one-page-checkout", "new-ranking", "gift-cards", "dark-theme", "express-delivery")
_OPERATIONS: Final = ("Backup of {0}", "Restart of {0}", "Vacuum of {0}", "Rotation of the certificates of {0}")


def tell_day(run: DemoRun, random: Random, releases: Releases) -> Iterator[DemoEvent]:
    """Yield the day before a run's moment."""
    apps = [service for service in FLEET if not service.is_store and service.name not in SCENE_SERVICES]
    deployments = random.choices(apps, [service.pace for service in apps], k=_DEPLOYMENTS)
    times = sorted(run.at - DAY + round(random.uniform(0, DAY - 8 * MINUTE)) for _ in deployments)
    for number, (at, service) in enumerate(zip(times, deployments, strict=True)):
        key = f"day/deploy-{number}"
        end = min(at + draw_length(random, 4 * MINUTE), run.at - MINUTE)
        rollout, events = tell_pipeline(run, random, key, service, releases.next_of(service.name), at, end)
        yield from events
        yield from _tell_break(run, random, rollout)
    for kind, count in _PLAIN_COUNTS.items():
        for number in range(count):
            at = run.at - round(random.uniform(MINUTE, DAY))
            yield tell_plain(run, random, f"day/{kind}-{number}", kind, random.choice(FLEET), at)
    for number in range(_BROKEN_BUILDS):
        service = random.choice(apps)
        about = {**service.fields, "branch": f"feature/{random.randrange(100, 999)}", "commit": draw_commit(random)}
        at = run.at - round(random.uniform(HOUR, DAY))
        yield from tell_stages(run, random, f"day/branch-{number}", {**about, "actor": random.choice(PEOPLE)}, at)


def _tell_break(run: DemoRun, random: Random, rollout: ToldDeployment) -> Iterator[DemoEvent]:
    if draw_whether(random, _RISK):
        opinion = "confirmed" if draw_whether(random, 0.5) else ""
        yield from tell_fault(run, random, f"{rollout.key}/fault", rollout, run.at - _QUIET, opinion)


def tell_plain(run: DemoRun, random: Random, key: str, kind: str, service: DemoService, at: int) -> DemoEvent:
    """Return a change that is no deployment, or a note, of a service at a time (ms UTC)."""
    actor = random.choice(PEOPLE)
    more: Body = {}
    match kind:
        case "config_change":
            setting, old = random.choice(_SETTINGS), random.choice((10, 20, 50, 100))
            title = f"{service.name}: {setting} from {old} to {old * 2}"
            more = {"changes": [{"key": setting, "old": old, "new": old * 2}]}
        case "flag":
            flag, share = random.choice(_FLAGS), random.choice((5, 25, 50, 100))
            title, more = f"Flag {flag} on for {share} % of customers", {"tags": {"flag": flag}}
        case "scale":
            count = random.randint(2, 12)
            title = f"{service.name} scaled from {count} to {count + random.choice((-1, 1, 2))}"
        case "operation":
            title = random.choice(_OPERATIONS).format(service.name)
            more = {"start": at, "end": at + draw_length(random, 6 * MINUTE)}
        case "access":
            title = f"{actor} opened a shell on {service.name}"
        case "drift":
            title = f"{service.name} differs from what is declared"
        case _:
            title = f"{service.name}: certificate is valid for 30 more days"
    return make_event(run, key, kind, title, at, environment="production", actor=actor, **service.fields, **more)
