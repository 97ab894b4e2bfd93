"""What the workers need from outside: a way to send, the subscriptions, the log, and a place for their reports.

`adapters/` holds httpx and Kafka; `memory/workers.py` the same in memory.
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from causeline.processors.workers.cause_summaries import CauseSummary
from causeline.schemas.records.delivery_work import Backfill, Backfilled, Refill, Refilled
from causeline.schemas.records.problem import Problem
from causeline.schemas.subscriptions.rules import Subscription

Failure = Literal["timeout", "refused address", "dns", "tls", "connect", "reset", "too many redirects", "bad url", "redirect"]
"""Why there was no answer, in a closed set of words."""


class EndpointCall(msgspec.Struct, frozen=True, kw_only=True):
    """One request to an endpoint: always a POST. `read` is how much of the answer's body is wanted, bytes."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    read: int = 4_096


class EndpointAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint answered: its status, `Retry-After` as it was sent, and the beginning of its body."""

    status: int
    retry_after: str = ""
    body: bytes = b""


class Unanswered(msgspec.Struct, frozen=True):
    """There was no answer. `status` is that of a redirect which led nowhere, else 0."""

    why: Failure
    status: int = 0


class Sender(Protocol):
    """Sends requests to endpoints that anybody may have named."""

    async def send(self, call: EndpointCall) -> EndpointAnswer | Unanswered:
        """Return the answer in bounded time, whatever the endpoint does. Never raises but for cancellation."""
        ...


class Directory(Protocol):
    """The subscriptions with their targets, as they are known here."""

    async def find(self, subscription: str, revision: int) -> Subscription | None:
        """Return the subscription as of `revision` at least; waits a moment for it, None where it does not come."""
        ...


class LogReader(Protocol):
    """Reads parts of the log for one subscription."""

    async def refill(self, work: Refill) -> Refilled:
        """Return a step of what `causeline.deliveries` held. Raises where the log cannot be read: the work is handed out again."""
        ...

    async def backfill(self, work: Backfill) -> Backfilled:
        """Return a step of what the public topics held from before the subscription. Raises as `refill`."""
        ...


class ProblemChanges(Protocol):
    """Asks what changed around a problem."""

    async def around(self, tenant: str, groups: tuple[str, ...] | None, problem: str) -> list["WindowChange"]:
        """Return the rows of the correlation window, closest first; none where they cannot be had in time. Never raises."""
        ...


class ProblemCauses(Protocol):
    """Knows the rankings of causes."""

    async def find(self, problem: Problem, waited_ms: int) -> CauseSummary | None:
        """Return the newest ranking of a problem, None where none is known. Never raises but for cancellation.

        It waits a moment for the first one of a problem that began; `waited_ms` is how long its message has waited already.
        """
        ...


class WindowChange(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the correlation window, in the words of `GET /v1/problems/{id}/changes`."""

    id: str
    kind: str
    title: str = ""
    service: str = ""
    status: str = ""
    actor: str = ""
    relation: str = "other"
    offset_seconds: float = 0.0
