"""`causeline dlq list | show | retry`: what was set aside, and what of it may go again (`processors.dead_letters` says which and why)."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple, TypeVar, get_args

import msgspec
from rich.console import Console

from causeline.deploy.clocks import now_ms
from causeline.deploy.commands import wide_tables
from causeline.deploy.commands.dead_letters import text
from causeline.deploy.commands.rebuild.progress import ConsoleReport
from causeline.deploy.embedded.broker_secret import ADVICE, address_for_commands
from causeline.deploy.settings import Settings
from causeline.deploy.terminal import visible
from causeline.processors.adapters.kafka.dead_letters import (
    Advance,
    BrokerUnreachable,
    KafkaDeadLetterLog,
    PartitionSpan,
    dead_letter_log,
    retrying,
)
from causeline.processors.dead_letters.letters import (
    Accepted,
    LetterFilter,
    LetterPosition,
    LetterRecord,
    Refused,
    decide_retry,
    position_of,
)
from causeline.processors.runtime.ports import BrokerError, Fenced
from causeline.schemas.records.ingest import DeadLetterReason
from causeline.schemas.topics import all_topics
from causeline.schemas.values.durations import duration_ms

_T = TypeVar("_T")

_PORTION: Final = 100
_PORTION_BYTES: Final = 4 << 20
"""What goes in one transaction: the processors wait for its end."""
_MANY: Final = 2_000
"""Offsets from which on reading them shows how far it is."""
_MOST_LINES: Final = 20


class DeadLetterError(Exception):
    """The command cannot be carried out; the message says why. `code` is 2 where it was asked for wrongly."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Choice(NamedTuple):
    """Which letters a retry is about: these positions, or (without any) those that the filter takes and were not retried."""

    positions: Sequence[LetterPosition]
    letter_filter: LetterFilter


class RetryPlan(NamedTuple):
    """What was decided about each letter, without its bytes; `missing` are positions without one."""

    decisions: Sequence[tuple[LetterRecord, Accepted | Refused]]
    missing: Sequence[LetterPosition]

    @property
    def accepted(self) -> list[LetterPosition]:
        """The positions of the letters that may go again, in the order of the log."""
        return sorted(entry.position for entry, outcome in self.decisions if isinstance(outcome, Accepted))

    @property
    def refused(self) -> list[tuple[LetterRecord, Refused]]:
        """The letters that may not, each with the reason."""
        return [(entry, outcome) for entry, outcome in self.decisions if isinstance(outcome, Refused)]


def letter_filter_of(reason: str, topic: str, since: str) -> LetterFilter:
    """Return which letters are meant. Raises DeadLetterError where an option cannot be."""
    reasons, topics = get_args(DeadLetterReason), {each.name for each in all_topics()}
    if reason and reason not in reasons:
        raise DeadLetterError(f"--reason takes {', '.join(reasons)}", 2)
    if topic and topic not in topics and f"causeline.{topic}" not in topics:
        raise DeadLetterError(f"--topic {visible(topic, 80)}: there is no such topic (see `causeline topics`)", 2)
    try:
        begin = now_ms() - duration_ms(since) if since else 0
    except ValueError as error:
        raise DeadLetterError(f"--since: {error}", 2) from error
    return LetterFilter(reason, topic if topic in topics or not topic else f"causeline.{topic}", max(begin, 0))


def print_letters(settings: Settings, *, reason: str, topic: str, since: str, limit: int, as_json: bool) -> int:
    """Print the newest letters, newest first; return the exit code. Raises DeadLetterError."""
    letter_filter = letter_filter_of(reason, topic, since)
    if limit < 1:
        raise DeadLetterError("--limit takes a number from 1 on", 2)

    async def read(log: KafkaDeadLetterLog) -> tuple[list[LetterRecord], dict[str, int]]:
        with _progress(await log.spans(letter_filter.since)) as advance:
            return await log.newest(letter_filter, limit, advance), await log.marks()

    entries, marks = _run(settings, read)
    if not entries:
        print("no dead letters" + (" that match" if reason or topic or since else ""), file=sys.stderr if as_json else sys.stdout)
    elif as_json:
        for entry in entries:
            print(_json(text.letter_fields(entry, marks)))
    else:
        wide_tables.print_table(text.letter_table(entries, marks))
        if len(entries) == limit:
            print(f"the newest {limit}; --limit shows more, --since and --reason choose", file=sys.stderr)
    return 0


