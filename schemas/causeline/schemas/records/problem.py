"""A problem and its transitions: the public record of `causeline.problems`, a full snapshot at every transition.

What must change together: `avro/problem.v*.avsc`, `registry.lock.json`, `clickhouse/*.sql` and the fields below (a test compares them).
"""

from typing import Literal

import msgspec

Transition = Literal["opened", "reopened", "refreshed", "closed", "timed_out", "deleted"]
State = Literal["open", "closed"]


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one problem, written at the transition that made it.

    `id` is the id of the record that opened it, `correlation_id` what its signals have in common. `at` is when the transition
    happened in log time, `cause` the id of the ingest record behind it (empty for a timeout). `deadline` is the last receipt plus the
    timeout, None for problems that only a signal closes. `end` is None while open. `refresh_count` counts every refresh, also
    those whose transitions were coalesced. `previous_id` links the problem that this one reopens.
    """

    tenant: str
    id: str
    version: int
    is_deleted: bool = False
    dialect: str
    kind: str
    correlation_id: str
    event_id: str
    previous_id: str = ""
    state: State
    transition: Transition
    at: int
    cause: str = ""
    start: int
    end: int | None = None
    last_receipt: int
    deadline: int | None = None
    refresh_count: int = 0
    ingest_ts: int
    service: str = ""
    environment: str = ""
    priority: str = ""
    severity: str = ""
    title: str = ""
    text: str = ""
    source: str = ""
    owner: str = ""
    team: str = ""
    tags: dict[str, str] = {}
    entities: list[str] = []
    links: dict[str, str] = {}
