"""CTO.ai events drive problems: the table of signals, and the stories that the document tells."""

import itertools
import re
from pathlib import Path

import pytest

from causeline.schemas.dialects.cto_ai.mapping import SIGNALS
from tests.cto_ai_memory import POSTS, MemoryCtoAi

Sent = tuple[str, str]

CHANGE_FAILED, INCIDENT = ("change", "failed"), ("incident", "initiated")
STORIES: list[tuple[str, list[Sent], list[str]]] = [
    ("a failed change opens", [CHANGE_FAILED], ["change open"]),
    ("again is a refresh", [CHANGE_FAILED, CHANGE_FAILED], ["change open"]),
    ("it recovers", [CHANGE_FAILED, ("change", "recovered")], ["change closed"]),
    ("recovery is detected", [CHANGE_FAILED, ("deployment", "failed"), ("deployment", "succeeded")], ["change closed"]),
    ("an earlier deployment closes nothing", [("deployment", "succeeded"), CHANGE_FAILED], ["change open"]),
    ("other deployments close nothing", [CHANGE_FAILED, ("deployment", "initiated"), ("deployment", "failed")], ["change open"]),
    ("another success closes nothing", [CHANGE_FAILED, ("change", "succeeded"), ("build", "succeeded")], ["change open"]),
    ("an incident opens", [INCIDENT], ["incident open"]),
    ("it is resolved", [INCIDENT, ("incident", "succeeded")], ["incident closed"]),
    ("it is abandoned", [INCIDENT, ("incident", "failed")], ["incident closed"]),
    ("no deployment resolves it", [INCIDENT, ("deployment", "succeeded"), ("change", "recovered")], ["incident open"]),
    ("a recovery resolves it", [INCIDENT, ("recovery", "initiated"), ("recovery", "succeeded")], ["incident closed"]),
    ("a recovery ends both", [CHANGE_FAILED, INCIDENT, ("recovery", "succeeded")], ["change closed", "incident closed"]),
    ("a deployment ends one of both", [CHANGE_FAILED, INCIDENT, ("deployment", "succeeded")], ["change closed", "incident open"]),
    ("a failed recovery goes on", [CHANGE_FAILED, ("recovery", "failed")], ["change open"]),
    ("a failed recovery of something unknown opens", [("recovery", "failed")], ["recovery open"]),
    ("and is ended as any", [("recovery", "failed"), ("recovery", "succeeded")], ["recovery closed"]),
    ("nothing to close is nothing", [("recovery", "succeeded"), ("incident", "failed"), ("change", "recovered")], []),
    ("it opens again", [INCIDENT, ("incident", "succeeded"), INCIDENT], ["incident closed", "incident open"]),
    ("letter case and separators", [("Incident", "INITIATED"), ("INCIDENT", "succeeded")], ["incident closed"]),
]


@pytest.mark.parametrize(("sent", "problems"), [story[1:] for story in STORIES], ids=[story[0] for story in STORIES])
async def test_a_story_of_one_repository(sent: list[Sent], problems: list[str]) -> None:
    api = MemoryCtoAi()
    events = [await api.send(name, action) for name, action in sent]
    assert [f"{problem.kind} {problem.state}" for problem in await api.problems()] == problems
    assert len(await api.find()) == len(events), "every event is an event of its own, whatever it closes"


@pytest.mark.parametrize("closing", [meaning for meaning in SIGNALS if SIGNALS[meaning].signal == "close"])
async def test_another_team_or_repository_closes_nothing(closing: Sent) -> None:
    api = MemoryCtoAi()
    await api.send(*CHANGE_FAILED)
    await api.send(*INCIDENT)
    await api.send(*closing, team="another")
    await api.send(*closing, repo="web")
    await api.send(*closing, repo="")
    assert [problem.state for problem in await api.problems()] == ["open", "open"]


