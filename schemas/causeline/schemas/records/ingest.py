"""What travels on the internal log `causeline.ingest`, and what is set aside on `causeline.dead-letters`.

An ingest record is an envelope: the few fields that a processor decides by, and the finished public event as framed Avro bytes in
`event`. A plain create is therefore passed on without decoding the event (no per-event work that a batch can avoid).
"""

from typing import Final, Literal

import msgspec

Op = Literal["create", "patch", "delete", "push", "signal", "conflict", "tick", "subscribe", "notify"]
"""`push` is a signal whose event lives and dies with its problem (DESK problem types); `tick` only carries the time.

`signal` is what an event that is published elsewhere says of its problems: processors write it, to where those problems are. `conflict` is
a write that its client was told to be refused, since its key was used with other content before: it is only set aside.

`subscribe` carries a subscription's rule as JSON in `patch`, to every partition, so that each applies it from an exact place on; `notify`
carries a notification (`deliveries.Notification`) in `event` that is not matched, but meant for its subscriptions: a test, a repeat.
"""

_CHANGES: Final = frozenset({"patch", "delete"})

Signal = Literal["", "open", "close"]

DeadLetterReason = Literal[
    "undecodable",
    "unknown_op",
    "idempotency_conflict",
    "event_deleted",
    "patch_failed",
    "too_large",
    "too_many_open",
    "row_refused",
    "delivery_failed",
    "processing_failed",
]
"""`processing_failed` is no fault of the record: Causeline failed on it."""


class IngestRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of ingest, durable before the client is answered.

    `id` is the event's id, `record_id` the id of this record (equal to `id` for a create): it becomes the id of the problem that the
    record opens. `dedup_key` is the UUID derived from tenant, API and idempotency key, empty without one; `fingerprint` is a signed
    64-bit hash of the content, 0 without a key. `patch` is the JSON object a client sent to change an event whose
    version it saw as `base_version`, with the event time `base_ts` (-1: unknown, no row is taken away at an old time) and, where the patch
    changes the service, its service `base_service`; `event` is the framed event (for a patch the merged one, for a delete its tombstone).
    `correlation_id`, `signal` and `timeout_ms` (0: never) concern problems. `<group>/<name>+<name>` is a correlation id that speaks of
    several problems of one group, first the one that an opening signal opens where none of them is open.
    A request whose one key stands for several records, or beside a key of the record's own, gives each of them `request_key` (a UUID as
    `dedup_key` is), `request_fingerprint` of all that it says, and its `position` in it, from 0.
    """

    op: Op
    tenant: str = ""
    id: str = ""
    record_id: str = ""
    ingest_ts: int
    dedup_key: str = ""
    fingerprint: int = 0
    base_version: int = 0
    base_ts: int = -1
    patch: str = ""
    correlation_id: str = ""
    signal: Signal = ""
    timeout_ms: int = 0
    event: bytes = b""
    request_key: str = ""
    request_fingerprint: int = 0
    position: int = 0
    base_service: str = ""

    @property
    def key(self) -> bytes:
        """The Kafka key: what must meet in one state meets in one partition, by the first of these that the record has.

        1. `request_key`: all of a request is compared with what its key said before.
        2. `dedup_key`, of what makes an event: a key is one event, whatever else the record says. Keys of a change are scoped to
           their event and stay with it.
        3. The correlation id (of a group, the part before the `/`): the signals of one problem, the pushes that refresh it.
        4. `id`: the versions of one event.

        A record that concerns two of these states is decided in the first of them, which then writes what the next one needs as a record
        of its own, in the transaction of the decision (`causeline.processors.events.keys`).
        """
        if self.request_key:
            return self.request_key.encode()
        if self.dedup_key and self.op not in _CHANGES:
            return self.dedup_key.encode()
        return (self.correlation_id.partition("/")[0] if self.correlation_id else self.id).encode()

    @property
    def concerns(self) -> tuple[str, ...]:
        """Return the correlation ids of the problems that the record speaks of, at least one."""
        group, is_group, names = self.correlation_id.partition("/")
        return tuple(f"{group}/{name}" for name in names.split("+")) if is_group else (group or self.id,)


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """A record that could not be processed: its reason, where it lay, and its original bytes. Times in ms UTC."""

    reason: DeadLetterReason
    detail: str = ""
    tenant: str = ""
    id: str = ""
    at: int
    topic: str
    partition: int
    offset: int
    key: bytes = b""
    value: bytes = b""
