"""Random histories of lifecycle events: few keys, times that lie close together, repeats, and what is no mark at all."""

from typing import Any, Final

from hypothesis import strategies as st

from causeline.query_api.causes.kinds import DAY, HOUR, MINUTE
from causeline.query_api.insights.query import LONGEST, InsightQuery, ZoneOffset

BEGIN: Final = 1_760_000_000_000
SPAN: Final = 40 * DAY

_gaps = st.one_of(
    st.integers(0, 90_000),
    st.sampled_from([0, MINUTE, MINUTE + 1, DAY, DAY - 1, LONGEST, LONGEST + 1]),
    st.integers(0, 3 * DAY),
)
_actions = st.sampled_from(
    [
        "initiated",
        "initiated",
        "started",
        "opened",
        "succeeded",
        "succeeded",
        "success",
        "failed",
        "failure",
        "done",
        "warning",
        "updated",
        "",
    ]
)
_kinds = st.sampled_from(["commit", "build", "deployment", "deployment", "e2e_test", "e2e-test", "unit_test", "smoke", "ticket"])

lifecycle_histories = st.lists(
    st.fixed_dictionaries(
        {
            "gap": _gaps,
            "dialect": st.sampled_from(["cto_ai", "cto_ai", "cto_ai", "native", "tracker"]),
            "kind": _kinds,
            "status": _actions,
            "team": st.sampled_from(["t1", "t1", "t2", ""]),
            "repo": st.sampled_from(["api", "api", "web", ""]),
            "commit": st.sampled_from(["c1", "c1", "c2", ""]),
            "commits": st.sampled_from([[], [], [], ["c2", "c1"], ["c3", "c3"]]),
            "tags": st.sampled_from([{}, {}, {"run_id": "7"}, {"runId": "8"}, {"run_id": "", "runId": "7"}]),
            "allowed_groups": st.sampled_from([[], [], [], ["ops"]]),
            "is_deleted": st.sampled_from([False] * 9 + [True]),
        }
    ),
    max_size=40,
)
"""Fields of events by column; `gap` (ms) is the time since the event before."""


def timed_fields(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the fields with `ts` in place of `gap`, from `BEGIN - LONGEST` on."""
    ts, rows = BEGIN - LONGEST, []
    for fields in history:
        ts += fields["gap"]
        own = {name: value for name, value in fields.items() if name != "gap"}
        rows.append({**own, "ts": ts, "commit_times": [0] * len(own["commits"])})
    return rows


@st.composite
def insight_queries(draw: st.DrawFn, tenant: str) -> InsightQuery:
    """Return a question with windows that begin or end near events, filters now and then, and a zone that puts its clocks back."""
    first = draw(st.integers(BEGIN - LONGEST, BEGIN + SPAN))
    widths = draw(st.lists(st.one_of(st.integers(1, 3 * HOUR), st.integers(1, 20 * DAY)), min_size=1, max_size=5))
    edges = [first]
    for width in widths:
        edges.append(edges[-1] + width)
    offsets = draw(
        st.sampled_from(
            [(ZoneOffset(0, 0),), (ZoneOffset(first, 2 * HOUR), ZoneOffset(first + 3 * HOUR, HOUR)), (ZoneOffset(0, -34_200_000),)]
        )
    )
    return InsightQuery(
        tenant=tenant,
        groups=draw(st.sampled_from([None, None, (), ("ops",)])),
        teams=draw(st.sampled_from([(), (), ("t1",), ("t1", "")])),
        repos=draw(st.sampled_from([(), (), ("api",), ("api", "web")])),
        edges=tuple(edges),
        offsets=offsets,
        now=edges[-1] + draw(st.sampled_from([0, HOUR, 2 * DAY])) - draw(st.sampled_from([0, 0, DAY])),
    )
