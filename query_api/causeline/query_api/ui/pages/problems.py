"""`/problems`: every problem, newest first, by the filters of the API; the address is the question."""

from typing import Final

from causeline.query_api.ui.addresses import join_address, replace_pairs
from causeline.query_api.ui.verdicts import say_published
from causeline.query_api.ui.visits import FormPairs, PageResult, PageRoute, Show, Visit

_FILTERS: Final = ("state", "service", "environment", "priority")
_STREAM: Final = (("stream", "problems"), ("transition", "opened"))
_STREAM_FILTERS: Final = frozenset({"service", "environment"})
"""Of the filters that may stand in the address those that a stream has too."""
_PATH: Final = "/problems"
_ROWS: Final = 50
_CAUSES: Final = ("include", "causes")


async def visit_problems(visit: Visit) -> PageResult:
    """Show a page of problems. Every filter of `GET /v1/problems` may stand in the address. Raises as that call refuses."""
    pairs = [(name, value) for name, value in visit.query if value and name != "include"]
    answer = await visit.get("/v1/problems", [*_with_limit(pairs), _CAUSES])
    values = dict(pairs)
    is_oldest_first = values.get("order") == "asc"
    cursor = answer["next_cursor"]
    return Show(
        "problems.html",
        {
            "page": _PATH,
            "problems": answer["problems"],
            "verdicts": {problem["id"]: say_published(problem["causes"]) for problem in answer["problems"]},
            "is_oldest_first": is_oldest_first,
            "turned": join_address(_PATH, replace_pairs(pairs, {"order": "" if is_oldest_first else "asc", "cursor": ""})),
            "filters": {name: values.get(name, "") for name in _FILTERS},
            "is_narrowed": bool(set(values) - {"cursor", "limit", "order"}),
            "live": _live(pairs),
            "exports": {ending.upper(): join_address("/v1/problems", [*pairs, _CAUSES, ("format", ending)]) for ending in ("csv", "json")},
            "next": join_address(_PATH, replace_pairs(pairs, {"cursor": cursor})) if cursor else "",
        },
    )


def _live(pairs: FormPairs) -> str:
    """Return the stream of what would come to this list, nothing for a list that newer ones do not come to."""
    names = {name for name, _ in pairs}
    if not names <= {*_STREAM_FILTERS, "limit", "state"} or ("state", "closed") in pairs:
        return ""
    return join_address("/v1/stream", [*_STREAM, *((name, value) for name, value in pairs if name in _STREAM_FILTERS)])


def _with_limit(pairs: FormPairs) -> FormPairs:
    return pairs if any(name == "limit" for name, _ in pairs) else [*pairs, ("limit", str(_ROWS))]


PROBLEM_LIST: Final = (PageRoute("GET", _PATH, visit_problems),)
