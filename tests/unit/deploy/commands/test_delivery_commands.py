"""`causeline deliveries` beside a whole server in memory: what is printed, what is sent, and the exit codes."""

import asyncio
import json
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.deliveries import commands
from causeline.deploy.commands.deliveries.client import RETRY_PAGE, DeliveryClient
from causeline.deploy.embedded.free_ports import free_port
from causeline.deploy.embedded.parts import causeline_argv
from causeline.schemas.records.config import HOOKS
from causeline.schemas.subscriptions.rules import Rule, Subscription, Target, hook_key
from tests.access_server import TENANT, AccessServer, Sent
from tests.contract.delivery_rows import RECEIVED, delivery

Capture = pytest.CaptureFixture[str]


class InMemory(httpx.BaseTransport):
    """The way to a server in memory; `busy` answers are given first."""

    def __init__(self, server: AccessServer) -> None:
        self.server = server
        self.busy: list[httpx.Response] = []
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        if self.busy:
            return self.busy.pop(0)
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Sent(request.method, request.url.path, request.url.query.decode(), request.read(), headers)
        reply = asyncio.run(self.server.send(call))
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)


class Beside:
    def __init__(self) -> None:
        self.server = AccessServer()
        self.way = InMemory(self.server)
        self.pauses: list[float] = []
        self.admin = self.client("admin")
        rule = Rule(id="s1", tenant=TENANT, revision=1, created_at=0)
        subscription = Subscription(rule=rule, target=Target(type="webhook"), updated_at=0)
        asyncio.run(self.server.config.put(HOOKS, hook_key(TENANT, "s1"), msgspec.to_builtins(subscription)))

    def client(self, *scopes: str) -> DeliveryClient:
        token = asyncio.run(self.server.issue(*scopes)) if scopes else ""
        return DeliveryClient("http://causeline/", token, transport=self.way, pause=self.pauses.append)

    def put(self, delivery_id: str, **fields: Any) -> None:
        self.server.store.deliveries.put(delivery(delivery_id, **{"tenant": TENANT, **fields}))

    def retried(self) -> int:
        return len(self.server.log.records())


@pytest.fixture
def beside() -> Beside:
    return Beside()


def test_a_list_is_a_row_each_newest_first(beside: Beside, capsys: Capture) -> None:
    beside.put("m1", outcome="retried", status_code=503, detail="busy", next_attempt=RECEIVED + 6_000)
    beside.put("m2", received=RECEIVED + 1_000, what="problem", version=3)
    assert commands.print_deliveries(beside.admin, [], limit=10, as_json=False) == 0
    heading, first, second = capsys.readouterr().out.splitlines()
    assert heading.split()[:4] == ["received", "id", "subscription", "what"]
    assert " ".join(first.split()) == "2049-03-22 04:26:41 m2 s1 problem v3 delivered 1 200 2049-03-22 04:26:42 -"
    row = "2049-03-22 04:26:40 m1 s1 event v1 retried 1 503 2049-03-22 04:26:41 2049-03-22 04:26:46 busy"
    assert " ".join(second.split()) == row


def test_a_list_goes_on_over_pages_up_to_its_limit(beside: Beside, capsys: Capture) -> None:
    for n in range(1_200):
        beside.put(f"m{n:04}", received=RECEIVED + n)
    assert commands.print_deliveries(beside.admin, [("outcome", "delivered")], limit=1_100, as_json=True) == 0
    ids = [json.loads(line)["id"] for line in capsys.readouterr().out.splitlines()]
    assert ids == [f"m{n:04}" for n in range(1_199, 99, -1)]
    assert beside.way.asked == ["GET /v1/deliveries"] * 2


def test_nothing_found_is_said_and_is_no_failure(beside: Beside, capsys: Capture) -> None:
    assert commands.print_deliveries(beside.admin, [], limit=10, as_json=False) == 0
    assert commands.print_deliveries(beside.admin, [("outcome", "dead")], limit=10, as_json=True) == 0
    assert capsys.readouterr() == ("no deliveries\n", "no deliveries that match\n")


def test_one_is_shown_with_its_attempts_and_how_to_retry_it(beside: Beside, capsys: Capture) -> None:
    beside.put("m1", outcome="retried", status_code=0, detail="no answer within 15 s", next_attempt=RECEIVED + 6_000)
    beside.put("m1", attempt=2, at=RECEIVED + 6_500, outcome="dead", status_code=500, detail="oops", record=b"secret")
    assert commands.print_delivery(beside.admin, "m1", as_json=False) == 0
    out = capsys.readouterr().out
    assert "causeline deliveries retry m1" in out
    assert [line.split()[0] for line in out.splitlines()[-2:]] == ["1", "2"]
    assert "no answer within 15 s" in out
    assert "secret" not in out
    assert commands.print_delivery(beside.admin, "m1", as_json=True) == 0
    assert [attempt["attempt"] for attempt in json.loads(capsys.readouterr().out)["attempts"]] == [1, 2]


def test_nothing_that_steers_a_terminal_is_printed(beside: Beside, capsys: Capture) -> None:
    beside.put("m1", outcome="dead", detail="\x1b[2J\u202e[red]\r\n", subscription_id="\x1b]0;x\x07")
    commands.print_deliveries(beside.admin, [], limit=10, as_json=False)
    commands.print_delivery(beside.admin, "m1", as_json=False)
    out = capsys.readouterr().out
    assert all(letter.isprintable() or letter == "\n" for letter in out)
    assert "[red]" in out


