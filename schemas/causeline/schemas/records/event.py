"""The public event: one flat record, equal to a row of the table `events`.

Why flat: the sink hands the Avro bytes to ClickHouse without decoding them, so the record *is* the row. The original JSON of
the client stays in `raw`, beside the normalized columns, so that what was sent can be given back as it was sent.

What must change together: `avro/event.v*.avsc`, `registry.lock.json`, `clickhouse/*.sql` and the fields below (a test compares them).
"""

from typing import Final

import msgspec

PROBLEM_KIND: Final = "incident"

NOT_CHANGES: Final = frozenset(
    {PROBLEM_KIND, "info", "access", "ticket", "review", "approval", "support_request", "recovery"},
)
"""Kinds that the correlation window does not show: they report, they do not change anything."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one event.

    Times are milliseconds since the epoch, UTC. An absent string is empty, an absent time is None. `version` starts at 1 and has no
    gap; a delete is the next version with `is_deleted`. `ingest_ts` is the arrival of the first version, `updated_ts` of this one.
    `dialect` is the name of the API that it came through (`causeline.schemas.dialects.all`).
    `deadline` is set on events that stand for a problem which times out (DESK): past it the event reads as closed.
    `previous_service` is that of the version before, set only on the version that changed it: what is sorted by service needs it.
    `commits` are ids, as many as `commit_times` has times, in one order; a time of 0 is one that the client did not say.
    """

    tenant: str
    id: str
    version: int = 1
    is_deleted: bool = False
    dialect: str
    kind: str
    status: str = ""
    ts: int
    start: int | None = None
    end: int | None = None
    ingest_ts: int
    updated_ts: int
    service: str = ""
    environment: str = ""
    priority: str = ""
    severity: str = ""
    title: str = ""
    text: str = ""
    source: str = ""
    owner: str = ""
    actor: str = ""
    commit: str = ""
    repo: str = ""
    branch: str = ""
    team: str = ""
    project: str = ""
    application: str = ""
    release: str = ""
    tags: dict[str, str] = {}
    entities: list[str] = []
    links: dict[str, str] = {}
    related_id: str = ""
    allowed_groups: list[str] = []
    problem_id: str = ""
    deadline: int | None = None
    raw: str = ""
    previous_service: str = ""
    commits: list[str] = []
    commit_times: list[int] = []
