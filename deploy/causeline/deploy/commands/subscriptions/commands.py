"""`causeline subscriptions list | show`: what a running server says of them, for people and as JSON.

Names, URLs and what receivers answered were written by anybody: what a terminal would take for a command is made visible (`visible`).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any, Final

from rich.table import Table

from causeline.deploy.adapters.api_client import ApiClient, segment
from causeline.deploy.commands import wide_tables
from causeline.deploy.terminal import visible
from causeline.deploy.variables import SUBSCRIPTIONS_TOKEN

SubscriptionView = dict[str, Any]

_CUT: Final = 48


def print_subscriptions(url: str, token: str, tenant: str, *, state: str, as_json: bool) -> None:
    """Print every subscription that the caller may see. Raises ApiError."""
    with _server(url, token, tenant) as api:
        subscriptions = list(api.list_items("/v1/subscriptions", "subscriptions", [("state", state)] if state else []))
    if as_json:
        for one in subscriptions:
            print(json.dumps(one, ensure_ascii=False))
    else:
        wide_tables.print_table(subscription_table(subscriptions))


def print_subscription(url: str, token: str, tenant: str, subscription_id: str, *, as_json: bool) -> None:
    """Print everything of one subscription. Raises ApiError."""
    with _server(url, token, tenant) as api:
        subscription = api.call("GET", f"/v1/subscriptions/{segment(subscription_id)}")
    print(json.dumps(subscription, ensure_ascii=False) if as_json else "\n".join(member_lines(subscription)))


def subscription_table(subscriptions: list[SubscriptionView]) -> Table:
    """Return the list, one row a subscription."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "state", "to", "follows", "waiting", "dead", "last success", "last error"):
        table.add_column(heading, no_wrap=True)
    for one in subscriptions:
        health = one["health"]
        cells = (one["id"], one["name"], health["state"], _place(one["target"]), _follows(one["filter"]))
        numbers = (_text(health["waiting"]), _text(health["dead"]), _text(health["last_success"]), _text(health["last_error"]))
        table.add_row(*(visible(cell, _CUT) for cell in (*cells, *numbers)))
    return table


def member_lines(subscription: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each member, those of its parts with their path (`health.state`); what is null or empty is left out."""
    for name, value in _members("", subscription):
        yield f"{name:<24} {visible(value)}"


def _members(prefix: str, members: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in members.items():
        if isinstance(value, dict):
            yield from _members(f"{prefix}{name}.", value)
        elif value not in (None, "", []):
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _place(target: Mapping[str, Any]) -> str:
    return str(target.get("url") or target.get("slack_channel") or "-")


def _follows(words: Mapping[str, Any]) -> str:
    parts = (f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in words.items())
    return " ".join(parts) or "everything"


def _text(value: object) -> str:
    return "-" if value in (None, "") else str(value)


def _server(url: str, token: str, tenant: str) -> "closing[ApiClient]":
    return closing(ApiClient(url, token, tenant, variable=SUBSCRIPTIONS_TOKEN))
