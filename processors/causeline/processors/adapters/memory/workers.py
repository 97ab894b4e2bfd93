"""The workers' ports in memory: endpoints that answer what they were told to, subscriptions that are known, a log of lists."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from causeline.processors.workers.log_reading import MAX_REFILL_SCANNED, ScanStep, told_to
from causeline.processors.workers.ports import EndpointAnswer, EndpointCall, Unanswered, WindowChange
from causeline.schemas.records.delivery_work import Backfill, Backfilled, Refill, Refilled
from causeline.schemas.subscriptions.rules import Subscription


class MemorySender:
    """Answers by URL, in order and then the last answer again; 404 for others. `calls` are remembered."""

    def __init__(self, answers: Mapping[str, Sequence[EndpointAnswer | Unanswered]] | None = None) -> None:
        self._answers = {url: list(series) for url, series in (answers or {}).items()}
        self.calls: list[EndpointCall] = []

    async def send(self, call: EndpointCall) -> EndpointAnswer | Unanswered:
        """Return the next answer of the URL."""
        self.calls.append(call)
        answers = self._answers.get(call.url, [EndpointAnswer(status=404)])
        return answers.pop(0) if len(answers) > 1 else answers[0]


class MemoryDirectory:
    """Knows what it was given, and waits for nothing."""

    def __init__(self, *subscriptions: Subscription) -> None:
        self._by_id = {subscription.rule.id: subscription for subscription in subscriptions}

    async def find(self, subscription: str, revision: int) -> Subscription | None:
        """Return the subscription, None without it or where it is older."""
        current = self._by_id.get(subscription)
        return current if current is not None and current.rule.revision >= revision else None


class MemoryChanges:
    """Tells the same changes of every problem; `calls` are remembered."""

    def __init__(self, changes: Iterable[WindowChange] = ()) -> None:
        self._changes = list(changes)
        self.calls: list[tuple[str, tuple[str, ...] | None, str]] = []

    async def around(self, tenant: str, groups: tuple[str, ...] | None, problem: str) -> list[WindowChange]:
        """Return the changes."""
        self.calls.append((tenant, groups, problem))
        return self._changes


class MemoryLogReader:
    """A log of one partition whose offsets are places in a list, and public topics that hold nothing."""

    def __init__(self, values: Sequence[bytes], clock: Callable[[], int]) -> None:
        self._values = values
        self._clock = clock

    async def refill(self, work: Refill) -> Refilled:
        """Return a step of what the list holds from `since` on."""
        step = ScanStep(MAX_REFILL_SCANNED)
        until = work.since
        while until < len(self._values) and not step.full() and step.take(told_to(self._values[until], work.subscription)):
            until += 1
        return Refilled(subscription=work.subscription, since=work.since, until=until, found=tuple(step.notifications), at=self._clock())

    async def backfill(self, work: Backfill) -> Backfilled:
        """Return the end."""
        return Backfilled(subscription=work.rule.id, since=work.since, cursor="{}", found=(), done=True, at=self._clock())


def answer(status: int, body: object = b"", retry_after: str = "") -> EndpointAnswer:
    """Return an answer; what is not bytes becomes JSON."""
    return EndpointAnswer(status=status, body=body if isinstance(body, bytes) else msgspec.json.encode(body), retry_after=retry_after)
