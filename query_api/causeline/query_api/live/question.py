"""What `GET /v1/stream` asks: which records, and from where on. Query parameters become filters, or are refused by name. Pure.

What a filter says of events is what `GET /v1/events` says of them; problems are matched by the filters that `GET /v1/problems` has, and
rankings of causes by the same, of the problem as it was then. A problem has no status: a `status` leaves no problem and no ranking, as a
filter on a column that is empty does. `transition` is of problems and `verdict` of rankings: of the others they leave all.
"""

from collections.abc import Sequence
from typing import NamedTuple

from causeline.query_api.live import positions
from causeline.query_api.live.positions import WITH_CAUSES, WITHOUT_CAUSES, Partition, Topics
from causeline.query_api.questions import parameters
from causeline.query_api.questions.matching import matches, matches_problem
from causeline.query_api.questions.native import Pairs
from causeline.query_api.questions.parameters import ParsedParameters
from causeline.query_api.questions.query import EventFilter, ProblemFilter
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.principal import Groups


class StreamFilter(NamedTuple):
    """Which records a stream is about; None: none of that topic. `transitions` and `verdicts` empty: all of them."""

    tenant: str
    events: EventFilter | None
    problems: ProblemFilter | None
    transitions: tuple[str, ...] = ()
    causes: ProblemFilter | None = None
    verdicts: tuple[str, ...] = ()

    @property
    def topics(self) -> Topics:
        """The topics whose places it names."""
        return WITHOUT_CAUSES if self.causes is None else WITH_CAUSES

    def event(self, event: Event) -> bool:
        """Say whether a version of an event, a delete too, is one that the stream shows."""
        return self.events is not None and event.tenant == self.tenant and matches(event, self.events)

    @property
    def is_choosy(self) -> bool:
        """Whether it shows some problems and not others."""
        where = self.problems
        return where is not None and where != ProblemFilter(tenant=where.tenant, now=where.now)

    def problem(self, problem: Problem, before: Sequence[Problem] = ()) -> bool:
        """Say whether a transition is one that the stream shows: the problem is, or ever was (`before`), as it is asked for."""
        where = self.problems
        return (
            where is not None
            and problem.tenant == self.tenant
            and (not self.transitions or problem.transition in self.transitions)
            and any(matches_problem(look, where) for look in (problem, *before))
        )

    def ranking(self, revision: CauseRevision) -> bool:
        """Say whether a revision of a ranking is one that the stream shows. It holds what everybody of the tenant may see."""
        where = self.causes
        return (
            where is not None
            and revision.tenant == self.tenant
            and (not self.verdicts or not {revision.verdict, revision.previous_verdict}.isdisjoint(self.verdicts))
            and matches_problem(revision, where)
        )


class StreamQuestion(NamedTuple):
    """`resume` is the place behind the client's last message; where it names none, `from_ms` (ms UTC, None: now) tells where to begin.

    A place may name no causes: its client asks for them only now.
    """

    where: StreamFilter
    from_ms: int | None
    resume: dict[Partition, int] | None


def stream(pairs: Pairs, header: str, tenant: str, groups: Groups, now: int, partitions: int) -> StreamQuestion:
    """Return the question; `header` is that of `Last-Event-ID`, `partitions` how many each topic has. Raises Invalid."""
    arguments = ParsedParameters(parameters.STREAM_PARAMETERS, pairs, now)
    topics = arguments.texts("stream") or parameters.STREAMED_UNASKED
    statuses, transitions, verdicts = arguments.texts("status"), arguments.texts("transition"), arguments.texts("verdict")
    if statuses and "events" not in topics:
        arguments.refuse("status", "is of events, and none are followed")
    if transitions and "problems" not in topics:
        arguments.refuse("transition", "is of problems, and none are followed")
    if verdicts and "causes" not in topics:
        arguments.refuse("verdict", "is of causes, which are followed where `stream` names them")
    from_ms, tags, words = arguments.moment("from"), arguments.tags(), arguments.text("q")
    dialects, kinds, services = arguments.texts("dialect"), arguments.texts("kind"), arguments.texts("service")
    environments, priorities, entities = arguments.texts("environment"), arguments.texts("priority"), arguments.texts("entity")
    events = EventFilter(
        tenant=tenant,
        groups=groups,
        dialects=dialects,
        kinds=kinds,
        statuses=statuses,
        services=services,
        environments=environments,
        priorities=priorities,
        entities=entities,
        tags=tags,
        words=words,
    )
    problems = ProblemFilter(
        tenant=tenant,
        now=now,
        dialects=dialects,
        kinds=kinds,
        services=services,
        environments=environments,
        priorities=priorities,
        entities=entities,
        tags=tags,
        words=words,
    )
    resume = _resume(arguments, header, partitions)
    arguments.check()
    where = StreamFilter(
        tenant,
        events if "events" in topics else None,
        problems if "problems" in topics and not statuses else None,
        transitions,
        problems if "causes" in topics and not statuses else None,
        verdicts,
    )
    return StreamQuestion(where, from_ms, resume and {place: offset for place, offset in resume.items() if place.topic in where.topics})


def _resume(arguments: ParsedParameters, header: str, partitions: int) -> dict[Partition, int] | None:
    text = header.strip() or arguments.text("last_event_id").strip()
    if not text:
        return None
    try:
        return positions.parse_positions(text, partitions)
    except ValueError as error:
        arguments.refuse("Last-Event-ID" if header.strip() else "last_event_id", str(error))
        return None
