"""Questions as values: what a dialect's read asks, without a word of SQL or HTTP.

Times are ms UTC; `from_ms` is inclusive, `to_ms` exclusive. In a filter, several values of one field mean or, several fields mean and; an
empty tuple does not filter. `groups` None sees every event, else events without groups and those that share one.
"""

from typing import Final, Literal, NamedTuple

import msgspec

from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.folding import fold_case_all
from causeline.schemas.web.principal import Groups

Order = Literal["desc", "asc"]
By = Literal["kind", "service", "status"]
CountedBy = By | Literal["environment", "priority"]
"""What a store can count by; `By` is what the native API offers."""
LaneBy = Literal["service", "kind", "environment", "team", "status", "priority"]
"""What events can be laid out in lanes by."""
Relation = Literal["same_entity", "same_service", "same_tag", "same_environment", "other"]


RawOp = Literal["eq", "ne", "in", "gt", "gte", "lt", "lte", "has_any", "exists"]
RawValue = str | int | float | bool | None
Document = Literal["sent", "own"]
"""`sent`: the JSON that the client sent (`raw`); `own`: the members `id` and `timestamp` (RFC 3339, UTC, ms) that the server gave it."""

TextFold = Literal["", "case", "word"]
"""How texts equal: exactly, without the letter case of ASCII, or also without `_` and `-`."""


class RawTest(NamedTuple):
    """A test on a top-level member of the JSON that the client sent (`raw`), for dialects that filter by any field.

    `also` are other names of the same field: the test passes if it does under one of the names.

    `eq`, `ne`, `in` compare text without regard to the JSON type (`5` and `"5"` are equal), `gt` … compare numbers as numbers and anything
    else as text, `has_any` asks whether an array shares a value, `exists` whether the member is there, not null and not blank.
    `fold` is for `eq`, `ne` and `in`.
    """

    member: str
    op: RawOp
    values: tuple[RawValue, ...] = ()
    also: tuple[str, ...] = ()
    document: Document = "sent"
    fold: TextFold = ""


class RawSort(NamedTuple):
    """Order by a top-level member of the JSON that the client sent: numbers before text, numbers as numbers; absent ones last."""

    member: str
    descending: bool
    document: Document = "sent"


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which events. `words` must all occur in title or text (any letter case). `exclude_kinds` drops kinds."""

    tenant: str
    groups: Groups = None
    from_ms: int | None = None
    to_ms: int | None = None
    dialects: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    exclude_kinds: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    related_ids: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    words: str = ""
    raw: tuple[RawTest, ...] = ()

    def __post_init__(self) -> None:
        """Ask for kinds and statuses as they are stored."""
        for name in ("kinds", "exclude_kinds", "statuses"):
            if texts := getattr(self, name):
                msgspec.structs.force_setattr(self, name, fold_case_all(texts))


class Edges(NamedTuple):
    """DESK Events API v1: an event is in the window if its start or its end lies in [from_ms, to_ms]; an open one ends `now`."""

    from_ms: int
    to_ms: int
    now: int


class EventPosition(NamedTuple):
    """A place in the order of events: time (ms UTC), then id."""

    ts: int
    id: str


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """At most `limit` rows after `after` (keyset). `offset` and `sort` are only for dialects that number their pages.

    With `sort` the order of events (by `order`) breaks ties.
    """

    limit: int
    order: Order = "desc"
    after: EventPosition | None = None
    offset: int = 0
    sort: tuple[RawSort, ...] = ()


class ProblemFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Problems open at any moment of [from_ms, to_ms); `state` as of `now`, past deadlines counted as closed."""

    tenant: str
    now: int
    from_ms: int | None = None
    to_ms: int | None = None
    state: Literal["", "open", "closed"] = ""
    dialects: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    environments: tuple[str, ...] = ()
    priorities: tuple[str, ...] = ()
    correlation_ids: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    words: str = ""

    def __post_init__(self) -> None:
        """Ask for kinds as they are stored."""
        if self.kinds:
            msgspec.structs.force_setattr(self, "kinds", fold_case_all(self.kinds))


