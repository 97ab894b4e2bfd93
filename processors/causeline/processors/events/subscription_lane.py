"""The rules of one tenant that follow one thing: where they lie, and which of them ask for a record.

A rule lies under the values of one field of its filter, the one whose buckets are the emptiest when it comes. Records repeat themselves, so
the rules that a combination of columns leads to are remembered until the rules change; the rest of a filter (entities, tags, words,
projects, groups) is looked at only where such a rule is among them.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from causeline.schemas.records.delivery_work import What, notification_head
from causeline.schemas.subscriptions.matching import Details, asks_for_details, in_columns, in_details
from causeline.schemas.subscriptions.rules import Filter, Rule
from causeline.schemas.wire.glance import MatchSubject
from causeline.schemas.wire.partitioning import partition_of

MAX_LISTED: Final = 500
"""Subscriptions named in one notification: 20 KB of ids."""
MAX_REMEMBERED: Final = 200_000
"""Rules and combinations of columns remembered of a tenant, some 20 MB; then it begins anew."""
CROWDED: Final = 64
"""Rules in one bucket from which on another one is sought among the details, which cost every event of the tenant a closer look."""

RuleBucket = tuple[str, Hashable]
_ANYWHERE: Final[RuleBucket] = ("", "")


class Place(NamedTuple):
    """Subscriptions of one partition, in order of their ids, at most `MAX_LISTED`.

    `key` is what a record for them is keyed by, `beginning` how it begins (`delivery_work.notification_head`).
    """

    partition: int
    key: bytes
    beginning: bytes
    ids: tuple[str, ...]


class _Shortlist(NamedTuple):
    """The rules that columns lead to: those that take every such record for their eyes, those that ask for more of it.

    `places` is where the first ones are when the record is for everybody; `is_guarded`: some of them may not see every record.
    """

    sure: tuple[Rule, ...]
    places: tuple[Place, ...]
    is_guarded: bool
    likely: tuple[Rule, ...]


class RuleLane:
    """The rules of one tenant that follow events, or problems.

    `ready` holds where the subscriptions are that ask for records of a key (`Described.key`), as far as that is known and nothing else of a
    record has to be looked at.
    """

    def __init__(self, partitions: int, what: What) -> None:
        self._partitions = partitions
        self._what: Final = what
        self._rules: dict[str, tuple[Rule, list[RuleBucket]]] = {}
        self._buckets: dict[RuleBucket, dict[str, Rule]] = {}
        self._by_details = 0
        self._shortlists: dict[Hashable, _Shortlist] = {}
        self._memory_size = 0
        self.ready: dict[Hashable, tuple[Place, ...]] = {}

    def __len__(self) -> int:
        return len(self._rules)

    def __contains__(self, rule_id: str) -> bool:
        return rule_id in self._rules

    def rule(self, rule_id: str) -> Rule | None:
        """Return a rule by its id."""
        return self._rules.get(rule_id, (None, []))[0]

    def fork(self) -> "RuleLane":
        """Return one with the same rules that goes its own way."""
        other = RuleLane(self._partitions, self._what)
        other._rules = dict(self._rules)
        other._buckets = {bucket: dict(rules) for bucket, rules in self._buckets.items()}
        other._by_details = self._by_details
        return other

    def put(self, rule: Rule) -> None:
        """Add a rule, in place of the one with its id."""
        self.drop(rule.id)
        buckets = self._buckets_of(rule.where)
        self._rules[rule.id] = rule, buckets
        for bucket in buckets:
            self._buckets.setdefault(bucket, {})[rule.id] = rule
        self._by_details += buckets[0][0] in _DETAILS
        self._forget()

    def drop(self, rule_id: str) -> None:
        """Remove a rule; nothing where it is not known."""
        _, buckets = self._rules.pop(rule_id, (None, []))
        for bucket in buckets:
            rules = self._buckets[bucket]
            del rules[rule_id]
            if not rules:
                del self._buckets[bucket]
        if buckets:
            self._by_details -= buckets[0][0] in _DETAILS
            self._forget()

    def places(self, record: MatchSubject) -> Sequence[Place]:
        """Return where the subscriptions are that ask for a record. Raises CodecError where it cannot be read."""
        shortlist = self._shortlists.get(record.key) or self._shortlist(record)
        if self._is_sure(shortlist, record):
            return shortlist.places
        return places_of_rules(self._among(shortlist, record), self._partitions, self._what)

    def asking(self, record: MatchSubject) -> Sequence[Rule]:
        """Return the rules that ask for a record, each once. Raises CodecError where it cannot be read."""
        shortlist = self._shortlists.get(record.key) or self._shortlist(record)
        return shortlist.sure if self._is_sure(shortlist, record) else self._among(shortlist, record)

    def _is_sure(self, shortlist: _Shortlist, record: MatchSubject) -> bool:
        return not shortlist.likely and not self._by_details and not (shortlist.is_guarded and record.is_restricted())

    def _among(self, shortlist: _Shortlist, record: MatchSubject) -> list[Rule]:
        details = record.details()
        rules = [rule for rule in (*shortlist.sure, *shortlist.likely) if in_details(rule, details)]
        if self._by_details:
            columns = record.columns()
            rules += [rule for rule in self._led_to_by(details) if in_columns(rule.where, columns) and in_details(rule, details)]
        return rules

    def _shortlist(self, record: MatchSubject) -> _Shortlist:
        columns = record.columns()
        buckets: list[RuleBucket] = [(name, getattr(columns, name)) for name in _COLUMNS] + [_ANYWHERE]
        rules = [rule for bucket in buckets for rule in self._buckets.get(bucket, {}).values() if in_columns(rule.where, columns)]
        sure = tuple(rule for rule in rules if not asks_for_details(rule.where))
        is_guarded = any(rule.groups is not None for rule in sure)
        likely = tuple(rule for rule in rules if asks_for_details(rule.where))
        shortlist = _Shortlist(sure, places_of_rules(sure, self._partitions, self._what), is_guarded, likely)
        self._memory_size += 1 + len(rules)
        if self._memory_size > MAX_REMEMBERED:
            self._forget()
        self._shortlists[record.key] = shortlist
        if not shortlist.likely and not self._by_details and not is_guarded:
            self.ready[record.key] = shortlist.places
        return shortlist

    def _led_to_by(self, details: Details) -> Iterable[Rule]:
        rules: dict[str, Rule] = {}
        for bucket in _details(details):
            rules.update(self._buckets.get(bucket, {}))
        return rules.values()

    def _buckets_of(self, where: Filter) -> list[RuleBucket]:
        """Return the buckets of a rule: those of one field of its filter, one for each value. The emptiest ones, columns before details."""

        def crowd(buckets: list[RuleBucket]) -> tuple[int, bool, int]:
            size = sum(len(self._buckets.get(bucket, ())) for bucket in buckets)
            return size // CROWDED, buckets[0][0] in _DETAILS, size

        choices = list(_choices(where))
        return min(choices, key=crowd) if choices else [_ANYWHERE]

    def _forget(self) -> None:
        self._shortlists.clear()
        self.ready.clear()
        self._memory_size = 0


_COLUMNS: Final = {
    "service": "services",
    "environment": "environments",
    "kind": "kinds",
    "status": "statuses",
    "priority": "priorities",
    "dialect": "dialects",
}
"""Columns with the field of a filter that asks for them; of equally empty buckets the first one's is taken."""
_DETAILS: Final = {"entity": "entities", "project": "projects", "tag": "tags"}


