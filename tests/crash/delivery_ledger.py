"""What became of deliveries, judged from what was published and what an endpoint took. Pure.

A delivery may come more than once, but it must come, and of each entity the first receipts follow its versions: a receiver that drops what
it knows already sees every version once and in order.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tests.receiver import Received


class Told(NamedTuple):
    """One version of an event or problem: what was published, or what a webhook told. `what` is `event` or `problem`."""

    what: str
    entity: str
    version: int


class Account(NamedTuple):
    """What became of what was to be told. `more_than_once` counts receipts beyond the first."""

    sent: int
    received: int
    more_than_once: int
    lost: Sequence[Told]
    out_of_order: Sequence[Told]
    never_sent: Sequence[Told]

    @property
    def holds(self) -> bool:
        """Return whether everything came, in order, and nothing else."""
        return not (self.lost or self.out_of_order or self.never_sent)


def account(sent: Iterable[Told], receipts: Iterable[Told]) -> Account:
    """Return what became of what was sent; `receipts` are in the order of arrival."""
    sent_items, counted = set(sent), Counter[Told]()
    highest: dict[tuple[str, str], int] = {}
    late: list[Told] = []
    for item in receipts:
        counted[item] += 1
        if counted[item] > 1 or item not in sent_items:
            continue
        entity = (item.what, item.entity)
        if item.version < highest.get(entity, 0):
            late.append(item)
        highest[entity] = max(item.version, highest.get(entity, 0))
    arrivals = counted.keys() & sent_items
    return Account(
        sent=len(sent_items),
        received=len(arrivals),
        more_than_once=sum(counted[item] - 1 for item in arrivals),
        lost=sorted(sent_items - counted.keys()),
        out_of_order=late,
        never_sent=sorted(counted.keys() - sent_items),
    )


def told_by(request: Received) -> Told:
    """Return what a webhook of the standard payload tells. Raises ValueError or KeyError for anything else."""
    payload = json.loads(request.body)
    data = payload["data"]
    return Told(payload["type"].partition(".")[0], data["id"], data["version"])


def ids_disagree(receipts: Iterable[Received]) -> list[str]:
    """Return the delivery ids that told more than one thing, or that another one told too: one of each belongs to the other."""
    pairs = {(request.webhook_id, told_by(request)) for request in receipts}
    ids, tales = Counter(webhook_id for webhook_id, _ in pairs), Counter(item for _, item in pairs)
    return sorted({webhook_id for webhook_id, item in pairs if not webhook_id or ids[webhook_id] > 1 or tales[item] > 1})


_HEADS = ("fault", "sent", "received", "more than once", "lost", "out of order", "all told s")


def table(rows: Iterable[tuple[str, Account, float]]) -> list[str]:
    """Return the lines of the table: a fault, its account, and how long after the load the last delivery came."""
    cells = [_HEADS, *(_cells(*row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]


def _cells(fault: str, result: Account, seconds: float) -> tuple[str, ...]:
    numbers = (result.sent, result.received, result.more_than_once, len(result.lost), len(result.out_of_order))
    return (fault, *map(str, numbers), f"{seconds:.1f}")