async def test_a_problem_is_described_by_events_of_its_own_kind() -> None:
    api = MemoryCtoAi()
    opened = await api.send("change", "failed", environment="production", reason="timeout")
    await api.send("deployment", "succeeded", environment="staging")
    (problem,) = await api.problems()
    assert (problem.kind, problem.title, problem.environment) == ("change", "change failed", "production")
    assert (problem.event_id, problem.service, problem.team) == (opened["id"], "api", opened["team_id"])
    assert problem.tags == {"reason": "timeout"}
    assert (problem.state, problem.end) == ("closed", api.now)


async def test_a_problem_that_opens_again_links_the_one_before() -> None:
    api = MemoryCtoAi()
    for action in ("initiated", "failed", "initiated"):
        await api.send("incident", action)
    first, second = await api.problems()
    assert (second.previous_id, second.transition) == (first.id, "reopened")


async def test_refreshes_are_counted() -> None:
    api = MemoryCtoAi()
    await api.send(*INCIDENT)
    await api.send(*INCIDENT)
    await api.send("recovery", "failed")
    api.now += 60_000
    (problem,) = await api.problems()
    assert (problem.refresh_count, problem.title) == (2, "incident initiated")


@pytest.mark.parametrize("order", list(itertools.permutations(["change", "incident", "recovery"])), ids=" ".join)
async def test_all_signals_of_a_repository_meet_in_one_partition_in_the_order_sent(order: tuple[str, ...]) -> None:
    api = MemoryCtoAi()
    for name in order:
        await api.send(name, "failed" if name == "change" else "initiated" if name == "incident" else "succeeded")
    used = [records for records in api.log.partitions if records]
    assert len(used) == 1
    assert len({key for key, _ in used[0]}) == 1


async def test_a_keyed_repeat_of_a_signal_neither_reopens_nor_doubles() -> None:
    api = MemoryCtoAi()
    body = {"event_name": "incident", "event_action": "initiated", "team_id": "t", "repo": "api"}
    await api.post(body, Idempotency_Key="k")
    await api.post({**body, "event_action": "succeeded"})
    await api.post(body, Idempotency_Key="k")
    (problem,) = await api.problems()
    assert problem.state == "closed"
    assert api.set_aside == 0


def test_the_examples_of_the_document_that_open_problems_are_known() -> None:
    pairs = {(body["event_name"], body["event_action"]) for body in POSTS}
    assert pairs & set(SIGNALS) == {("incident", "initiated")}


def test_the_document_shows_the_table() -> None:
    text = (Path(__file__).parents[4] / "docs" / "problems.md").read_text()
    rows = re.findall(r"^\| `(\w+) (\w+)` \| (\w+) \| ([\w, ]+) \| (.+) \|$", text, re.MULTILINE)
    assert {(name, action): (signal, tuple(problems.split(", ")), reason) for name, action, signal, problems, reason in rows} == {
        pair: (meaning.signal, meaning.problems, meaning.reason) for pair, meaning in SIGNALS.items()
    }


@pytest.mark.parametrize("order", list(itertools.permutations(range(2))))
async def test_a_problem_has_the_times_of_its_events_in_whichever_order_they_come(order: tuple[int, int]) -> None:
    api = MemoryCtoAi()
    at = (api.now // 1_000 - 86_400) * 1_000
    signals = [("incident", "initiated", at), ("incident", "succeeded", at + 30 * 60_000)]
    for number in order:
        await api.send(*signals[number][:2], timestamp=signals[number][2], environment="production" if not number else "")
    (problem,) = await api.problems()
    assert (problem.state, problem.start, problem.end) == ("closed", at, at + 30 * 60_000)
    assert problem.environment == "production"


async def test_a_deployment_that_succeeded_before_a_failure_does_not_end_it_however_late_it_comes() -> None:
    api = MemoryCtoAi()
    at = api.now - 3_600_000
    await api.send("change", "failed", timestamp=at)
    await api.send("deployment", "succeeded", timestamp=at - 60_000)
    assert [problem.state for problem in await api.problems()] == ["open"]
    await api.send("deployment", "succeeded", timestamp=at + 60_000)
    await api.send("change", "failed", timestamp=at + 30_000)
    (problem,) = await api.problems()
    assert (problem.state, problem.end) == ("closed", at + 60_000)