class KindWindow(NamedTuple):
    """Since when changes of some kinds are asked for (ms UTC)."""

    kinds: tuple[str, ...]
    from_ms: int


class ChangeQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Changes whose [start, end] touches [from_ms, to_ms], ranked by relation to the reference, then by distance to `at`.

    With `windows` only changes of their kinds, each of which lasts until the beginning of its own window or longer; with `lasting_ms` only
    those that last so long.
    """

    tenant: str
    groups: Groups = None
    at: int
    from_ms: int
    to_ms: int
    service: str = ""
    environment: str = ""
    entities: tuple[str, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    exclude_ids: tuple[str, ...] = ()
    exclude_kinds: tuple[str, ...] = ()
    windows: tuple[KindWindow, ...] = ()
    lasting_ms: int = 0
    limit: int = 100


class Onset(NamedTuple):
    """When something began to go wrong (ms UTC), and where, as somebody says who has no problem to name."""

    tenant: str
    service: str
    environment: str
    at: int


class RelatedChange(NamedTuple):
    """One change of a window: the event, how it relates to the reference, and its distance (negative: before it)."""

    event: Event
    relation: Relation
    offset_seconds: float


class RateQuery(msgspec.Struct, frozen=True, kw_only=True):
    """How often changes of some services, of [from_ms, to_ms), were followed by a problem of their service.

    `problems` are the services and starts (ms UTC) of the problems to look for. Changes without a service have no rate.
    """

    tenant: str
    groups: Groups = None
    from_ms: int
    to_ms: int
    services: tuple[str, ...]
    kinds: tuple[str, ...]
    problems: tuple[tuple[str, int], ...] = ()


class ChangeRate(msgspec.Struct, frozen=True):
    """How many changes a service had of a kind, and after how many of them a problem of it began within `FOLLOWED_MS`."""

    service: str
    kind: str
    changes: int
    followed: int


FOLLOWED_MS: Final = 86_400_000


class UpdateQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes of [from_ms, to_ms) got a version after `since` (ms UTC of its arrival), of some kinds: the newest `limit` of them.

    Deleted ones count, and so does what a move left at its old time, and those of every group: one that is restricted from now on is to
    leave what was told to all. So the answer says when to look again, and nothing of it is shown to anybody.
    """

    tenant: str
    from_ms: int
    to_ms: int
    since: int
    kinds: tuple[str, ...]
    limit: int


class ChangeUpdate(msgspec.Struct, frozen=True):
    """The newest version of a change at a time: when it happened (`first` to `last`), and when the version arrived (`updated_ts`)."""

    id: str
    kind: str
    first: int
    last: int
    updated_ts: int


class DeliveryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which deliveries, each as its newest attempt. Times are of when Causeline took in what is told: they never change."""

    tenant: str
    from_ms: int | None = None
    to_ms: int | None = None
    subscriptions: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    whats: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()


class TimeBucket(NamedTuple):
    """Counts of one time bucket by label, empty for an empty bucket."""

    start: int
    counts: dict[str, int]


class LaneQuery(msgspec.Struct, frozen=True, kw_only=True):
    """The events of a filter with both its times, in lanes by a column and bins of time: `limit` lanes after `skip`, fullest first."""

    where: EventFilter
    by: LaneBy
    step_ms: int
    limit: int
    skip: int = 0


class LaneBin(NamedTuple):
    """A stretch of time of a lane: how many events it has, and how many of the kinds that it has most of (`MAX_BIN_KINDS`), by kind."""

    start: int
    total: int
    counts: dict[str, int]


class LaneBins(NamedTuple):
    """A lane: the value of its column, and the bins that have events, in order."""

    name: str
    bins: list[LaneBin]


class LaneAnswer(NamedTuple):
    """The lanes that were asked for, and how many lanes and events there are in all."""

    lanes: list[LaneBins]
    lane_count: int
    event_count: int


MAX_BIN_KINDS: Final = 8


class ProblemHistory(NamedTuple):
    """A problem, its published transitions in order, and the problem that reopened it ('' if none)."""

    problem: Problem
    transitions: list[Problem]
    next_id: str
