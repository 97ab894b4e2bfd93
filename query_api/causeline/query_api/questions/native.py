"""What a native read asks: query parameters become filters, pages and windows, or are refused by name. Pure; `now` is an argument."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeVar, cast

import msgspec

from causeline.query_api.questions import cursors, parameters
from causeline.query_api.questions.parameters import ParsedParameters
from causeline.query_api.questions.query import (
    By,
    ChangeQuery,
    DeliveryFilter,
    EventFilter,
    EventPosition,
    Onset,
    Page,
    ProblemFilter,
    TimeBucket,
)
from causeline.query_api.questions.relation import changes_around
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.times import MAX_MS, MIN_MS

_Row = TypeVar("_Row")

MAX_BUCKETS: Final = 5_000
MAX_BEFORE_MS: Final = 30 * 86_400_000
_DAY_MS: Final = 86_400_000

Pairs = list[tuple[str, str]]


class CursorPaging(NamedTuple):
    """A page of a question. `page` asks for one row more than is shown, to learn whether there are more."""

    page: Page
    question: Pairs
    asked_at: int

    def cut(self, rows: list[_Row], key: Callable[[_Row], EventPosition]) -> tuple[list[_Row], str | None]:
        """Return the rows to show and the cursor of the page after them, None after the last one."""
        page_rows = rows[: self.page.limit - 1]
        if len(page_rows) == len(rows):
            return page_rows, None
        last = key(page_rows[-1])
        return page_rows, cursors.seal_cursor(cursors.Cursor(last.ts, last.id, self.asked_at), self.question)


class HistogramQuestion(NamedTuple):
    """Counts by time over [from_ms, to_ms). `step` is the text the client sent."""

    where: EventFilter
    from_ms: int
    to_ms: int
    step_ms: int
    step: str
    by: By

    def starts(self) -> range:
        """Return the starts of all buckets, aligned to multiples of the step since the epoch."""
        return range(self.from_ms // self.step_ms * self.step_ms, self.to_ms, self.step_ms)

    def fill(self, buckets: list[TimeBucket]) -> list[TimeBucket]:
        """Return every bucket of the window, empty ones included."""
        counts = dict(buckets)
        return [TimeBucket(start, counts.get(start, {})) for start in self.starts()]


class ChangeWindow(NamedTuple):
    """How far a window reaches around a problem's start (ms), and how many changes are shown."""

    before: int
    after: int
    limit: int

    def around(self, problem: Problem, not_changes: frozenset[str]) -> ChangeQuery:
        """Return the question for the changes around a problem, related to what the problem is about."""
        from_ms, to_ms = _window(problem.start, self.before, self.after)
        query = changes_around(problem, from_ms, to_ms, self.limit)
        return msgspec.structs.replace(query, exclude_kinds=tuple(sorted(not_changes)))


class CauseQuestion(NamedTuple):
    """How far back changes of every kind are looked for (ms; None: as far as each kind may work), and how many causes are shown.

    With `at` (ms UTC) the ranking that was published then is asked for, else one of now.
    """

    before: int | None
    limit: int
    at: int | None = None


def event_question(pairs: Pairs, tenant: str, now: int) -> tuple[EventFilter, CursorPaging]:
    """Return the question of `GET /v1/events`. Raises Invalid."""
    arguments = ParsedParameters(parameters.EVENT_PARAMETERS, pairs, now)
    paging = cursor_paging(arguments, "events")
    where = event_filter_of(arguments, tenant)
    arguments.check()
    return where, paging


def annotations(pairs: Pairs, tenant: str, now: int) -> tuple[EventFilter, Page]:
    """Return the question of `GET /v1/annotations`: the newest events of the filters that `GET /v1/events` takes. Raises Invalid."""
    arguments = ParsedParameters(parameters.ANNOTATION_PARAMETERS, pairs, now)
    where, page = event_filter_of(arguments, tenant), Page(limit=arguments.limit())
    arguments.check()
    return where, page


class ProblemQuestion(NamedTuple):
    """The question of `GET /v1/problems`: which, which page of them, and whether each with its causes."""

    where: ProblemFilter
    paging: CursorPaging
    has_causes: bool


