"""The questions of `/v1/dora`: query parameters become a window, a scope and the definition to count by, or are refused by name. Pure.

A request may ask for another version of the definition, and for this one answer replace its production environments and its attribution:
the answer names what was replaced, so that a number never passes for that of a version which it is not.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, Protocol, cast, get_args

import msgspec

from causeline.query_api.dora.dora_metrics import DoraMetrics
from causeline.query_api.dora.dora_scope import DoraScope, GroupColumn
from causeline.query_api.dora.windows import SeriesStep, ZonedWindow
from causeline.query_api.questions.native import CursorPaging, cursor_paging
from causeline.query_api.questions.parameters import DEFAULT_LIMIT, MAX_LIMIT, TABLE_FORMAT, Parameter, ParsedParameters, limit
from causeline.query_api.questions.zoned_windows import LONGEST_WINDOW, MOST_BUCKETS, ZONED_MOMENT, steps_of, zoned_window
from causeline.schemas.dora.definition import ONE_DAY, AttributionBy, Definition
from causeline.schemas.values.durations import duration_ms
from causeline.schemas.web.principal import Groups

SeriesShape = Literal["datapoints", "rows", "csv"]

METRIC_NAMES: Final = DoraMetrics.__struct_fields__
NO_WINDOW: Final = "none"
LONGEST_ATTRIBUTION: Final = 365 * ONE_DAY
"""ms: as long as in a definition."""
_TEXT: Final = {"type": "string"}
_DIGITS: Final = 9


def _choices(values: Iterable[str], default: str = "") -> dict[str, object]:
    return {**_TEXT, "enum": list(values), **({"default": default} if default else {})}


_SCOPE: Final = (
    Parameter("service", "Service, by its name or an alias; given twice means or", _TEXT, many=True),
    Parameter("team", "Team; given twice means or", _TEXT, many=True),
    Parameter("repo", "Repository; given twice means or", _TEXT, many=True),
    Parameter("project", "Project; given twice means or", _TEXT, many=True),
)
_WINDOW: Final = (
    Parameter("from", f"Not before this time, without it 30 days before the end: {ZONED_MOMENT}", _TEXT),
    Parameter("to", f"Before this time, without it now; at most {LONGEST_WINDOW // ONE_DAY} days after `from`: {ZONED_MOMENT}", _TEXT),
    Parameter("tz", "IANA time zone of dates, days, weeks and months, such as Europe/Berlin; without it the definition's", _TEXT),
)
_DEFINITION: Final = (
    Parameter("environment", "Environments that count as production in place of the definition's; given twice means or", _TEXT, many=True),
    Parameter(
        "attribution",
        "Who says which deployment a problem belongs to, in place of the definition: `causes` (confirmed feedback, else the likely cause) "
        "or `latest` (the latest deployment before it, for comparison)",
        _choices(get_args(AttributionBy)),
    ),
    Parameter(
        "attribution_window",
        "How long after a deployment a problem may open that is given to it, in place of the definition's: `24h`, or "
        f"`{NO_WINDOW}` for any time",
        {**_TEXT, "pattern": rf"^(\d+(ms|s|m|h|d)|{NO_WINDOW})$"},
    ),
    Parameter("definition", "Version of the definition; without it the newest", {"type": "integer", "minimum": 1}),
)
_GROUP_BY: Final = Parameter("group_by", "Also the metrics of each value of a column", _choices(get_args(GroupColumn)))
_STEPS: Final = f"a day, an ISO week or a month of the zone, cut at the window, at most {MOST_BUCKETS}"

DORA_PARAMETERS: Final = (
    *(*_WINDOW, *_SCOPE, *_DEFINITION, _GROUP_BY),
    Parameter("step", f"Also the metrics of each step of the window: {_STEPS}", _choices(get_args(SeriesStep))),
    TABLE_FORMAT,
)
DEPLOYMENT_PARAMETERS: Final = (
    *(*_WINDOW, *_SCOPE, *_DEFINITION),
    limit(MAX_LIMIT, DEFAULT_LIMIT),
    Parameter("cursor", "`next_cursor` of the page before, beside the same filters", _TEXT),
    TABLE_FORMAT,
)
SERIES_PARAMETERS: Final = (
    *(*_WINDOW, *_SCOPE, *_DEFINITION),
    _GROUP_BY._replace(description="A series for each value of a column in place of one for all"),
    Parameter("step", f"What a point is of: {_STEPS}", _choices(get_args(SeriesStep), "day")),
    Parameter("metric", "Only this metric; given twice means or", _choices(METRIC_NAMES), many=True),
    Parameter(
        "format",
        "`datapoints`: a target for each series with its points; `rows`: a flat object for each step, with the metrics by name; `csv`: "
        "the rows as a table, which `Accept: text/csv` asks for too",
        _choices(get_args(SeriesShape), "datapoints"),
    ),
)


class DefinitionVersions(Protocol):
    """The versions of a tenant's definition."""

    @property
    def current(self) -> Definition:
        """Return the newest version."""
        ...

    def version(self, number: int) -> Definition | None:
        """Return a version, None where there is none of this number."""
        ...


class MetricQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """Whose metrics, when, by which definition, of what these groups may see, as of `now` (ms UTC); and how they are cut.

    Services of the scope are as they were asked for. `replacements` names the members of the definition that the request replaced,
    `is_newest` tells whether it is the newest version (but for these).
    """

    tenant: str
    groups: Groups
    window: ZonedWindow
    scope: DoraScope
    definition: Definition
    now: int
    is_newest: bool
    replacements: tuple[str, ...] = ()
    step: SeriesStep | None = None
    group_by: GroupColumn | None = None


class SeriesQuestion(NamedTuple):
    """A question with a step, which metrics are shown of it, and how."""

    question: MetricQuestion
    metrics: tuple[str, ...]
    shape: SeriesShape


def dora_question(
    pairs: Iterable[tuple[str, str]], tenant: str, groups: Groups, now: int, definitions: DefinitionVersions
) -> MetricQuestion:
    """Return the question of `GET /v1/dora`. Raises Invalid that names every broken parameter."""
    return _cut_question(ParsedParameters(DORA_PARAMETERS, pairs, now), tenant, groups, definitions)


def deployment_question(
    pairs: Iterable[tuple[str, str]], tenant: str, groups: Groups, now: int, definitions: DefinitionVersions
) -> tuple[MetricQuestion, CursorPaging]:
    """Return the question of `GET /v1/dora/deployments`: of each page as of the moment of the first one. Raises Invalid."""
    arguments = ParsedParameters(DEPLOYMENT_PARAMETERS, pairs, now)
    paging = cursor_paging(arguments, "dora deployments")
    return _question(arguments, tenant, groups, definitions), paging


def series_question(
    pairs: Iterable[tuple[str, str]], tenant: str, groups: Groups, now: int, definitions: DefinitionVersions
) -> SeriesQuestion:
    """Return the question of `GET /v1/dora/series`. Raises Invalid."""
    arguments = ParsedParameters(SERIES_PARAMETERS, pairs, now)
    question = _cut_question(arguments, tenant, groups, definitions)
    names = arguments.texts("metric")
    metrics = tuple(name for name in METRIC_NAMES if not names or name in names)
    return SeriesQuestion(question, metrics, cast("SeriesShape", arguments.text("format")))


def _cut_question(arguments: ParsedParameters, tenant: str, groups: Groups, definitions: DefinitionVersions) -> MetricQuestion:
    question = _question(arguments, tenant, groups, definitions)
    step = cast("SeriesStep | None", arguments.text("step") or None)
    if step:
        steps_of(arguments, question.window, step)
    return msgspec.structs.replace(question, step=step, group_by=cast("GroupColumn | None", arguments.text("group_by") or None))


def _question(arguments: ParsedParameters, tenant: str, groups: Groups, definitions: DefinitionVersions) -> MetricQuestion:
    version = _version(arguments, definitions)
    definition, replacements = _replace(arguments, version)
    window = zoned_window(arguments, version.tz)
    scope = DoraScope(**{parameter.name: frozenset(arguments.texts(parameter.name)) for parameter in _SCOPE})
    return MetricQuestion(
        tenant=tenant,
        groups=groups,
        window=window,
        scope=scope,
        definition=definition,
        now=arguments.now,
        is_newest=version.version == definitions.current.version,
        replacements=replacements,
    )


def _version(arguments: ParsedParameters, definitions: DefinitionVersions) -> Definition:
    current = definitions.current

    def read(text: str) -> Definition:
        found = definitions.version(int(text)) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
        if found is None:
            raise ValueError(f"{text[:100]!r} is not a version of the definition: they are numbered from 1 to {current.version}")
        return found

    return arguments.value("definition", read, current)


def _replace(arguments: ParsedParameters, definition: Definition) -> tuple[Definition, tuple[str, ...]]:
    """Return the definition with what the request replaces, and the names of the members that it does."""
    attribution, replacements = definition.attribution, []
    if environments := arguments.texts("environment"):
        definition = msgspec.structs.replace(definition, production=environments)
        replacements.append("production")
    if rule := arguments.text("attribution"):
        attribution = msgspec.structs.replace(attribution, rule=cast("AttributionBy", rule))
    if arguments.text("attribution_window"):
        attribution = msgspec.structs.replace(attribution, window=arguments.value("attribution_window", _window, None))
    if arguments.text("attribution") or arguments.text("attribution_window"):
        definition = msgspec.structs.replace(definition, attribution=attribution)
        replacements.append("attribution")
    return definition, tuple(replacements)


def _window(text: str) -> int | None:
    if text.strip() == NO_WINDOW:
        return None
    try:
        window = duration_ms(text)
    except ValueError as error:
        raise ValueError(f"{error}, or {NO_WINDOW}") from error
    if window > LONGEST_ATTRIBUTION:
        raise ValueError(f"{text!r} is more than {LONGEST_ATTRIBUTION // ONE_DAY} days; {NO_WINDOW} is without a bound")
    return window
