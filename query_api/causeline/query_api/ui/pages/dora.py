"""`/dora`: five metrics with their own past, one of them larger, the deployments behind it, what it means and what is missing.

No colour says what is good: a scope is compared with itself, as it was. The address is the question of `GET /v1/dora`, with `metric`, which
is shown larger, and `only`, which leaves of the deployments those that are its numerator.
"""

from typing import Any, Final

from causeline.query_api.dialects.native.dora_schemas import DEFINITION_IN_WORDS, METRICS_IN_WORDS
from causeline.query_api.ui import dora_rows, dora_tiles, metric_words
from causeline.query_api.ui.addresses import join_address, replace_pairs
from causeline.query_api.ui.dora_past import ask_before, ask_weeks
from causeline.query_api.ui.drawing.trend import draw_trend
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, Show, Visit
from causeline.schemas.web.errors import FieldError, Invalid

_PATH: Final = "/dora"
_OWN: Final = ("metric", "only", "cursor")
"""Parameters of the page, which the API's metrics do not take."""
_CUTS: Final = {"step": "", "group_by": ""}
"""Those that its deployments do not take."""
_FIELDS: Final = ("service", "team", "repo", "project", "environment", "from", "to", "tz")
_GROUPS: Final = (("service", "service"), ("team", "team"), ("repo", "repository"))
_PERIODS: Final = (("4 weeks", "now-28d"), ("12 weeks", "now-84d"), ("a year", "now-365d"))
_DEFAULTS: Final = {"from": "now-84d", "step": "week"}
_ROWS: Final = "50"
_MOST_ROWS: Final = "1000"
_MOST_GROUPS: Final = 200
_BEHIND: Final = "#deployments"


class _Question:
    """What an address asks: parameters of the API, and the page's own."""

    def __init__(self, pairs: FormPairs) -> None:
        self.own: Final = {name: value for name, value in pairs if name in _OWN}
        self.api_pairs: Final = [pair for pair in pairs if pair[0] not in _OWN]
        names = {name for name, _ in self.api_pairs}
        self.pairs: Final = [*self.api_pairs, *(pair for pair in _DEFAULTS.items() if pair[0] not in names)]
        self.metric: Final = self.own.get("metric", metric_words.FIVE_METRICS[0])
        if self.metric not in metric_words.METRIC_TITLES:
            message = f"{self.metric[:100]!r} is not one of {', '.join(metric_words.METRIC_TITLES)}"
            raise Invalid.naming([FieldError("metric", message)], where="QUERY")

    @property
    def part(self) -> str:
        """Return what the deployments are narrowed to, '' where all are shown."""
        return dora_rows.NUMERATORS.get(self.metric, "") if "only" in self.own else ""

    def first(self, name: str) -> str:
        """Return the value of a parameter of the API, '' without."""
        return next((value for one, value in self.pairs if one == name), "")

    def at(self, place: str = "", **changes: str) -> str:
        """Return the address of the page with other parameters (`from_` is `from`), and a place in it."""
        own = {"metric": self.metric, **{name.rstrip("_"): value for name, value in changes.items()}}
        return join_address(_PATH, replace_pairs(self.api_pairs, own)) + place

    def deployments(self) -> FormPairs:
        """Return the parameters of the deployments behind the metric."""
        return replace_pairs(self.pairs, {**_CUTS, "limit": _MOST_ROWS if self.part else _ROWS, "cursor": self.own.get("cursor", "")})


async def visit_dora(visit: Visit) -> PageResult:
    """Show the metrics of a scope. Raises as the API refuses, and Invalid for what is no metric."""
    question = _Question([(name, value) for name, value in visit.query if value.strip()])
    answer = await visit.get("/v1/dora", question.pairs)
    weeks = await ask_weeks(visit, question.pairs, answer)
    before = await ask_before(visit, question.pairs, answer)
    behind = await visit.get("/v1/dora/deployments", question.deployments())
    values = {
        "page": _PATH,
        "window": answer["window"],
        "definition": answer["definition"],
        "tiles": dora_tiles.build_tiles(answer["metrics"], weeks, answer["window"]["tz"], before, lambda name: question.at(metric=name)),
        "older": dora_tiles.older_tile(answer["metrics"], before, question.at(metric=metric_words.OLDER_METRIC)),
        "gaps": metric_words.gaps_of(answer["metrics"]),
        "in_words": metric_words.mark_code(DEFINITION_IN_WORDS),
        "metrics_in_words": [(metric_words.METRIC_TITLES[name], metric_words.mark_code(text)) for name, text in METRICS_IN_WORDS.items()],
    }
    return Show(
        "dora.html", {**values, **_form(question), **_trend(question, answer), **_groups(question, answer), **_behind(question, behind)}
    )


def _form(question: _Question) -> dict[str, Any]:
    return {
        "fields": {name: [value for one, value in question.pairs if one == name] or [""] for name in _FIELDS},
        "step": question.first("step"),
        "group_by": question.first("group_by"),
        "others": [("metric", question.metric), *(pair for pair in question.api_pairs if pair[0] not in (*_FIELDS, "step"))],
        "periods": [(name, question.at(from_=start, to="", cursor="")) for name, start in _PERIODS],
        "csv": join_address("/v1/dora", [*question.pairs, ("format", "csv")]),
    }


def _trend(question: _Question, answer: dict[str, Any]) -> dict[str, Any]:
    def address_of(step: dora_tiles.AnswerPart) -> str:
        return question.at(_BEHIND, from_=step["from"], to=step["to"], step="day")

    metric, tz = question.metric, answer["window"]["tz"]
    title = metric_words.METRIC_TITLES[metric]
    points = dora_tiles.series_points(metric, answer["series"], tz, address_of, with_intervals=True)
    return {
        "metric": metric,
        "title": title,
        "titles": metric_words.METRIC_TITLES,
        "trend": draw_trend(points, f"{title} by {answer['window']['step']}"),
        "top": dora_tiles.show_top(points, answer["metrics"][metric]["unit"]),
        "steps": dora_tiles.step_rows(answer["series"], tuple(metric_words.METRIC_TITLES), tz, address_of),
    }


def _groups(question: _Question, answer: dict[str, Any]) -> dict[str, Any]:
    column = question.first("group_by")
    groups = answer.get("groups", [])
    rows = dora_rows.scope_rows(groups, column, lambda name: question.at(**{column: name, "group_by": ""}))
    return {
        "groupings": [(name, question.at("#groups", group_by=column)) for column, name in _GROUPS],
        "groups": rows[:_MOST_GROUPS],
        "group_count": len(groups),
    }


def _behind(question: _Question, behind: dict[str, Any]) -> dict[str, Any]:
    cursor = behind["next_cursor"]
    only = {"only": "1"} if question.part else {}
    csv = replace_pairs(question.deployments(), {"limit": _MOST_ROWS, "cursor": "", "format": "csv"})
    return {
        "deployments": dora_rows.deployment_rows(behind["deployments"], question.part),
        "part": question.part,
        "narrower": question.at(_BEHIND, only="1") if question.metric in dora_rows.NUMERATORS and not question.part else "",
        "wider": question.at(_BEHIND) if question.part else "",
        "next": question.at(_BEHIND, cursor=cursor, **only) if cursor else "",
        "deployments_csv": join_address("/v1/dora/deployments", csv),
    }


DORA_OVERVIEW: Final = (PageRoute("GET", _PATH, visit_dora),)