def _choices(where: Filter) -> Iterator[list[RuleBucket]]:
    for name, field in (_COLUMNS | _DETAILS).items():
        if values := getattr(where, field):
            yield [(name, value) for value in dict.fromkeys(values)]


def _details(details: Details) -> Iterator[RuleBucket]:
    yield from (("entity", entity) for entity in details.entities)
    yield ("project", details.project)
    yield from (("tag", tag) for tag in details.tags.items())


def places_of_rules(rules: Iterable[Rule], partitions: int, what: What) -> tuple[Place, ...]:
    """Return where the subscriptions of some rules are, for records that are `what`."""
    return tuple(
        Place(partition, ids[0].encode(), notification_head(ids, what), ids)
        for partition, ids in by_partition((rule.id for rule in rules), partitions)
    )


def by_partition(ids: Iterable[str], partitions: int) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the partitions of subscriptions, at most `MAX_LISTED` at once, in an order that does not tell when they came."""
    ids_by_partition: dict[int, list[str]] = {}
    for own in sorted(set(ids)):
        ids_by_partition.setdefault(partition_of(own.encode(), partitions), []).append(own)
    for partition, some in sorted(ids_by_partition.items()):
        for at in range(0, len(some), MAX_LISTED):
            yield partition, tuple(some[at : at + MAX_LISTED])
