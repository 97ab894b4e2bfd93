"""`/insights`: what became of tickets, builds, tests, deployments, and how long they took; each with how it is computed and its table.

The address is the question of `GET /v1/insights`, with `stage`, whose weeks and hours are shown; `step` is a week.
"""

from typing import Any, Final

from causeline.query_api.dialects.native.insight_schemas import DEFINITION
from causeline.query_api.ui import insight_rows
from causeline.query_api.ui.addresses import join_address, replace_pairs
from causeline.query_api.ui.drawing.heatmap import DAY_HOURS
from causeline.query_api.ui.metric_words import mark_code
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, Show, Visit

_PATH: Final = "/insights"
_OWN: Final = "stage"
_FIELDS: Final = ("team", "repo", "from", "to", "tz")
_BEGIN: Final = "now-84d"
_PERIODS: Final = (("4 weeks", "now-28d"), ("12 weeks", "now-84d"), ("a year", "now-365d"))


async def visit_insights(visit: Visit) -> PageResult:
    """Show insights of a scope. Raises as the API refuses."""
    pairs = [(name, value) for name, value in visit.query if value.strip()]
    names = {name for name, _ in pairs}
    defaults = {} if "from" in names else {"from": _BEGIN}
    question = replace_pairs(pairs, {**defaults, "step": "week", _OWN: ""})
    answer = await visit.get("/v1/insights", question)
    stages, window = answer["stages"], answer["window"]
    stage = insight_rows.choose_stage(stages, next((value for name, value in pairs if name == _OWN), ""))
    picture, days = insight_rows.week_hours(answer["heatmap"], stage)
    return Show(
        "insights.html",
        {
            **_form(pairs, question),
            "page": _PATH,
            "window": window,
            "is_narrowed": bool(names & {"team", "team_id", "repo"}),
            "stage": stage,
            "stages": list(dict.fromkeys([*(one["stage"] for one in stages), stage])),
            "has_events": bool(stages),
            "funnels": insight_rows.funnel_rows(stages),
            "durations": insight_rows.duration_rows(stages),
            "failures": insight_rows.failure_view(answer["series"], stage, window["tz"]),
            "flow": insight_rows.flow_rows(answer["flow"]),
            "heatmap": picture,
            "days": days,
            "hours": DAY_HOURS,
            "custom": [one for one in stages if insight_rows.is_custom(one["stage"])],
            "in_words": mark_code(DEFINITION),
            "timeline": _timeline(window),
        },
    )


def _form(pairs: FormPairs, question: FormPairs) -> dict[str, Any]:
    return {
        "fields": {name: [value for one, value in question if one == name] or [""] for name in _FIELDS},
        "others": [pair for pair in pairs if pair[0] not in (*_FIELDS, _OWN)],
        "periods": [(name, join_address(_PATH, replace_pairs(pairs, {"from": start, "to": ""}))) for name, start in _PERIODS],
        "csv": join_address("/v1/insights", [*question, ("format", "csv")]),
    }


def _timeline(window: dict[str, Any]) -> str:
    """Return the timeline of a window, to which a kind is added."""
    return join_address("/timeline", [("from", window["from"]), ("to", window["to"])])


INSIGHT_OVERVIEW: Final = (PageRoute("GET", _PATH, visit_insights),)