def problem_question(pairs: Pairs, tenant: str, now: int) -> ProblemQuestion:
    """Return the question of `GET /v1/problems`. Raises Invalid."""
    arguments = ParsedParameters(parameters.PROBLEM_LIST_PARAMETERS, pairs, now)
    paging = cursor_paging(arguments, "problems")
    has_causes = bool(arguments.text("include"))
    if has_causes and paging.page.limit > parameters.MAX_WITH_CAUSES + 1:
        arguments.refuse("limit", f"is at most {parameters.MAX_WITH_CAUSES} beside include=causes")
    from_ms, to_ms = _interval(arguments)
    where = ProblemFilter(
        tenant=tenant,
        now=paging.asked_at,
        from_ms=from_ms,
        to_ms=to_ms,
        state=cast('Literal["", "open", "closed"]', arguments.text("state")),
        dialects=arguments.texts("dialect"),
        kinds=arguments.texts("kind"),
        services=arguments.texts("service"),
        environments=arguments.texts("environment"),
        priorities=arguments.texts("priority"),
        correlation_ids=arguments.texts("correlation_id"),
        entities=arguments.texts("entity"),
        tags=arguments.tags(),
        words=arguments.text("q"),
    )
    arguments.check()
    return ProblemQuestion(where, paging, has_causes)


def deliveries(pairs: Pairs, tenant: str, now: int) -> tuple[DeliveryFilter, CursorPaging]:
    """Return the question of `GET /v1/deliveries`. Raises Invalid."""
    arguments = ParsedParameters(parameters.DELIVERY_PARAMETERS, pairs, now)
    paging = cursor_paging(arguments, "deliveries")
    from_ms, to_ms = _interval(arguments)
    where = DeliveryFilter(
        tenant=tenant,
        from_ms=from_ms,
        to_ms=to_ms,
        subscriptions=arguments.texts("subscription"),
        outcomes=arguments.texts("outcome"),
        whats=arguments.texts("what"),
        entities=arguments.texts("entity"),
    )
    arguments.check()
    return where, paging


def redeliveries(pairs: Pairs, tenant: str, subscription: str, now: int) -> tuple[DeliveryFilter, CursorPaging]:
    """Return which deliveries of a subscription `POST /v1/subscriptions/{id}/retry` is about, oldest first. Raises Invalid."""
    arguments = ParsedParameters(parameters.REDELIVERY_PARAMETERS, pairs, now)
    paging = cursor_paging(arguments, f"redeliveries of {subscription}")
    from_ms, to_ms = _interval(arguments)
    arguments.check()
    where = DeliveryFilter(
        tenant=tenant, from_ms=from_ms, to_ms=to_ms, subscriptions=(subscription,), outcomes=(arguments.text("outcome"),)
    )
    return where, paging._replace(page=msgspec.structs.replace(paging.page, order="asc"))


def change_question(pairs: Pairs, tenant: str, now: int, not_changes: frozenset[str]) -> ChangeQuery:
    """Return the question of `GET /v1/changes`. Raises Invalid."""
    arguments = ParsedParameters(parameters.CHANGES, pairs, now)
    moment = arguments.moment("at")
    at = now if moment is None else moment
    from_ms, to_ms = _window(at, arguments.span("before"), arguments.span("after"))
    query = ChangeQuery(
        tenant=tenant,
        at=at,
        from_ms=from_ms,
        to_ms=to_ms,
        service=arguments.text("service"),
        environment=arguments.text("environment"),
        entities=arguments.texts("entity"),
        tags=arguments.tags(),
        exclude_kinds=tuple(sorted(not_changes)),
        lasting_ms=arguments.span("lasting"),
        limit=arguments.limit(),
    )
    arguments.check()
    return query


def span(pairs: Pairs) -> ChangeWindow:
    """Return the question of `GET /v1/problems/{id}/changes`. Raises Invalid."""
    arguments = ParsedParameters(parameters.PROBLEM_CHANGE_PARAMETERS, pairs, 0)
    window = ChangeWindow(arguments.span("before"), arguments.span("after"), arguments.limit())
    arguments.check()
    return window


def cause_question(pairs: Pairs, now: int) -> CauseQuestion:
    """Return the question of `GET /v1/problems/{id}/causes`. Raises Invalid."""
    arguments = ParsedParameters(parameters.CAUSE_PARAMETERS, pairs, now)
    before = _lookback(arguments)
    at = arguments.moment("at")
    if at is not None and at > now:
        arguments.refuse("at", "is in the future: what was published by then is not known yet")
    if at is not None and before is not None:
        arguments.refuse("before", "is not for `at`: how far back was looked for is as it was published")
    question = CauseQuestion(before, arguments.limit(), at)
    arguments.check()
    return question


