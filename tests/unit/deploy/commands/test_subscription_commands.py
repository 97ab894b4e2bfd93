"""How `causeline subscriptions` shows what a server says."""

from io import StringIO

import pytest
from rich.console import Console

from causeline.deploy.adapters.api_client import ApiError
from causeline.deploy.commands.subscriptions.commands import member_lines, print_subscriptions, subscription_table
from tests.subscriptions_memory import MINIMAL, MemorySubscriptions


def printed(found: list[dict[str, object]]) -> list[str]:
    out = Console(file=StringIO(), width=400, highlight=False)
    out.print(subscription_table(found), markup=False)
    assert isinstance(out.file, StringIO)
    return [line.rstrip() for line in out.file.getvalue().splitlines()]


async def test_a_row_says_who_is_told_what_and_how_it_fares() -> None:
    api = MemorySubscriptions()
    await api.make(filter={"service": ["shop", "pay"], "q": "rolled back"}, name="red \x1b[31m alert")
    await api.make(target={"type": "slack", "slack_token": "xoxb-1234567890-abc", "slack_channel": "#ops"}, state="paused")
    heading, one, two = printed((await api.get(""))["subscriptions"])
    assert heading.split()[:5] == ["id", "name", "state", "to", "follows"]
    assert "red \\x1b[31m alert" in one
    assert "active" in one
    assert "https://hooks.example.test/in" in one
    assert "service=shop,pay q=rolled back" in one
    assert ("paused" in two, "#ops" in two, "everything" in two) == (True, True, True)


async def test_everything_of_one_is_shown_by_its_path_and_nothing_that_is_empty() -> None:
    api = MemorySubscriptions()
    subscription = await api.make({**MINIMAL, "filter": {"kind": ["deployment"]}})
    members = dict(line.split(maxsplit=1) for line in member_lines(await api.get(f"/{subscription['id']}")))
    assert (members["id"], members["health.state"], members["filter.kind"], members["target.secret"]) == (
        subscription["id"],
        "active",
        "deployment",
        "***",
    )
    assert "health.waiting" not in members


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://[::", "nonsense"])
def test_a_server_that_does_not_answer_is_told_in_a_word(url: str) -> None:
    with pytest.raises(ApiError, match=r"no server answers|cannot be sent"):
        print_subscriptions(url, "", "", state="", as_json=False)
