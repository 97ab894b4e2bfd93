"""`causeline subscriptions list | show`: what a running server says of them, for people and as JSON.

Names, URLs and what receivers answered were written by anybody: what a terminal would take for a command is made visible (`visible`).
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.table import Table

from causeline.deploy.dead_letter_text import visible
from causeline.deploy.settings import SUBSCRIPTIONS_TOKEN

Shown = dict[str, Any]

_TIMEOUT_S: Final = 30.0
_PAGE: Final = 1_000
_WIDE: Final = 400
_CUT: Final = 48


class SubscriptionError(Exception):
    """The server cannot be reached, or refuses; the message says which."""


def show_list(url: str, token: str, tenant: str, *, state: str, as_json: bool) -> None:
    """Print every subscription that the caller may see. Raises SubscriptionError."""
    with _client(url, token, tenant) as http:
        found = list(_listed(http, {"state": state} if state else {}))
    if as_json:
        for one in found:
            print(json.dumps(one, ensure_ascii=False))
        return
    out = Console(highlight=False)
    if not out.is_terminal:
        out.width = _WIDE
    out.print(table(found), markup=False)


def show_one(url: str, token: str, tenant: str, subscription_id: str, *, as_json: bool) -> None:
    """Print everything of one subscription. Raises SubscriptionError."""
    with _client(url, token, tenant) as http:
        found = _asked(http, f"/v1/subscriptions/{quote(subscription_id, safe='')}", {})
    print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines(found)))


def table(found: list[Shown]) -> Table:
    """Return the list, one row a subscription."""
    shown = Table(box=None, pad_edge=False)
    for heading in ("id", "name", "state", "to", "follows", "waiting", "dead", "last success", "last error"):
        shown.add_column(heading, no_wrap=True)
    for one in found:
        health = one["health"]
        cells = (one["id"], one["name"], health["state"], _place(one["target"]), _follows(one["filter"]))
        numbers = (_text(health["waiting"]), _text(health["dead"]), _text(health["last_success"]), _text(health["last_error"]))
        shown.add_row(*(visible(cell, _CUT) for cell in (*cells, *numbers)))
    return shown


def lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each member, those of its parts with their path (`health.state`); what is null or empty is left out."""
    for name, value in _members("", found):
        yield f"{name:<24} {visible(value)}"


def _members(prefix: str, found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if isinstance(value, dict):
            yield from _members(f"{prefix}{name}.", value)
        elif value not in (None, "", []):
            yield f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _place(target: Mapping[str, Any]) -> str:
    return str(target.get("url") or target.get("slack_channel") or "-")


def _follows(words: Mapping[str, Any]) -> str:
    said = (f"{name}={','.join(value) if isinstance(value, list) else value}" for name, value in words.items())
    return " ".join(said) or "everything"


def _text(value: object) -> str:
    return "-" if value in (None, "") else str(value)


def _client(url: str, token: str, tenant: str) -> httpx.Client:
    said = {"Authorization": f"Bearer {token}" if token else "", "Causeline-Tenant": tenant}
    try:
        return httpx.Client(base_url=url, timeout=_TIMEOUT_S, headers={name: value for name, value in said.items() if value})
    except (httpx.InvalidURL, UnicodeEncodeError) as error:
        raise SubscriptionError(f"an address, a token or a tenant cannot be sent: {error}") from error


def _listed(http: httpx.Client, asked: Mapping[str, str]) -> Iterator[Shown]:
    cursor: str | None = ""
    while cursor is not None:
        page = _asked(http, "/v1/subscriptions", {**asked, "limit": str(_PAGE), "cursor": cursor})
        yield from page["subscriptions"]
        cursor = page["next_cursor"]


def _asked(http: httpx.Client, path: str, parameters: Mapping[str, str]) -> Shown:
    try:
        answer = http.get(path, params=parameters)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SubscriptionError(f"no server answers at {http.base_url}: {error or type(error).__name__}") from error
    try:
        said: Shown = answer.json()
        if answer.status_code == HTTPStatus.OK:
            return said
        detail = visible(str(said["detail"]), 500)
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.status_code} {answer.reason_phrase}"
    if answer.status_code == HTTPStatus.UNAUTHORIZED:
        detail += f": set {SUBSCRIPTIONS_TOKEN}, see `causeline token create`"
    raise SubscriptionError(detail)
