"""How an attempt ended, and what follows for its notification, its subscription and its endpoint."""

import msgspec

from causeline.processors.delivery import incidents, intake, pressure, retries
from causeline.processors.delivery.draft import StateDraft
from causeline.processors.delivery.rounds import DeliveryFold
from causeline.processors.delivery.state import Thread, Waiting
from causeline.processors.runtime.ports import Input
from causeline.schemas.records.delivery_work import OF_PROBLEMS, AttemptOutcome
from causeline.schemas.subscriptions.matching import follows_causes
from causeline.schemas.wire import codec

_GONE = "the endpoint answered 410 Gone"


def find_waiting(draft: StateDraft, report: AttemptOutcome) -> Waiting | None:
    """Return the notification that this report decides on, None where nobody waits for it.

    Of any result: the first report of its newest attempt. That an attempt delivered it counts however late that is said.
    """
    waiting = draft.now.waiting.get(report.seq)
    if waiting is None or _is_newest(waiting, report):
        return waiting
    is_news = report.result == "delivered" and not waiting.delivered
    return waiting if is_news and _is_about(draft, waiting, report) else None


def _is_newest(waiting: Waiting, report: AttemptOutcome) -> bool:
    return waiting.awaited and waiting.attempts == report.attempt


def _is_about(draft: StateDraft, waiting: Waiting, report: AttemptOutcome) -> bool:
    """Return whether a late report is about this notification. A state that was made anew may have handed out fewer attempts of it."""
    if report.delivery_id:
        return report.delivery_id == waiting.delivery_id(draft.id)
    return report.attempt <= waiting.attempts


def settle(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, source: Input) -> None:
    """Take in the outcome of an attempt that is waited for."""
    if _is_newest(waiting, report):
        fold.take_report(waiting, report)
    if waiting.delivered:  # by an earlier attempt, which is counted already; now nothing of it is under way any more
        draft.drop(report.seq)
        draft.set(untold=True)
        return
    if report.result == "unsent":  # it was too old when a worker came to it, which says nothing about the endpoint
        draft.replace(report.seq, msgspec.structs.replace(waiting, awaited=False, early=False, lease_until=0))
        return
    if report.result == "withheld":  # nothing was sent, so it says nothing about the endpoint
        draft.drop(report.seq)
        draft.set(untold=True)
        fold.record(draft, waiting, report, "cancelled")
        return
    is_success = report.result == "delivered"
    course = draft.course
    draft.set(
        attempts=course.attempts + 1,
        delivered=course.delivered + is_success,
        failed=course.failed + (not is_success),
        last_attempt=report.at,
        last_success=report.at if is_success else course.last_success,
        last_status=report.status,
        last_error="" if is_success else report.detail,
        last_ok=is_success,
        untold=True,
    )
    if is_success:
        _delivered(fold, draft, waiting, report)
    elif waiting.what == "test":
        # It asks a question, and this is the answer. The others are not judged by it.
        draft.drop(report.seq)
        fold.record(draft, waiting, report, "dead")
    elif report.result == "gone":
        _gone(fold, draft, waiting, report)
    elif report.result == "limited":
        _hold(fold, draft, waiting, report, source)
    else:
        _failed(fold, draft, waiting, report, source)


def _delivered(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome) -> None:
    if waiting.awaited and not _is_newest(waiting, report):
        # A newer attempt may still be sent: what comes next in line waits until that is reported, or its lease is over.
        draft.replace(report.seq, msgspec.structs.replace(waiting, delivered=True))
    else:
        draft.drop(report.seq)
    fold.record(draft, waiting, report, "delivered")
    fold.counts.seconds.append(max(0, report.at - waiting.received) / 1_000)
    course = draft.course
    draft.set(window=pressure.widen_window(course.window, fold.limits))
    if course.breaker.state != "closed":
        draft.set(released_at=fold.now)
    if course.breaker != pressure.CLOSED_BREAKER:
        draft.set(breaker=pressure.CLOSED_BREAKER)
    if not course.disabled:
        incidents.close_incident(fold, draft, "A delivery succeeded.")
    if waiting.what in OF_PROBLEMS:
        _keep_thread(fold, draft, waiting, report)