def print_letter(settings: Settings, position: str, *, as_json: bool) -> int:
    """Print everything of one letter; return the exit code. Raises DeadLetterError."""
    at = _position(position)

    async def read(log: KafkaDeadLetterLog) -> tuple[LetterRecord | None, dict[str, int]]:
        return await log.at(at), await log.marks()

    entry, marks = _run(settings, read)
    if entry is None:
        raise DeadLetterError(f"there is no dead letter at {at}")
    if as_json:
        print(_json(text.whole(entry, marks)))
        return 0
    outcome = decide_retry(entry, marks, now_ms(), settings.dedup_window_ms)
    verdict = f"causeline dlq retry {at}" if isinstance(outcome, Accepted) else f"no: {visible(outcome.advice)}"
    for line in text.letter_lines(entry, marks, verdict):
        print(line)
    return 0


def retry(settings: Settings, positions: Sequence[str], *, reason: str, since: str, dry_run: bool, yes: bool) -> int:
    """Append letters to the ingest log again, each at most once; return 0 where all of them went, else 1. Raises DeadLetterError."""
    if bool(positions) == bool(reason):
        raise DeadLetterError("name positions (see `causeline dlq list`), or choose with --reason", 2)
    if since and not reason:
        raise DeadLetterError("--since goes with --reason", 2)
    choice = Choice(sorted({_position(position) for position in positions}), letter_filter_of(reason, "", since))

    plan = _run(settings, lambda log: _plan(log, choice, settings.dedup_window_ms))
    for line in _lines(plan):
        print(line)
    accepted = plan.accepted
    complete = 0 if not (plan.refused or plan.missing) else 1
    if not accepted or dry_run:
        print(f"{len(accepted)} would be retried" if dry_run else "nothing was retried")
        return complete
    if reason and not yes:
        _ask(len(accepted))
    count = _run(settings, lambda log: _carry_out(log, address_for_commands(settings), accepted, settings.dedup_window_ms))
    print(f"retried {count} of {len(accepted)}")
    return complete if count == len(accepted) else 1


async def _plan(log: KafkaDeadLetterLog, choice: Choice, window_ms: int) -> RetryPlan:
    marks, now = await log.marks(), now_ms()
    if choice.positions:
        entries = {position: await log.at(position) for position in choice.positions}
        decisions = [(entry, decide_retry(entry, marks, now, window_ms)) for entry in entries.values() if entry is not None]
        return RetryPlan([_without_bytes(*each) for each in decisions], [position for position, entry in entries.items() if entry is None])
    decisions = []
    spans = await log.spans(choice.letter_filter.since)
    with _progress(spans) as advance:
        for span in spans:
            async for entry in log.read(span, advance):
                if choice.letter_filter.takes(entry):
                    outcome = decide_retry(entry, marks, now, window_ms)
                    if not (isinstance(outcome, Refused) and outcome.reason == "already_retried"):
                        decisions.append(_without_bytes(entry, outcome))
    return RetryPlan(decisions, [])


def _without_bytes(entry: LetterRecord, outcome: Accepted | Refused) -> tuple[LetterRecord, Accepted | Refused]:
    bare = entry if entry.letter is None else entry._replace(letter=msgspec.structs.replace(entry.letter, value=b""))
    return bare, Accepted(bare.letter) if bare.letter is not None and isinstance(outcome, Accepted) else outcome