def effect_limit(pairs: Pairs) -> int:
    """Return how many effects `GET /v1/events/{id}/effects` shows at most. Raises Invalid."""
    arguments = ParsedParameters(parameters.EFFECT_PARAMETERS, pairs, 0)
    most = arguments.limit()
    arguments.check()
    return most


def onset_question(pairs: Pairs, tenant: str, now: int) -> tuple[Onset, CauseQuestion]:
    """Return the question of `GET /v1/causes`. Raises Invalid."""
    arguments = ParsedParameters(parameters.ONSET_PARAMETERS, pairs, now)
    moment = arguments.moment("at")
    if moment is not None and moment > now:
        arguments.refuse("at", "is in the future")
    service = arguments.text("service").strip()
    if not service:
        arguments.refuse("service", "is required")
    onset = Onset(tenant, service, arguments.text("environment"), now if moment is None else moment)
    question = CauseQuestion(_lookback(arguments), arguments.limit())
    arguments.check()
    return onset, question


def _lookback(arguments: ParsedParameters) -> int | None:
    before = arguments.span("before") if arguments.text("before") else None
    if before is not None and before > MAX_BEFORE_MS:
        arguments.refuse("before", f"is more than {MAX_BEFORE_MS // _DAY_MS} days")
    return before


def histogram_question(pairs: Pairs, tenant: str, now: int) -> HistogramQuestion:
    """Return the question of `GET /v1/histogram`: without `to` until now, without `from` 24 hours before `to`. Raises Invalid."""
    arguments = ParsedParameters(parameters.HISTOGRAM, pairs, now)
    where, from_ms, to_ms = within_a_day(event_filter_of(arguments, tenant), now)
    question = HistogramQuestion(where, from_ms, to_ms, arguments.span("step"), arguments.text("step"), cast("By", arguments.text("by")))
    if not arguments.errors and question.step_ms == 0:
        arguments.refuse("step", "must be longer than nothing")
    if not arguments.errors and len(question.starts()) > MAX_BUCKETS:
        arguments.refuse("step", f"gives more than {MAX_BUCKETS} buckets between from and to")
    arguments.check()
    return question


def within_a_day(where: EventFilter, now: int) -> tuple[EventFilter, int, int]:
    """Return a filter with both its times, and these (ms UTC): without an end until now, without a beginning 24 hours before it."""
    to_ms = now + 1 if where.to_ms is None else where.to_ms
    from_ms = max(to_ms - _DAY_MS, MIN_MS) if where.from_ms is None else where.from_ms
    return msgspec.structs.replace(where, from_ms=from_ms, to_ms=to_ms), from_ms, to_ms


def cursor_paging(arguments: ParsedParameters, of: str) -> CursorPaging:
    """Return the page of a question named `of`; beside a cursor the whole request is read as of the first page's moment."""
    question = [("", of), *arguments.question]
    text, after = arguments.text("cursor"), None
    if text:
        try:
            cursor = cursors.open_cursor(text, question)
            arguments.now, after = cursor.asked_at, EventPosition(cursor.ts, cursor.id)
        except ValueError as error:
            arguments.refuse("cursor", str(error))
    page = Page(limit=arguments.limit() + 1, order=arguments.order(), after=after)
    return CursorPaging(page, question, arguments.now)


def event_filter_of(arguments: ParsedParameters, tenant: str) -> EventFilter:
    """Return the filter of events that the parameters of a call say; `arguments` has those that cannot be read."""
    from_ms, to_ms = _interval(arguments)
    return EventFilter(
        tenant=tenant,
        from_ms=from_ms,
        to_ms=to_ms,
        dialects=arguments.texts("dialect"),
        kinds=arguments.texts("kind"),
        statuses=arguments.texts("status"),
        services=arguments.texts("service"),
        environments=arguments.texts("environment"),
        priorities=arguments.texts("priority"),
        teams=arguments.texts("team"),
        entities=arguments.texts("entity"),
        tags=arguments.tags(),
        words=arguments.text("q"),
    )


def _interval(arguments: ParsedParameters) -> tuple[int | None, int | None]:
    from_ms, to_ms = arguments.moment("from"), arguments.moment("to")
    if from_ms is not None and to_ms is not None and from_ms > to_ms:
        arguments.refuse("from", "must not be after to")
    return from_ms, to_ms


def _window(at: int, before: int, after: int) -> tuple[int, int]:
    """Return the window around a time, cut to the times that events can have."""
    return max(at - before, MIN_MS), min(at + after, MAX_MS)
