"""What the demo tells, as a value: the same for a seed, and true to itself."""

import json
import re
from collections import Counter

import pytest

from causeline.deploy.commands.demo.fleet import FLEET, callers_of, service_bodies
from causeline.deploy.commands.demo.marks import NO_CAUSE, DemoEvent, DemoRun, run_of
from causeline.deploy.commands.demo.story import Story, tell_story
from causeline.deploy.commands.demo.trickle import Trickle
from causeline.query_api.causes.kinds import CLOCK_ERROR, DAY, lookback_of

NOW = 1_795_242_600_000
SEEDS = (0, 1, 7)


@pytest.fixture(params=SEEDS)
def story(request: pytest.FixtureRequest) -> Story:
    return tell_story(DemoRun(request.param, NOW))


def events(story: Story) -> dict[str, DemoEvent]:
    return {event.key: event for event in story.events}


def test_a_seed_and_a_moment_are_one_story() -> None:
    run = DemoRun(7, NOW)
    assert tell_story(run) == tell_story(run)
    assert tell_story(run).waves != tell_story(DemoRun(8, NOW)).waves
    assert run_of(run.name) == run
    assert run_of("yesterday") is None


def test_it_is_as_long_as_it_says(story: Story) -> None:
    by_key = events(story)
    assert len(by_key) == len(story.events), "two events with one key"
    assert 2_000 < len(by_key) < 3_500
    kinds = Counter(event.body["kind"] for event in by_key.values())
    assert kinds["incident"] > 50
    assert kinds.keys() >= {"deployment", "config_change", "flag", "migration", "release", "freeze", "build", "unittest", "commit"}


def test_everything_is_of_a_service_that_is_described(story: Story) -> None:
    names = {body["name"] for body in story.services}
    assert len(names) == len(FLEET) == 40
    assert {name for body in story.services for name in body["depends_on"]} <= names
    assert {event.body.get("service") for event in events(story).values() if event.body["kind"] != "freeze"} == names


def test_a_cause_comes_before_its_problem_and_is_one_that_is_looked_for(story: Story) -> None:
    by_key = events(story)
    causes = {}
    for event in story.problems:
        cause = event.body["demo"]["cause"]
        if cause == NO_CAUSE:
            continue
        change = by_key[cause].body
        lookback = lookback_of(change["kind"])
        assert lookback is not None
        assert change["ts"] - CLOCK_ERROR < event.at < change["ts"] + lookback
        assert "end" not in event.body or event.body["end"] > event.body["start"]
        causes[event.key] = cause
    assert len(causes) > len(story.problems) / 2, "most problems follow a change"
    assert len(causes) < len(story.problems), "some follow none"


def test_what_names_another_event_comes_after_it_and_in_a_later_wave(story: Story) -> None:
    first, second, assessed_problems, other_problems = story.waves
    places = {event.key: event.at for event in first}
    assert not any(event.whole for event in (*first, *assessed_problems, *other_problems))
    assert all(places[event.whole] <= event.at for event in second)


def test_nothing_but_plans_lies_ahead_and_nothing_before_the_twelve_weeks(story: Story) -> None:
    for event in events(story).values():
        times = [event.body[name] for name in ("ts", "start", "end") if name in event.body]
        assert min(times) > NOW - 86 * DAY
        if event.body.get("status") != "planned":
            assert max(times) <= NOW, event.key


def test_opinions_are_of_problems_and_of_what_did_them(story: Story) -> None:
    by_key = events(story)
    assert 5 < len(story.opinions) < 60
    for opinion in story.opinions:
        assert by_key[opinion.problem].body["kind"] == "incident"
        assert opinion.cause == NO_CAUSE or opinion.cause in by_key
    assert NO_CAUSE in {opinion.cause for opinion in story.opinions}


def test_a_problem_and_a_change_share_no_tag_by_being_of_the_demo(story: Story) -> None:
    values = {event.body["kind"] == "incident": event.body["tags"]["demo"] for event in events(story).values()}
    assert values == {True: "problem", False: "event"}


def test_it_holds_nothing_that_looks_like_a_secret_and_no_address_that_is_somebodys(story: Story) -> None:
    text = json.dumps([event.body for event in events(story).values()])
    assert not re.search(r"password|token|secret|api[-_]?key|BEGIN|AKIA", text, re.IGNORECASE)
    assert set(re.findall(r"https?://([^/\"]+)", text)) <= {"ci.example.com", "wiki.example.com"}


def test_services_of_the_demo_are_told_by_their_repository() -> None:
    assert all(body["repo"] == f"causeline-demo/{body['name']}" for body in service_bodies())
    assert {service.name for service in callers_of("message-bus")} > {"mailer", "feature-store"}


@pytest.mark.parametrize("is_sent", [True, False], ids=["sent", "not sent"])
def test_what_goes_on_is_closed_wherever_it_stops(is_sent: bool) -> None:  # noqa: FBT001 - whether the last step went out nobody knows
    trickle = Trickle(DemoRun(1, NOW), NOW + 5_000)
    for stop in range(45):
        steps = [event for number in range(stop + is_sent) for event in trickle.step(number, NOW + 3_000 * number)]
        steps += trickle.farewell(stop, NOW + 3_000 * stop + 1)
        states = {event.body["correlation_id"]: event.body["status"] for event in steps if event.body["kind"] == "incident"}
        assert set(states.values()) <= {"closed"}
        assert len({event.key for event in steps}) == len(steps)
