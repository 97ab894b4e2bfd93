"""`causeline deliveries list | show | retry`, beside a running server."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, get_args

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from causeline.deploy.adapters.api_client import ApiError, QueryParameters, RequestRefused
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.deliveries import text
from causeline.deploy.commands.deliveries.client import DeliveryClient
from causeline.deploy.terminal import visible
from causeline.schemas.records.delivery_work import DeliveryOutcome, What
from causeline.schemas.values.durations import duration_ms


def print_deliveries(client: DeliveryClient, parameters: QueryParameters, *, limit: int, as_json: bool) -> int:
    """Print the newest deliveries; return the exit code. Raises ApiError."""
    if limit < 1:
        raise ApiError("--limit takes a number from 1 on", 2)
    deliveries = client.list_deliveries(parameters, limit)
    count = _print_json(deliveries) if as_json else _print_table(list(deliveries))
    if not count:
        print("no deliveries" + (" that match" if parameters else ""), file=sys.stderr if as_json else sys.stdout)
    elif count == limit and not as_json:
        print(f"the newest {limit}; --limit shows more, --since and --outcome choose", file=sys.stderr)
    return 0


def _print_json(deliveries: Iterator[dict[str, Any]]) -> int:
    count = 0
    for each in deliveries:
        print(json.dumps(each))
        count += 1
    return count


def _print_table(deliveries: list[dict[str, Any]]) -> int:
    if deliveries:
        wide_tables.print_table(text.delivery_table(deliveries))
    return len(deliveries)


def print_delivery(client: DeliveryClient, delivery_id: str, *, as_json: bool) -> int:
    """Print everything of one delivery; return the exit code. Raises ApiError."""
    delivery = client.one(delivery_id)
    if as_json:
        print(json.dumps(delivery))
        return 0
    for line in text.delivery_lines(delivery):
        print(line)
    print()
    wide_tables.print_table(text.attempt_table(delivery))
    return 0


def retry_these(client: DeliveryClient, ids: Sequence[str]) -> int:
    """Begin dead deliveries again, one by one; return 0 where all of them went, else 1. Raises ApiError."""
    refused = 0
    for delivery_id in dict.fromkeys(ids):
        try:
            client.retry(delivery_id)
            print(f"{visible(delivery_id, 80)}: retried")
        except RequestRefused as error:
            refused += 1
            print(f"{visible(delivery_id, 80)}: refused, {error}")
    return 1 if refused else 0


def retry_all(client: DeliveryClient, subscription: str, since: str, until: str, *, dry_run: bool, yes: bool) -> int:
    """Begin all dead deliveries of a subscription again, oldest first; return the exit code. Raises ApiError."""
    window = window_of(since, until)
    parameters = [("subscription", subscription), ("outcome", "dead"), *window]
    count = sum(1 for _ in client.list_deliveries(parameters))
    if not count or dry_run:
        print(f"{count} would be retried" if dry_run else "nothing is dead there")
        return 0
    if not yes:
        _ask(count, subscription)
    total = 0
    with _progress(count) as advance:
        for portion in client.retry_all(subscription, dict(window)):
            total += portion
            advance(total)
    print(f"retried {total}")
    return 0


def filters_of(subscription: Sequence[str], outcome: Sequence[str], what: Sequence[str], entity: Sequence[str]) -> list[tuple[str, str]]:
    """Return the parameters of a list. Raises ApiError for what cannot be chosen."""
    for name, chosen_values, choices in (("outcome", outcome, get_args(DeliveryOutcome)), ("what", what, get_args(What))):
        if any(value not in choices for value in chosen_values):
            raise ApiError(f"--{name} takes {', '.join(choices)}", 2)
    filters = {"subscription": subscription, "outcome": outcome, "what": what, "entity": entity}
    return [(name, value) for name, values in filters.items() for value in values]


def window_of(since: str, until: str) -> list[tuple[str, str]]:
    """Return the window of time as parameters: a duration (`2h`) counts back from now. Raises ApiError."""
    parameters = []
    for option, name, value in (("--since", "from", since), ("--until", "to", until)):
        if not value:
            continue
        try:
            duration_ms(value)
            parameters.append((name, f"now-{value}"))
        except ValueError:
            if not value[:1].isdigit() and not value.startswith("now"):
                raise ApiError(f"{option} takes 30m, 2h, 7d or a time in RFC 3339", 2) from None
            parameters.append((name, value))
    return parameters


def _ask(count: int, subscription: str) -> None:
    if not sys.stdin.isatty():
        raise ApiError(f"{count} deliveries were chosen by --all: say --yes, as nobody can be asked here", 2)
    if input(f"Retry {count} deliveries of {visible(subscription, 80)}? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise ApiError("nothing was retried")


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    """Show on standard error how far a retry is, on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("retrying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda count: bar.update(task, completed=count)