def _keep_thread(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome) -> None:
    """Remember where a problem's messages belong while more of them may come. Beyond the bound the oldest one is forgotten."""
    threads = draft.now.threads
    thread = threads.get(waiting.entity)
    text = report.thread or (thread.text if thread else "")
    if not text:
        return
    if _is_over(draft, waiting):
        if thread is not None:
            draft.put_thread(waiting.entity, None)
    elif thread is None or thread.text != text:
        draft.put_thread(waiting.entity, Thread(text, fold.now))
        if len(threads) > fold.limits.threads:
            draft.put_thread(min(threads, key=lambda entity: (threads[entity].at, entity)), None)


def _is_over(draft: StateDraft, waiting: Waiting) -> bool:
    """Return whether nothing more is told of a problem: it is closed, and nobody asks for the causes that are found later."""
    try:
        about = intake.decode_of_problem(waiting.what, waiting.record)
    except codec.CodecError:
        return False
    rule = draft.now.rule
    return about.is_deleted or (about.state != "open" and not (rule is not None and follows_causes(rule.where)))


def _gone(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome) -> None:
    """Nobody wants to be told here any more: what waits is kept for an owner who corrects it."""
    draft.replace(report.seq, msgspec.structs.replace(waiting, awaited=False, lease_until=0))
    fold.record(draft, waiting, report, "retried")
    if not draft.course.disabled:
        draft.set(disabled=_GONE)
        incidents.open_incident(fold, draft, f"{_GONE}. Nothing is delivered until the subscription is changed.")
        fold.say("subscription_disabled", draft, reason=_GONE)


def _hold(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, source: Input) -> None:
    """Leave the whole subscription alone for as long as the endpoint wants. It does not use up an attempt."""
    until = fold.now + retries.held_ms(report.retry_after_ms, fold.limits)
    course = draft.course
    draft.set(
        hold_until=max(course.hold_until, until),
        window=pressure.narrow_window(course.window, report.status),
        breaker=pressure.after_limit(course.breaker, until),
    )
    if retries.is_last(waiting.failures, waiting.first_at, fold.now, fold.limits):
        _die(fold, draft, waiting, report, source)
    else:
        _again(fold, draft, waiting, report, until)


def _failed(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, source: Input) -> None:
    course = draft.course
    breaker = pressure.after_failure(course.breaker, fold.now, draft.id, fold.limits)
    draft.set(window=pressure.narrow_window(course.window, report.status), breaker=breaker)
    failures = waiting.failures + (not waiting.early)
    if retries.is_last(failures, waiting.first_at, fold.now, fold.limits):
        _die(fold, draft, waiting, report, source)
    elif waiting.early:
        _again(fold, draft, waiting, report, max(waiting.due_at, fold.now + retries.clamp_retry_after(report.retry_after_ms, fold.limits)))
    else:
        due = retries.next_at(failures, report.retry_after_ms, waiting.delivery_id(draft.id), fold.now, fold.limits)
        _again(fold, draft, msgspec.structs.replace(waiting, failures=failures), report, due)
    if breaker.state == "open" and course.breaker.state == "closed":
        incidents.open_incident(fold, draft, f"{breaker.failures} attempts in a row failed, {_last(report)}")


def _again(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, due_at: int) -> None:
    later = msgspec.structs.replace(waiting, awaited=False, early=False, lease_until=0, due_at=due_at, decided_at=fold.now)
    draft.replace(report.seq, later)
    fold.record(draft, waiting, report, "retried", due_at)


def _die(fold: DeliveryFold, draft: StateDraft, waiting: Waiting, report: AttemptOutcome, source: Input) -> None:
    draft.drop(report.seq)
    draft.set(dead=draft.course.dead + 1)
    fold.record(draft, waiting, report, "dead")
    fold.give_up(draft, waiting, report, source)
    incidents.open_incident(fold, draft, f"A notification was given up after {waiting.attempts} attempts, {_last(report)}")
    fold.say("delivery_dead", draft, delivery=waiting.delivery_id(draft.id), entity=waiting.entity, attempts=waiting.attempts)


def _last(report: AttemptOutcome) -> str:
    return f"the last one: {f'status {report.status}' if report.status else 'no answer'}. {report.detail}".rstrip()