def test_named_ones_are_retried_each_and_a_refusal_is_told_and_stops_no_other(beside: Beside, capsys: Capture) -> None:
    beside.put("m1", outcome="dead")
    beside.put("m2")
    assert commands.retry_these(beside.admin, ["m2", "m1", "m1", "m3"]) == 1
    # The server in memory logs to the same place, lines that begin with the time.
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("m")] == [
        "m2: refused, the delivery m2 is delivered: only one that is dead can be retried",
        "m1: retried",
        "m3: refused, there is no delivery m3",
    ]
    assert beside.retried() == 1
    assert commands.retry_these(beside.admin, ["m1"]) == 0


def test_all_dead_ones_of_a_subscription_go_portion_by_portion(beside: Beside, capsys: Capture) -> None:
    count = RETRY_PAGE + 7
    for n in range(count):
        beside.put(f"m{n}", outcome="dead", received=RECEIVED + n)
    beside.put("alive")
    assert commands.retry_all(beside.admin, "s1", "", "", dry_run=True, yes=False) == 0
    assert (capsys.readouterr().out, beside.retried()) == (f"{count} would be retried\n", 0)
    assert commands.retry_all(beside.admin, "s1", "", "", dry_run=False, yes=True) == 0
    assert (capsys.readouterr().out, beside.retried()) == (f"retried {count}\n", count)
    assert beside.way.asked.count("POST /v1/subscriptions/s1/retry") == 2


def test_nobody_is_asked_where_nobody_can_answer(beside: Beside) -> None:
    beside.put("m1", outcome="dead")
    with pytest.raises(ApiError, match="say --yes") as refused:
        commands.retry_all(beside.admin, "s1", "", "", dry_run=False, yes=False)
    assert (refused.value.code, beside.retried()) == (2, 0)


def test_a_window_that_holds_nothing_dead_retries_nothing(beside: Beside, capsys: Capture) -> None:
    beside.put("m1", outcome="dead")
    assert commands.retry_all(beside.admin, "s1", "", "2020-01-01T00:00:00Z", dry_run=False, yes=True) == 0
    assert (capsys.readouterr().out, beside.retried()) == ("nothing is dead there\n", 0)


@pytest.mark.parametrize(
    ("work", "message"),
    [
        (lambda beside: beside.client().one("m1"), "asks for a token .*: set CAUSELINE_DELIVERIES_TOKEN"),
        (lambda beside: beside.client("ingest").one("m1"), "the token lacks the scope read"),
        (lambda beside: beside.client("read").retry("m1"), "the token lacks the scope admin .*to retry takes `admin`"),
        (lambda beside: beside.admin.one("nothing"), "there is no delivery nothing"),
        (lambda beside: list(beside.admin.retry_all("nothing", {})), "there is no subscription nothing"),
        (lambda beside: list(beside.admin.list_deliveries([("from", "now-2x")])), "from: "),
        (lambda beside: beside.admin.one(".."), "is no id"),
        (lambda beside: beside.client("read").one("a/../../events"), "there is no"),
    ],
)
def test_what_the_server_refuses_is_one_line(beside: Beside, work: Callable[[Beside], object], message: str) -> None:
    with pytest.raises(ApiError, match=message) as refused:
        work(beside)
    assert "\n" not in str(refused.value)


def test_a_server_that_is_busy_is_asked_again_as_late_as_it_says(beside: Beside) -> None:
    beside.put("m1")
    beside.way.busy = [
        httpx.Response(503, headers={"Retry-After": "3"}),
        httpx.Response(429),
        httpx.Response(503, headers={"Retry-After": "99"}),
    ]
    assert beside.admin.one("m1")["id"] == "m1"
    assert beside.pauses == [3.0, 1.0, 10.0]
    beside.way.busy = [httpx.Response(503) for _ in range(9)]
    with pytest.raises(ApiError, match="try again later"):
        beside.admin.one("m1")
    assert len(beside.way.busy) == 4


def test_what_is_no_causeline_is_told_so(beside: Beside) -> None:
    beside.way.busy = [httpx.Response(200, text="<html>")]
    with pytest.raises(ApiError, match="is the address right"):
        beside.admin.one("m1")


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2h", "", [("from", "now-2h")]),
        ("", "30m", [("to", "now-30m")]),
        ("2026-01-01", "now", [("from", "2026-01-01"), ("to", "now")]),
    ],
)
def test_a_duration_counts_back_from_now(since: str, until: str, expected: list[tuple[str, str]]) -> None:
    assert commands.window_of(since, until) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: commands.window_of("yesterday", ""),
        lambda: commands.filters_of([], ["failed"], [], []),
        lambda: commands.filters_of([], [], ["events"], []),
        lambda: commands.print_deliveries(DeliveryClient("http://nowhere"), [], limit=0, as_json=False),
    ],
)
def test_options_that_cannot_be_meant_are_told_before_anything_is_asked(wrong: Callable[[], object]) -> None:
    with pytest.raises(ApiError, match="takes") as refused:
        wrong()
    assert refused.value.code == 2


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["list"], 1, "no server answers at"),
        (["show", "m1"], 1, "no server answers at"),
        (["retry"], 2, "name deliveries"),
        (["retry", "m1", "--all", "--subscription", "s"], 2, "name deliveries"),
        (["retry", "--all"], 2, "name deliveries"),
        (["retry", "m1", "--since", "2h"], 2, "go with --all"),
        (["list", "--outcome", "failed"], 2, "--outcome takes delivered, retried, dead, cancelled"),
    ],
)
def test_the_command_line_says_in_one_line_why_not(args: list[str], code: int, message: str) -> None:
    command = [*causeline_argv("deliveries"), *args, "--url", f"http://127.0.0.1:{free_port()}"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (process.returncode, process.stdout, process.stderr.count("\n")) == (code, "", 1)
    assert message in process.stderr
