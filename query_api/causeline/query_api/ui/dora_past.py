"""What a scope was like before: the twelve weeks behind each number, and the window of the same length before it."""

from typing import Any

from causeline.query_api.ui.addresses import replace_pairs
from causeline.query_api.ui.dora_tiles import PAST_MS, PAST_WEEKS
from causeline.query_api.ui.visits import FormPairs, Visit
from causeline.schemas.values.times import MIN_MS, ms_of, rfc3339


async def ask_weeks(visit: Visit, question: FormPairs, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the twelve ISO weeks up to the end of an answer's window, the last one cut there: those of the answer where it has them."""
    window = answer["window"]
    if window.get("step") == "week" and len(answer["series"]) > PAST_WEEKS:
        weeks: list[dict[str, Any]] = answer["series"]
    else:
        start = rfc3339(max(ms_of(window["to"]) - PAST_MS, MIN_MS))
        changes = {"from": start, "to": window["to"], "step": "week", "group_by": ""}
        weeks = (await visit.get("/v1/dora", replace_pairs(question, changes)))["series"]
    return weeks[-PAST_WEEKS:]


async def ask_before(visit: Visit, question: FormPairs, answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return the metrics of the window of the same length before an answer's, None where there is no such time."""
    start, end = ms_of(answer["window"]["from"]), ms_of(answer["window"]["to"])
    if 2 * start - end < MIN_MS:
        return None
    changes = {"from": rfc3339(2 * start - end), "to": rfc3339(start), "step": "", "group_by": ""}
    before: dict[str, Any] = (await visit.get("/v1/dora", replace_pairs(question, changes)))["metrics"]
    return before
