"""The JSON Schema of DORA metrics, as `dora_views.py` shows them, and each metric in words (`docs/dora.md` says more)."""

from typing import Final, get_args

from causeline.query_api.dora.dora_metrics import FEW, MetricState, Unit
from causeline.query_api.dora.dora_scope import GroupColumn
from causeline.query_api.dora.judging_deployments import FailureType, Rework
from causeline.query_api.dora.windows import SeriesStep
from causeline.query_api.questions.dora import METRIC_NAMES
from causeline.schemas.dora.definition import AttributionBy, Timeouts
from causeline.schemas.web.openapi import COUNT, MAYBE_TIME, TEXT, TIME, Schema, many, object_schema

DEFINITION_IN_WORDS: Final = (
    "Deployments (D) are the deployments to production that ended in success in the window. Of each service the first of the kinds "
    "deployment, release and change counts that it has. One rollout counts once: events with the same tag `deployment_id`, events that "
    "name one of it as related, or events of one service, environment and release or commit that begin within 6 hours of each other. An "
    "attempt that failed before anything of its rollout succeeded is no deployment, and is counted as `failed_attempts`. Production, "
    "aliases, hotfix marks, timeouts, the time zone and how problems are given to deployments are the tenant's definition, whose version "
    "every answer names. A problem belongs to the deployment that people confirmed as its cause, else to its likely cause if it opened "
    "within the attribution window after it, else to none, and to one at most. The window is half-open, [from, to), in the zone `tz`. "
    "Nothing is frozen: what comes late counts at the next question. What the caller may not see is not counted."
)
METRICS_IN_WORDS: Final[dict[str, str]] = {
    "deployment_frequency": "|D| per calendar day of the zone, partial days by their share. `median_days_per_week`: on how many days of "
    "an ISO week something was deployed, the median over the weeks that lie wholly in the window, weeks of none included; null without "
    "such a week. Excluded: `failed_attempts`, and `unknown_environment` where nobody said where to",
    "change_lead_time": "Median over all commits that D brought, each where its service first deployed it, of the end of the deployment "
    "minus the commit's time. `partial`: of some deployment only the newest commit is known. Excluded: `not_positive` (not before the "
    "end of its deployment), `unknown_time` (nobody said when it was)",
    "change_fail_rate": "Share of D that failed: a problem belongs to it, or a later deployment rolled it back within the attribution "
    "window, or an event said after its success that it failed. Each deployment counts once. Null where the scope never had a problem, "
    "as then nobody knows. Excluded: `failed_attempts`",
    "failed_deployment_recovery_time": "Median over the deployments that failed of the first of: its last problem closed, it was rolled "
    "back, a fix was deployed; minus its end. Excluded: `still_open`, `timed_out` (unless the definition counts timeouts), `abandoned`",
    "deployment_rework_rate": "Share of D that nobody planned: a rollback, a hotfix by tag, branch or title, or begun within an open "
    "problem of its service which it closed. Excluded: `failed_attempts`",
    "time_to_restore": "Median over the problems of production that opened in the window of close minus open. Excluded: `still_open`, "
    "`timed_out`, `abandoned`",
}

ALL_IN_WORDS: Final = "\n\n".join((DEFINITION_IN_WORDS, *(f"{name}: {words}." for name, words in METRICS_IN_WORDS.items())))

_MAYBE_NUMBER: Final[Schema] = {"type": ["number", "null"]}


def _metric(name: str) -> Schema:
    more: Schema = {
        "deployment_frequency": {"median_days_per_week": _MAYBE_NUMBER},
        "change_lead_time": {"partial": {"type": "boolean"}},
    }.get(name, {})
    properties: Schema = {
        "value": {**_MAYBE_NUMBER, "description": "Null where nothing could be known"},
        "unit": {**TEXT, "enum": list(get_args(Unit))},
        "n": {**COUNT, "description": "How many deployments, commits or problems it is of"},
        "numerator": {"type": ["integer", "null"], "description": "Of a ratio or frequency"},
        "denominator": {**_MAYBE_NUMBER, "description": "Of a ratio or frequency: deployments, or days"},
        "interval": {
            "type": ["array", "null"],
            "items": {"type": "number"},
            "description": "Of a ratio: Wilson's interval at 95 %, null of nothing",
        },
        "excluded": {"type": "object", "additionalProperties": COUNT, "description": "What was left out, by reason"},
        "state": {
            **TEXT,
            "enum": list(get_args(MetricState)),
            "description": f"`too_few`: of fewer than {FEW}; `no_source`: nobody ever reported a problem here, so nothing is known",
        },
        **more,
    }
    return {**object_schema(properties), "description": METRICS_IN_WORDS[name]}


