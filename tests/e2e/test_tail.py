"""`causeline tail` as a child process, beside a whole stack and beside none."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from causeline.deploy.embedded.parts import causeline_argv
from tests.e2e.stream_client import a_tenant, publish
from tests.ports import free_port
from tests.stack import Stack
from tests.stream_parts import ranking


def _as_in_a_terminal() -> None:
    """Let Ctrl-C reach the child also where the tests run in a shell's background, which ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def tailing(*args: str) -> Iterator[subprocess.Popen[str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CAUSELINE_")}
    child = subprocess.Popen(
        [*causeline_argv("tail"), *args],
        env=clean,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_as_in_a_terminal,  # noqa: PLW1509 - it calls nothing that a thread could hold
    )
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def post(stack: Stack, tenant: str, **fields: object) -> None:
    body = {"kind": "deployment", "title": "t", **fields}
    assert httpx.post(f"{stack.url}/v1/events", json=body, headers={"Causeline-Tenant": tenant}, timeout=30).status_code == 201


def test_it_prints_the_past_then_the_present_and_ends_at_its_limit_or_on_ctrl_c(stack: Stack) -> None:
    tenant = a_tenant()
    post(stack, tenant, title="before", service="shop", environment="prod")
    post(stack, tenant, title="other", service="pay")
    with tailing("--url", stack.url, "--tenant", tenant, "--from", "1h", "--service", "shop") as child:
        assert child.stdout is not None
        first = child.stdout.readline()
        assert first.split()[1:] == ["deployment", "shop", "prod", "before"]
        assert "\x1b" not in first
        post(stack, tenant, title="after", service="shop")
        assert child.stdout.readline().endswith(" after\n")
        child.send_signal(signal.SIGINT)
        assert (child.wait(10), child.communicate()) == (0, ("", ""))
    with tailing("--url", stack.url, "--tenant", tenant, "--from", "1h", "--json", "--limit", "3") as child:
        out, _ = child.communicate(timeout=30)
        assert sorted(json.loads(line)["title"] for line in out.splitlines()) == ["after", "before", "other"]
        assert child.returncode == 0


def test_problems_only_are_told_by_their_transition(stack: Stack) -> None:
    tenant = a_tenant()
    post(stack, tenant, kind="incident", title="down", status="open", service="shop")
    with tailing("--url", stack.url, "--tenant", tenant, "--from", "1h", "--problems", "--limit", "1") as child:
        out, _ = child.communicate(timeout=30)
        assert out.split()[1:] == ["problem", "opened", "shop", "down"]


def test_rankings_are_told_by_their_verdict_where_they_are_asked_for(stack: Stack) -> None:
    tenant = a_tenant()
    publish(stack, ranking(1, tenant=tenant, verdict="none"), ranking(2, tenant=tenant, title="down", service="shop"))
    with tailing(
        "--url", stack.url, "--tenant", tenant, "--from", "1h", "--stream", "causes", "--verdict", "likely", "--limit", "1"
    ) as child:
        out, _ = child.communicate(timeout=60)
        assert out.split()[1:] == ["causes", "#1", "likely", "shop", "down"]


def test_it_comes_back_behind_its_last_line_when_the_server_was_away(stack: Stack) -> None:
    tenant = a_tenant()
    with tailing("--url", stack.url, "--tenant", tenant, "--from", "1h") as child:
        assert child.stdout is not None
        assert child.stderr is not None
        post(stack, tenant, title="one")
        assert child.stdout.readline().endswith(" one\n")
        stack.child("causeline server").kill()
        assert "connecting again" in child.stderr.readline()
        stack.wait_flow()
        post(stack, tenant, title="two")
        assert child.stdout.readline().endswith(" two\n")


def test_who_reads_no_further_ends_it_without_a_word(stack: Stack) -> None:
    tenant = a_tenant()
    for number in range(20):
        post(stack, tenant, title=f"{number}")
    with tailing("--url", stack.url, "--tenant", tenant, "--from", "1h") as child:
        assert child.stdout is not None
        child.stdout.readline()
        child.stdout.close()
        post(stack, tenant, title="nobody reads this")
        child.wait(20)
        assert child.stderr is not None
        assert (child.returncode, child.stderr.read()) == (0, "")


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [("--from", "yesterday", "answers 400 Bad Request: from:"), ("--tag", "x", "tag:"), ("--verdict", "likely", "verdict:")],
)
def test_what_the_server_refuses_is_one_line(stack: Stack, option: str, value: str, message: str) -> None:
    with tailing("--url", stack.url, option, value) as child:
        out, err = child.communicate(timeout=30)
        assert (child.returncode, out, err.count("\n")) == (1, "", 1)
        assert message in err


def test_a_server_that_is_not_there_is_one_line() -> None:
    with tailing("--url", f"http://127.0.0.1:{free_port()}") as child:
        out, err = child.communicate(timeout=30)
        assert (child.returncode, out, err.count("\n")) == (1, "", 1)
        assert "no server answers at" in err