async def _carry_out(log: KafkaDeadLetterLog, bootstrap: str, accepted: Sequence[LetterPosition], window_ms: int) -> int:
    """Append in the order of the log, portion by portion; return how many. What changed since the plan is decided anew."""
    positions, count = set(accepted), 0
    async with retrying(bootstrap) as writer:
        marks = await log.marks()  # Only now: from here on nobody else can add to them.
        async for portion in _portions(log, _spans(accepted), positions):
            now = now_ms()
            going = [entry for entry in portion if isinstance(decide_retry(entry, marks, now, window_ms), Accepted)]
            if going:
                try:
                    await writer.append(going, now)
                except Fenced:
                    raise DeadLetterError(f"another `causeline dlq retry` began; this one ended after {count}") from None
                count += len(going)
    return count


async def _portions(
    log: KafkaDeadLetterLog, spans: Sequence[PartitionSpan], positions: set[LetterPosition]
) -> AsyncIterator[list[LetterRecord]]:
    portion: list[LetterRecord] = []
    size = 0
    with _progress(spans) as advance:
        for span in spans:
            async for entry in log.read(span, advance):
                if entry.position in positions:
                    portion.append(entry)
                    size += 0 if entry.letter is None else len(entry.letter.value)
                if len(portion) >= _PORTION or size >= _PORTION_BYTES:
                    yield portion
                    portion, size = [], 0
    if portion:
        yield portion


def _spans(positions: Sequence[LetterPosition]) -> list[PartitionSpan]:
    """Return spans that hold the positions (in order): near ones are read in one go, what lies far apart is not read for them."""
    spans: list[PartitionSpan] = []
    for partition, offset in positions:
        if spans and spans[-1].partition == partition and offset - spans[-1].end < _PORTION:
            spans[-1] = spans[-1]._replace(end=offset + 1)
        else:
            spans.append(PartitionSpan(partition, offset, offset + 1))
    return spans


def _lines(plan: RetryPlan) -> Iterator[str]:
    for position in plan.missing:
        yield f"{position}: there is no dead letter"
    lines = [f"{entry.position}: refused, {visible(refusal.advice)}" for entry, refusal in plan.refused]
    lines += [f"{position}: can be retried" for position in plan.accepted]
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"… {len(plan.accepted)} in all can be retried, {len(plan.refused)} are refused"


def _ask(count: int) -> None:
    if not sys.stdin.isatty():
        raise DeadLetterError(f"{count} letters were chosen by --reason: say --yes, as nobody can be asked here", 2)
    if input(f"Retry {count} letters? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise DeadLetterError("nothing was retried")


def _position(argument: str) -> LetterPosition:
    try:
        return position_of(argument)
    except ValueError as error:
        raise DeadLetterError(visible(str(error), 200), 2) from None


@contextmanager
def _progress(spans: Sequence[PartitionSpan]) -> Iterator[Advance]:
    """Show on standard error how much of the spans was read, where that is worth it."""
    total = sum(span.end - span.begin for span in spans)
    if total < _MANY:
        yield lambda _: None
        return
    count = 0
    with ConsoleReport(Console(stderr=True), time.monotonic).copying(total) as show:

        def advance(offsets: int) -> None:
            nonlocal count
            count += offsets
            show(count)

        yield advance


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _run(settings: Settings, work: Callable[[KafkaDeadLetterLog], Awaitable[_T]]) -> _T:
    """Do something with the log. Raises DeadLetterError, also where the broker is lost on the way."""

    async def connect_and_work() -> _T:
        async with dead_letter_log(address_for_commands(settings)) as log:
            return await work(log)

    try:
        return asyncio.run(connect_and_work())
    except BrokerUnreachable as error:
        raise DeadLetterError(f"{error}: {ADVICE}") from None
    except (BrokerError, OSError) as error:
        raise DeadLetterError(visible(str(error) or repr(error))) from None
