"""`causeline demo`, beside a running server: fill, go on, take away."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.clocks import now_ms
from causeline.deploy.commands.counting import Work, counting
from causeline.deploy.commands.demo.client import DemoClient, StoredEvent
from causeline.deploy.commands.demo.marks import NO_CAUSE, Body, DemoEvent, DemoRun, run_of
from causeline.deploy.commands.demo.story import Story, tell_story
from causeline.deploy.commands.demo.trickle import STEP_S, Trickle
from causeline.deploy.terminal import visible

_SENDING: Final = Work("sending the demo", "sent", "events")
_ASSESSING: Final = Work("saying what did it", "said", "opinions")
_REMOVING: Final = Work("removing the demo", "removed", "events")
_PORTION: Final = 200
"""Events of one request: well under its 16 MiB, and small steps of the bar."""
_REPEATED_MS: Final = 50 * 60_000
"""So long after its moment a run is sent again, to complete it: servers know its keys for an hour unless they were told otherwise."""
_ROUNDS: Final = 5
"""What was acknowledged a moment ago may not be listed yet, so that the list is asked again."""
_MOST_IDS: Final = 1_000

Ids = dict[str, str]
"""The ids of events by their keys."""


def fill_demo(client: DemoClient, seed: int, *, now: int | None = None, tell: Callable[[DemoRun], Story] = tell_story) -> DemoRun:
    """Fill the tenant with the demo of a seed, or complete the one that is there; return which one that is. Raises ApiError.

    `now` (ms UTC) is when it ends, `tell` what a run tells.
    """
    moment = now_ms() // 1_000 * 1_000 if now is None else now
    run = _run_there(client) or DemoRun(seed, moment)
    if run.seed != seed:
        raise ApiError(f"the demo of seed {run.seed} is there: `causeline demo --remove` takes it away")
    if moment - run.at > _REPEATED_MS:
        print(f"the demo of {_time(run.at)} is there; for one that ends now: `causeline demo --remove`, then `causeline demo`")
        return run
    story = tell(run)
    if foreign_names := client.foreign_services(service["name"] for service in story.services):
        names = visible(", ".join(foreign_names), 200)
        raise ApiError(f"the tenant has services of its own by the names of the demo's ({names}): choose another one with --tenant")
    client.put_services(story.services)
    _tell(client, story)
    counts = (len(story.services), "services"), (len(story.events), "events"), (len(story.problems), "of them problems")
    print(f"{', '.join(f'{count} {what}' for count, what in counts)}; it ends at {_time(run.at)}")
    return run


def _run_there(client: DemoClient) -> DemoRun | None:
    for event in client.stored_events(limit=1):
        return run_of(str(event.about.get("run", "")))
    return None


def _tell(client: DemoClient, story: Story) -> None:
    """Send a story, with what is said of its first problems before the others come."""
    ids: Ids = {}
    *first_waves, last_wave = story.waves
    with counting(Console(stderr=True), time.monotonic, _SENDING, len(story.events)) as advance:
        for wave in first_waves:
            _send_wave(client, wave, ids, advance)
    opinions = [(ids[each.problem], _cause_id(each.cause, ids), each.body) for each in story.opinions]
    with counting(Console(stderr=True), time.monotonic, _ASSESSING, len(opinions)) as advance:
        for number in client.assess(opinions):
            advance(number)
    _send_wave(client, last_wave, ids, lambda _: None)


def _send_wave(client: DemoClient, wave: Sequence[DemoEvent], ids: Ids, advance: Callable[[int], None]) -> None:
    for begin in range(0, len(wave), _PORTION):
        _send(client, wave[begin : begin + _PORTION], ids)
        advance(len(ids))


def _send(client: DemoClient, events: Sequence[DemoEvent], ids: Ids) -> None:
    """Send events, those that name another one by its id; remember theirs."""
    bodies = [_whole(event, ids) for event in events]
    ids.update(zip((event.key for event in events), client.send(bodies), strict=True))


def _whole(event: DemoEvent, ids: Ids) -> Body:
    return {**event.body, "related_id": ids[event.whole]} if event.whole in ids else event.body


def _cause_id(cause: str, ids: Ids) -> str:
    """Return the id of a cause, `none` for none. A problem has the id of the event that opened it."""
    return cause if cause == NO_CAUSE else ids[cause]


def follow_demo(
    client: DemoClient, run: DemoRun, *, pause: Callable[[float], None] = time.sleep, clock: Callable[[], int] = now_ms
) -> None:
    """Go on with a run, a step every few seconds, until Ctrl-C; what it opened is closed then. Raises ApiError."""
    trickle, ids, number = Trickle(run, clock()), Ids(), 0
    print("going on until Ctrl-C")
    try:
        while True:
            _send(client, trickle.step(number, clock()), ids)
            number += 1
            while len(ids) > _MOST_IDS:
                del ids[next(iter(ids))]
            pause(STEP_S)
    except KeyboardInterrupt:
        _send(client, trickle.farewell(number, clock()), ids)
        print(f"\n{number} steps; `causeline demo --remove` takes everything away")


def remove_demo(client: DemoClient) -> int:
    """Take everything away that the demo made, and nothing else; return 0 where all of it is gone, else 1. Raises ApiError."""
    ids: set[str] = set()
    for _ in range(_ROUNDS):
        events = list(client.stored_events())
        if not events:
            break
        _withdraw_opinions(client, events)
        # Problems first: one whose causes go before it would be ranked anew for nobody.
        problems_first = sorted(events, key=lambda event: not event.is_problem)
        with counting(Console(stderr=True), time.monotonic, _REMOVING, len(problems_first)) as advance:
            for number in client.delete_events([event.id for event in problems_first]):
                advance(number)
        ids.update(event.id for event in events)  # what just went may be listed once more
    services = client.own_services()
    client.delete_services(services)
    rest = client.count_problems()
    print(f"removed {len(ids)} events, {len(services)} services" if ids or services else "there is no demo")
    if rest:
        print(f"{rest} problems of it closed more than 7 days ago and are not remembered any more: they stay as long as events are kept")
    return 1 if rest else 0


def _withdraw_opinions(client: DemoClient, events: Iterable[StoredEvent]) -> None:
    ids = {f"{event.about.get('run')} {event.about.get('key')}": event.id for event in events}
    for event in events:
        if "opinion" in event.about:
            cause = str(event.about.get("cause", ""))
            cause_id = NO_CAUSE if cause == NO_CAUSE else ids.get(f"{event.about.get('run')} {cause}")
            if cause_id:
                client.withdraw(event.id, cause_id)


def _time(at: int) -> str:
    return datetime.fromtimestamp(at / 1_000, UTC).strftime("%Y-%m-%dT%H:%MZ")
