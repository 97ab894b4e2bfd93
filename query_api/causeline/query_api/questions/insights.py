"""The question of `GET /v1/insights`: query parameters become a window of buckets in a time zone, or are refused by name. Pure."""

from collections.abc import Iterable
from typing import Final, NamedTuple, cast, get_args

from causeline.query_api.causes.kinds import DAY
from causeline.query_api.dora.windows import SeriesStep, zone_of
from causeline.query_api.insights.offsets import offsets_of
from causeline.query_api.insights.query import InsightQuery
from causeline.query_api.questions.parameters import TABLE_FORMAT, Parameter, ParsedParameters
from causeline.query_api.questions.zoned_windows import LONGEST_WINDOW, MOST_BUCKETS, ZONED_MOMENT, steps_of, zoned_window
from causeline.schemas.web.principal import Groups

_MOST_VALUES: Final = 100

_TEXT: Final = {"type": "string"}

INSIGHT_PARAMETERS: Final = (
    Parameter("team", "Team; given twice means or", _TEXT, many=True),
    Parameter("team_id", "The same, as CTO.ai's events name it", _TEXT, many=True),
    Parameter("repo", "Repository; given twice means or", _TEXT, many=True),
    Parameter("from", f"Not before this time, without it 30 days before the end: {ZONED_MOMENT}", _TEXT),
    Parameter("to", f"Before this time, without it now; at most {LONGEST_WINDOW // DAY} days after `from`: {ZONED_MOMENT}", _TEXT),
    Parameter("tz", "IANA time zone, such as Europe/Berlin: of dates, of the series and of the hours", {**_TEXT, "default": "UTC"}),
    Parameter(
        "step",
        f"What a part of the series is, at most {MOST_BUCKETS}: a day, an ISO week or a month of the zone",
        {**_TEXT, "enum": list(get_args(SeriesStep)), "default": "day"},
    ),
    TABLE_FORMAT,
)


class InsightQuestion(NamedTuple):
    """What is asked of the store, and the zone and step in the words of the request."""

    query: InsightQuery
    tz: str
    step: SeriesStep


def insight_question(pairs: Iterable[tuple[str, str]], tenant: str, groups: Groups, now: int) -> InsightQuestion:
    """Return the question of a query string. Raises Invalid that names every broken parameter."""
    arguments = ParsedParameters(INSIGHT_PARAMETERS, pairs, now)
    step = cast("SeriesStep", arguments.text("step"))
    teams = tuple(dict.fromkeys((*arguments.texts("team"), *arguments.texts("team_id"))))
    if len(teams) > _MOST_VALUES:
        arguments.refuse("team", f"takes at most {_MOST_VALUES} values, `team_id` counted with it")
    window = zoned_window(arguments, "UTC")
    starts = (span.start for span in steps_of(arguments, window, step))
    query = InsightQuery(
        tenant=tenant,
        groups=groups,
        teams=teams,
        repos=arguments.texts("repo"),
        edges=(*starts, window.end),
        offsets=offsets_of(zone_of(window.tz), window.start, window.end),
        now=now,
    )
    return InsightQuestion(query, window.tz, step)
