"""The whole demo as a value: services, events in the order in which they are sent, and what people say of causes. Pure."""

from collections.abc import Iterable
from random import Random
from typing import NamedTuple

from causeline.deploy.commands.demo.day import tell_day
from causeline.deploy.commands.demo.fleet import service_bodies
from causeline.deploy.commands.demo.marks import DEMO_MEMBER, INCIDENT, NO_CAUSE, Body, DemoEvent, DemoRun
from causeline.deploy.commands.demo.past import tell_past
from causeline.deploy.commands.demo.plans import tell_plans
from causeline.deploy.commands.demo.releases import Releases
from causeline.deploy.commands.demo.scenes import tell_scenes


class DemoOpinion(NamedTuple):
    """What somebody says of a cause of a problem, both by the keys of events; of no change at all (`NO_CAUSE`) too."""

    problem: str
    cause: str
    verdict: str

    @property
    def body(self) -> Body:
        """Return it as the API takes it."""
        note = "It went away by itself." if self.cause == NO_CAUSE else "Taking it back ended it."
        return {"verdict": self.verdict, "note": f"{note} (demo)"}


class Story(NamedTuple):
    """What is sent, wave after wave: an event that names another one comes in a later wave, problems behind them.

    In the last wave are the problems of which nobody says anything: opinions go ahead of them, since each is answered with a ranking, and a
    server that has all problems to rank at once lets it wait.
    """

    services: list[Body]
    waves: tuple[list[DemoEvent], ...]
    opinions: list[DemoOpinion]

    @property
    def events(self) -> list[DemoEvent]:
        """Return all events, in the order in which they are sent."""
        return [event for wave in self.waves for event in wave]

    @property
    def problems(self) -> list[DemoEvent]:
        """Return the incidents."""
        return [event for event in self.events if event.body["kind"] == INCIDENT]


def tell_story(run: DemoRun) -> Story:
    """Return the demo of a run: always the same one."""
    releases = Releases(Random(f"{run.seed} releases"))  # noqa: S311 - a story, no secret
    past = tell_past(run, Random(f"{run.seed} past"), releases)  # noqa: S311
    day = tell_day(run, Random(f"{run.seed} day"), releases)  # noqa: S311
    scenes = tell_scenes(run, Random(f"{run.seed} scenes"), releases)  # noqa: S311
    events = sorted((*past, *day, *scenes, *tell_plans(run)), key=lambda event: (event.at, event.key))
    return Story(service_bodies(), waves_of(events), [opinion for event in events for opinion in _opinions(event.body)])


def waves_of(events: Iterable[DemoEvent]) -> tuple[list[DemoEvent], ...]:
    """Return events as waves: those that name none, those that name one, problems that somebody assesses, other problems.

    A problem is ranked when all that may have done it is there.
    """
    waves: tuple[list[DemoEvent], ...] = ([], [], [], [])
    for event in events:
        if event.body["kind"] == INCIDENT:
            waves[2 if "opinion" in event.body[DEMO_MEMBER] else 3].append(event)
        else:
            waves[1 if event.whole else 0].append(event)
    return waves


def _opinions(body: Body) -> Iterable[DemoOpinion]:
    about = body[DEMO_MEMBER]
    if "opinion" in about:
        yield DemoOpinion(about["key"], about["cause"], about["opinion"])
