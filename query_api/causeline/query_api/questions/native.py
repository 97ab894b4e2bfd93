"""What a native read asks: query parameters become filters, pages and windows, or are refused by name. Pure; `now` is an argument."""

from collections.abc import Callable
from typing import Final, Literal, NamedTuple, TypeVar, cast

import msgspec

from causeline.query_api.questions import cursors, parameters
from causeline.query_api.questions.parameters import ParsedParameters
from causeline.query_api.questions.query import By, ChangeQuery, DeliveryFilter, EventFilter, EventPosition, Page, ProblemFilter, TimeBucket
from causeline.schemas.records.problem import Problem
from causeline.schemas.values.times import MAX_MS, MIN_MS

_Row = TypeVar("_Row")

MAX_BUCKETS: Final = 5_000
_EVERYTHING: Final = "*"
"""An ApiTraffic marker of every bucket is attached to nothing in particular: two such markers have no entity in common."""
_DAY_MS: Final = 86_400_000

Pairs = list[tuple[str, str]]


class CursorPaging(NamedTuple):
    """A page of a question. `page` asks for one row more than is shown, to learn whether there are more."""

    page: Page
    asked: Pairs
    asked_at: int

    def cut(self, rows: list[_Row], key: Callable[[_Row], EventPosition]) -> tuple[list[_Row], str | None]:
        """Return the rows to show and the cursor of the page after them, None after the last one."""
        shown = rows[: self.page.limit - 1]
        if len(shown) == len(rows):
            return shown, None
        last = key(shown[-1])
        return shown, cursors.seal_cursor(cursors.Cursor(last.ts, last.id, self.asked_at), self.asked)


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

    def filled(self, buckets: list[TimeBucket]) -> list[TimeBucket]:
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
        return ChangeQuery(
            tenant=problem.tenant,
            at=problem.start,
            from_ms=from_ms,
            to_ms=to_ms,
            service=problem.service,
            environment=problem.environment,
            entities=tuple(entity for entity in problem.entities if entity != _EVERYTHING),
            tags=tuple(problem.tags.items()),
            exclude_ids=(problem.event_id,),
            exclude_kinds=tuple(sorted(not_changes)),
            limit=self.limit,
        )


def nothing(pairs: Pairs) -> None:
    """Refuse any parameter. Raises Invalid."""
    ParsedParameters(parameters.NO_PARAMETERS, pairs, 0).check()


def event_question(pairs: Pairs, tenant: str, now: int) -> tuple[EventFilter, CursorPaging]:
    """Return the question of `GET /v1/events`. Raises Invalid."""
    given = ParsedParameters(parameters.EVENT_PARAMETERS, pairs, now)
    asked = cursor_paging(given, "events")
    where = _event_filter(given, tenant)
    given.check()
    return where, asked


def annotations(pairs: Pairs, tenant: str, now: int) -> tuple[EventFilter, Page]:
    """Return the question of `GET /v1/annotations`: the newest events of the filters that `GET /v1/events` takes. Raises Invalid."""
    given = ParsedParameters(parameters.ANNOTATION_PARAMETERS, pairs, now)
    where, page = _event_filter(given, tenant), Page(limit=given.limit())
    given.check()
    return where, page


def problem_question(pairs: Pairs, tenant: str, now: int) -> tuple[ProblemFilter, CursorPaging]:
    """Return the question of `GET /v1/problems`. Raises Invalid."""
    given = ParsedParameters(parameters.PROBLEM_PARAMETERS, pairs, now)
    asked = cursor_paging(given, "problems")
    from_ms, to_ms = _interval(given)
    where = ProblemFilter(
        tenant=tenant,
        now=asked.asked_at,
        from_ms=from_ms,
        to_ms=to_ms,
        state=cast('Literal["", "open", "closed"]', given.text("state")),
        dialects=given.texts("dialect"),
        kinds=given.texts("kind"),
        services=given.texts("service"),
        environments=given.texts("environment"),
        priorities=given.texts("priority"),
        entities=given.texts("entity"),
        tags=given.tags(),
        words=given.text("q"),
    )
    given.check()
    return where, asked


def deliveries(pairs: Pairs, tenant: str, now: int) -> tuple[DeliveryFilter, CursorPaging]:
    """Return the question of `GET /v1/deliveries`. Raises Invalid."""
    given = ParsedParameters(parameters.DELIVERY_PARAMETERS, pairs, now)
    asked = cursor_paging(given, "deliveries")
    from_ms, to_ms = _interval(given)
    where = DeliveryFilter(
        tenant=tenant,
        from_ms=from_ms,
        to_ms=to_ms,
        subscriptions=given.texts("subscription"),
        outcomes=given.texts("outcome"),
        whats=given.texts("what"),
        entities=given.texts("entity"),
    )
    given.check()
    return where, asked