def _metrics() -> Schema:
    return object_schema({name: _metric(name) for name in METRIC_NAMES})


def definition_schema() -> Schema:
    """Return the schema of the definition that an answer names."""
    window: Schema = {"type": ["string", "null"], "description": "Such as `24h`, null without a bound"}
    return object_schema(
        {
            "version": {"type": "integer", "minimum": 1},
            "production": many(TEXT),
            "aliases": {"type": "object", "additionalProperties": many(TEXT)},
            "default_environment": TEXT,
            "attribution": object_schema({"rule": {**TEXT, "enum": list(get_args(AttributionBy))}, "window": window}),
            "hotfix": object_schema({"tags": many(TEXT), "branches": many(TEXT), "titles": many(TEXT)}),
            "timeouts": {**TEXT, "enum": list(get_args(Timeouts))},
            "tz": TEXT,
            "replaced": {**many(TEXT), "description": "Members that this request replaced: the numbers are not those of the version"},
            "url": {**TEXT, "description": "Where the version can be read"},
            "words": {**TEXT, "description": "Where each metric is told in words"},
        }
    )


def dora_schema() -> Schema:
    """Return the schema of the answer of `GET /v1/dora`."""
    step = {**TEXT, "enum": list(get_args(SeriesStep))}
    bucket = object_schema({"from": TIME, "to": TIME, "metrics": _metrics()})
    columns: Schema = dict.fromkeys(get_args(GroupColumn), TEXT)
    group = object_schema({**columns, "metrics": _metrics()}, *columns)
    return object_schema(
        {
            "window": object_schema({"from": TIME, "to": TIME, "tz": TEXT, "step": step}, "step"),
            "scope": {
                **object_schema(dict.fromkeys(columns, many(TEXT)), *columns),
                "description": "The filters of the request, those that it has",
            },
            "definition": definition_schema(),
            "metrics": _metrics(),
            "series": {**many(bucket), "description": "With `step`: the window in steps, cut at it, empty ones included"},
            "groups": {**many(group), "description": "With `group_by`: by value, empty for what has none"},
        },
        "series",
        "groups",
    )


def deployments_schema(cursor: Schema) -> Schema:
    """Return the schema of a page of `GET /v1/dora/deployments`."""
    maybe_seconds = {**_MAYBE_NUMBER, "description": "Seconds"}
    failure = object_schema({"type": {**TEXT, "enum": list(get_args(FailureType))}, "id": TEXT})
    commit = object_schema({"id": TEXT, "lead_time": maybe_seconds, "excluded": {"enum": [None, "not_positive", "unknown_time"]}})
    deployment = object_schema(
        {
            "id": {**TEXT, "description": "The event of its first success"},
            "service": TEXT,
            "environment": {**TEXT, "description": "By the definition's name of it"},
            "release": TEXT,
            "start": TIME,
            "end": TIME,
            "excluded": {"enum": [None, "failed_attempt"], "description": "Why it does not count; null for what does"},
            "failed": {"type": "boolean"},
            "failures": {
                **many(failure),
                "description": "Why it failed: ids of problems, of the deployments that rolled it back, of events",
            },
            "recovered_at": MAYBE_TIME,
            "recovery_time": maybe_seconds,
            "rework": {
                **many({**TEXT, "enum": list(get_args(Rework))}),
                "description": "Why nobody planned it; empty for what was planned",
            },
            "commits": {**many(commit), "description": "Those that its service deployed here first"},
        }
    )
    return object_schema({"deployments": many(deployment), "next_cursor": cursor})


def series_schema() -> Schema:
    """Return the schema of the answer of `GET /v1/dora/series`: targets with points, or flat rows."""
    point: Schema = {
        "type": "array",
        "items": _MAYBE_NUMBER,  # not a tuple: `prefixItems` stops generators and checkers of today
        "minItems": 2,
        "maxItems": 2,
        "description": "Value, null where nothing could be known, then whole milliseconds since the epoch",
    }
    target = object_schema({"target": {**TEXT, "description": "The metric, and the group behind it"}, "datapoints": many(point)})
    row: Schema = {
        "type": "object",
        "properties": {"time": TIME},
        "required": ["time"],
        "additionalProperties": {"type": ["number", "string", "null"]},
        "description": "With `format=rows`: the metrics by name, and the group under its column",
    }
    return many({"anyOf": [target, row]})
