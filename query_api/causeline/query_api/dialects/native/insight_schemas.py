"""The JSON Schema of insights, as `insights/report.py` shows them, and what their numbers mean in words (`docs/insights.md` says more)."""

from typing import Final, get_args

from causeline.query_api.dora.windows import SeriesStep
from causeline.query_api.insights.stages import BAD_ENDS, BEGINS, GOOD_ENDS, STAGES
from causeline.schemas.web.openapi import COUNT, TEXT, TIME, Schema, many, object_schema

DEFINITION: Final = (
    "Lifecycle events are those that came through CTO.ai's API, custom names included, and native ones of the kinds that CTO.ai knows: "
    f"{', '.join(STAGES)}. A run begins with an event whose status is one of {', '.join(BEGINS)}, ends well with one of "
    f"{', '.join(GOOD_ENDS)}, and badly with one of {', '.join(BAD_ENDS)}. Begin and end are of one run if team, repository, name and "
    "commit are the same (without a commit the tag `run_id`), in order of time and at most 30 days apart. A second begin within a minute "
    "of the one before is the same begin, a later one begins another run, and the earlier one never finished. An end without a begin "
    "counts as a run that ended and has no duration; the same end once more is the same one. A run belongs to the window in which it "
    "ended, one that is open to that in which it began: it is running for 24 hours, and has never finished from then on. "
    "What may not be seen is not counted."
)

_RATIO: Final[Schema] = {"type": ["number", "null"], "minimum": 0, "maximum": 1}
_SECONDS: Final[Schema] = {"type": ["number", "null"], "description": "Seconds, null where none is known"}


def insights_schema() -> Schema:
    """Return the schema of the answer."""
    step = {**TEXT, "enum": list(get_args(SeriesStep))}
    of_bucket = object_schema({"from": TIME, "to": TIME, "stages": many(_stage())})
    flow = object_schema(
        {
            "stage": TEXT,
            "n": {**COUNT, "description": "Commits that the stage ended well for"},
            "p50": {"type": "number", "description": "Median seconds from a commit's first commit event to the last good end of the stage"},
        }
    )
    cell = object_schema(
        {
            "stage": TEXT,
            "weekday": {"type": "integer", "minimum": 1, "maximum": 7, "description": "ISO: 1 is Monday"},
            "hour": {"type": "integer", "minimum": 0, "maximum": 23},
            "n": {**COUNT, "description": "Runs that ended then"},
        }
    )
    return object_schema(
        {
            "window": object_schema({"from": TIME, "to": TIME, "tz": TEXT, "step": step}),
            "stages": {**many(_stage()), "description": "The known ones in the order of delivery, then custom names by alphabet"},
            "flow": {**many(flow), "description": "Of the commits that were deployed in the window and have a commit event"},
            "series": {**many(of_bucket), "description": "The window in steps, cut at it, empty ones included"},
            "heatmap": {**many(cell), "description": "Ends of runs by weekday and hour in `tz`; what is not there is 0"},
        }
    )


def _stage() -> Schema:
    interval = {"type": ["array", "null"], "items": {"type": "number"}, "description": "Wilson's interval at 95 %, null of nothing"}
    rate = {
        "value": {**_RATIO, "description": "Share of the runs that ended which ended well, null of nothing"},
        "n": {**COUNT, "description": "Runs that ended"},
        "numerator": {**COUNT, "description": "Those that ended well"},
        "denominator": COUNT,
        "interval": interval,
    }
    duration = {"n": {**COUNT, "description": "Runs whose begin and end are known"}, "p50": _SECONDS, "p90": _SECONDS, "p95": _SECONDS}
    return object_schema(
        {
            "stage": TEXT,
            "counts": {"type": "object", "additionalProperties": COUNT, "description": "Events by action, repeats included"},
            "success_rate": object_schema(rate),
            "duration": {**object_schema(duration), "description": "From begin to end; quantiles are linear, both ends included"},
            "running": {**COUNT, "description": "Open for less than 24 hours"},
            "never_finished": {**COUNT, "description": "Open for 24 hours or longer, or begun anew"},
        }
    )