def redeliveries(pairs: Pairs, tenant: str, subscription: str, now: int) -> tuple[DeliveryFilter, CursorPaging]:
    """Return which deliveries of a subscription `POST /v1/subscriptions/{id}/retry` is about, oldest first. Raises Invalid."""
    given = ParsedParameters(parameters.REDELIVERY_PARAMETERS, pairs, now)
    asked = cursor_paging(given, f"redeliveries of {subscription}")
    from_ms, to_ms = _interval(given)
    given.check()
    where = DeliveryFilter(tenant=tenant, from_ms=from_ms, to_ms=to_ms, subscriptions=(subscription,), outcomes=(given.text("outcome"),))
    return where, asked._replace(page=msgspec.structs.replace(asked.page, order="asc"))


def change_question(pairs: Pairs, tenant: str, now: int, not_changes: frozenset[str]) -> ChangeQuery:
    """Return the question of `GET /v1/changes`. Raises Invalid."""
    given = ParsedParameters(parameters.CHANGES, pairs, now)
    asked = given.moment("at")
    at = now if asked is None else asked
    from_ms, to_ms = _window(at, given.span("before"), given.span("after"))
    query = ChangeQuery(
        tenant=tenant,
        at=at,
        from_ms=from_ms,
        to_ms=to_ms,
        service=given.text("service"),
        environment=given.text("environment"),
        entities=given.texts("entity"),
        tags=given.tags(),
        exclude_kinds=tuple(sorted(not_changes)),
        limit=given.limit(),
    )
    given.check()
    return query


def span(pairs: Pairs) -> ChangeWindow:
    """Return the question of `GET /v1/problems/{id}/changes`. Raises Invalid."""
    given = ParsedParameters(parameters.PROBLEM_CHANGE_PARAMETERS, pairs, 0)
    asked = ChangeWindow(given.span("before"), given.span("after"), given.limit())
    given.check()
    return asked


def histogram_question(pairs: Pairs, tenant: str, now: int) -> HistogramQuestion:
    """Return the question of `GET /v1/histogram`: without `to` until now, without `from` 24 hours before `to`. Raises Invalid."""
    given = ParsedParameters(parameters.HISTOGRAM, pairs, now)
    where = _event_filter(given, tenant)
    to_ms = now + 1 if where.to_ms is None else where.to_ms
    from_ms = max(to_ms - _DAY_MS, MIN_MS) if where.from_ms is None else where.from_ms
    where = msgspec.structs.replace(where, from_ms=from_ms, to_ms=to_ms)
    asked = HistogramQuestion(where, from_ms, to_ms, given.span("step"), given.text("step"), cast("By", given.text("by")))
    if not given.broken and asked.step_ms == 0:
        given.refuse("step", "must be longer than nothing")
    if not given.broken and len(asked.starts()) > MAX_BUCKETS:
        given.refuse("step", f"gives more than {MAX_BUCKETS} buckets between from and to")
    given.check()
    return asked


def cursor_paging(given: ParsedParameters, of: str) -> CursorPaging:
    """Return the page of a question named `of`; beside a cursor the whole request is read as of the first page's moment."""
    asked = [("", of), *given.question]
    text, after = given.text("cursor"), None
    if text:
        try:
            cursor = cursors.open_cursor(text, asked)
            given.now, after = cursor.asked_at, EventPosition(cursor.ts, cursor.id)
        except ValueError as error:
            given.refuse("cursor", str(error))
    page = Page(limit=given.limit() + 1, order=given.order(), after=after)
    return CursorPaging(page, asked, given.now)


def _event_filter(given: ParsedParameters, tenant: str) -> EventFilter:
    from_ms, to_ms = _interval(given)
    return EventFilter(
        tenant=tenant,
        from_ms=from_ms,
        to_ms=to_ms,
        dialects=given.texts("dialect"),
        kinds=given.texts("kind"),
        statuses=given.texts("status"),
        services=given.texts("service"),
        environments=given.texts("environment"),
        priorities=given.texts("priority"),
        entities=given.texts("entity"),
        tags=given.tags(),
        words=given.text("q"),
    )


def _interval(given: ParsedParameters) -> tuple[int | None, int | None]:
    from_ms, to_ms = given.moment("from"), given.moment("to")
    if from_ms is not None and to_ms is not None and from_ms > to_ms:
        given.refuse("from", "must not be after to")
    return from_ms, to_ms


def _window(at: int, before: int, after: int) -> tuple[int, int]:
    """Return the window around a time, cut to the times that events can have."""
    return max(at - before, MIN_MS), min(at + after, MAX_MS)
