"""`causeline demo` beside a whole server in memory: what it makes, what it leaves alone, what it takes away."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import structlog
from typer.testing import CliRunner

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.cli import app
from causeline.deploy.commands.demo.client import DemoClient
from causeline.deploy.commands.demo.command import fill_demo, follow_demo, remove_demo
from causeline.deploy.commands.demo.marks import DemoRun
from causeline.deploy.commands.demo.story import Story, tell_story
from tests.client_way import ClientWay

Capture = pytest.CaptureFixture[str]
HOUR = 3_600_000


@pytest.fixture(autouse=True)
def _log_of_the_server() -> Iterator[None]:
    """Keep what the server logs out of what the command prints."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def way() -> ClientWay:
    return ClientWay(is_auth_required=False)


@pytest.fixture
def client(way: ClientWay) -> DemoClient:
    return DemoClient("http://127.0.0.1", tenant="demo", transport=way, pause=lambda _: None)


def get(way: ClientWay, path: str, tenant: str = "demo") -> Any:
    with httpx.Client(transport=way, headers={"Causeline-Tenant": tenant}, base_url="http://127.0.0.1") as http:
        return http.get(path).raise_for_status().json()


def post(way: ClientWay, **event: object) -> str:
    with httpx.Client(transport=way, headers={"Causeline-Tenant": "demo"}, base_url="http://127.0.0.1") as http:
        identifier: str = http.post("/v1/events", json=event).raise_for_status().json()["id"]
        return identifier


def tell_less(run: DemoRun) -> Story:
    """Return a story of all problems and of a tenth of what is neither one nor did one."""
    story = tell_story(run)
    causes = {event.body["demo"]["cause"] for event in story.problems}
    first, second, *problems = story.waves
    return story._replace(waves=([event for n, event in enumerate(first) if event.key in causes or n % 10 == 0], second[::10], *problems))


def test_a_server_takes_all_of_it(way: ClientWay, client: DemoClient, capsys: Capture) -> None:
    story = tell_story(fill_demo(client, 1, now=way.server.now))
    count, problems = len(story.events), len(story.problems)
    assert capsys.readouterr().out == f"40 services, {count} events, {problems} of them problems; it ends at 2023-11-14T22:13Z\n"
    assert sum(1 for _ in client.stored_events()) == count
    assert client.count_problems() == problems
    assert len(client.own_services()) == 40
    assert way.server.set_aside == 0


def test_sent_again_it_is_the_same_and_what_it_made_is_taken_away_and_no_more(way: ClientWay, client: DemoClient, capsys: Capture) -> None:
    now = way.server.now
    own = post(way, kind="incident", title="Ours", status="open", service="ours", tags={"team": "ours"})
    run = fill_demo(client, 1, now=now, tell=tell_less)
    count = sum(1 for _ in client.stored_events())

    assert fill_demo(client, 1, now=now + HOUR // 2, tell=tell_less) == run
    assert sum(1 for _ in client.stored_events()) == count
    assert way.server.set_aside == 0
    with pytest.raises(ApiError, match="the demo of seed 1 is there"):
        fill_demo(client, 2, now=now)
    assert fill_demo(client, 1, now=now + HOUR) == run
    assert "for one that ends now" in capsys.readouterr().out

    assert remove_demo(client) == 0
    assert capsys.readouterr().out == f"removed {count} events, 40 services\n"
    assert (list(client.stored_events()), client.count_problems(), client.own_services()) == ([], 0, [])
    assert get(way, "/v1/feedback")["feedback"] == []
    assert [problem["id"] for problem in get(way, "/v1/problems")["problems"]] == [own]
    assert remove_demo(client) == 0
    assert capsys.readouterr().out == "there is no demo\n"


def test_services_of_somebody_else_are_left_alone(way: ClientWay, client: DemoClient) -> None:
    client.put_services([{"name": "checkout", "repo": "acme/checkout"}])
    with pytest.raises(ApiError, match=r"services of its own .*\(checkout\): choose another one with --tenant"):
        fill_demo(client, 1, now=way.server.now)
    assert not [asked for asked in way.asked if asked == "POST /v1/events"]
    assert remove_demo(client) == 0
    assert get(way, "/v1/services/checkout")["repo"] == "acme/checkout"


def test_what_goes_on_ends_with_ctrl_c_and_leaves_nothing_open(way: ClientWay, client: DemoClient) -> None:
    pauses = iter(range(12))

    def pause(_: float) -> None:
        way.server.now += 3_000
        if next(pauses, None) is None:
            raise KeyboardInterrupt

    follow_demo(client, DemoRun(1, way.server.now), pause=pause, clock=lambda: way.server.now)
    (problem,) = get(way, "/v1/problems")["problems"]
    assert problem["state"] == "closed"
    ranking = get(way, f"/v1/problems/{problem['id']}/causes")
    assert ranking["causes"][0]["event"]["title"].startswith("Deploy")
    assert remove_demo(client) == 0
    assert get(way, "/v1/events")["events"] == get(way, "/v1/problems")["problems"] == []


def test_a_server_that_refuses_is_told_of_in_a_line() -> None:
    way = ClientWay()
    reader = DemoClient("http://127.0.0.1", asyncio.run(way.server.issue("read")), transport=way, pause=lambda _: None)
    with pytest.raises(ApiError, match=r"the token lacks the scope ingest \(it takes `ingest` and `read`\)"):
        fill_demo(reader, 1, now=way.server.now)
    stranger = DemoClient("http://127.0.0.1", transport=way, pause=lambda _: None)
    with pytest.raises(ApiError, match="set CAUSELINE_DEMO_TOKEN"):
        remove_demo(stranger)


def test_what_cannot_be_meant_is_said() -> None:
    refused = CliRunner().invoke(app, ["demo", "--live", "--remove"])
    assert (refused.exit_code, refused.stderr) == (2, "causeline: --live and --remove do not go together\n")
    assert CliRunner().invoke(app, ["demo", "--seed", "-1"]).exit_code == 2
    assert not refused.stdout
