"""The services of a fleet as rows: those that are described, and those that only events name, with what is wrong and what changed. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from causeline.query_api.ui.addresses import join_address, service_address


class ServiceRow(NamedTuple):
    """One service: its team ('' where it has none), how many problems are open, and how many changes the last day had."""

    name: str
    team: str
    is_described: bool
    problems: int
    changes: int

    @property
    def address(self) -> str:
        """Return its page."""
        return service_address(self.name)

    @property
    def problem_address(self) -> str:
        """Return the list of its open problems."""
        return join_address("/problems", [("service", self.name), ("state", "open")])

    @property
    def change_address(self) -> str:
        """Return the timeline of its last day."""
        return join_address("/timeline", [("service", self.name), ("from", "now-1d")])


def service_rows(
    services: Iterable[Mapping[str, Any]],
    problems: Iterable[Mapping[str, Any]],
    changes: Mapping[str, int],
    words: str,
    *,
    with_others: bool,
) -> list[ServiceRow]:
    """Return the services, those with open problems first, then those with most changes, then by name.

    `services` are described ones that fit already. Of those that only events name the ones that hold `words`, if `with_others`. What events
    say of an alias is its service's.
    """
    service_by_name = {service["name"]: service for service in services}
    own_names = {alias: name for name, service in service_by_name.items() for alias in service["aliases"] if alias not in service_by_name}
    open_counts = Counter(own_names.get(one["service"], one["service"]) for one in problems if one["service"])
    change_counts: Counter[str] = Counter()
    for name, count in changes.items():
        change_counts[own_names.get(name, name)] += count
    others = {name for name in (*open_counts, *change_counts) if name and words.casefold() in name.casefold()} if with_others else set()
    rows = [
        ServiceRow(name, service_by_name.get(name, {}).get("team") or "", name in service_by_name, open_counts[name], change_counts[name])
        for name in others | service_by_name.keys()
    ]
    return sorted(rows, key=lambda row: (-row.problems, -row.changes, row.name))


def sum_labels(buckets: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Return what all buckets of a histogram together counted, by label."""
    counts: Counter[str] = Counter()
    for bucket in buckets:
        counts.update(bucket["counts"])
    return counts
