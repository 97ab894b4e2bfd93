"""Rankings as they were published, over HTTP on the memory twins: `?at=`, and which revision a ranking of now belongs to."""

from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native import causes_http
from causeline.query_api.reading.causes import CauseReader
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.dialects.native.views import view
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.topology.topology import Topology
from causeline.schemas.values.times import rfc3339
from causeline.schemas.web.errors import Invalid, NotFound
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.web.principal import Groups
from tests.contract.event_rows import event, gone, problem
from tests.contract.revision_rows import COMPUTED, PROBLEM_ID, cause, revision

MINUTE, HOUR = 60_000, 3_600_000
NOW = COMPUTED + 6 * HOUR
PATH = "/v1/problems/{id}/causes"


class Api:
    def __init__(self, *rows: Event | Problem | CauseRevision) -> None:
        store = MemoryEventStore()
        for row in (problem(COMPUTED, id=PROBLEM_ID, service="shop", title="as it is now"), *rows):
            if isinstance(row, Event):
                store.put_event(row)
            elif isinstance(row, Problem):
                store.put_problem(row)
            else:
                store.put_revision(row)

        async def topology(_: str) -> Topology:
            return Topology()

        reader = Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0))
        self._handler = causes_http.routes(reader, CauseReader(reader, topology))[0].handler

    async def get(self, *pairs: tuple[str, str], tenant: str = "acme", groups: Groups = None) -> Any:
        request = HttpRequest("GET", PATH, {"id": PROBLEM_ID}, urlencode(pairs), {}, b"", tenant, NOW, groups=groups)
        result = await self._handler(request)
        assert result.status == 200
        return msgspec.json.decode(result.body)

    async def at(self, ms: int, *pairs: tuple[str, str], **who: Any) -> Any:
        return await self.get(("at", rfc3339(ms)), *pairs, **who)


async def test_the_ranking_of_a_time_is_the_newest_that_was_published_by_then() -> None:
    api = Api(revision(1, verdict="unknown", causes=[]), revision(2, verdict="possible", occasion="scheduled"), revision(3))
    assert [(await api.at(COMPUTED + at))["revision"] for at in (0, MINUTE - 1, MINUTE, HOUR, 6 * HOUR)] == [1, 1, 2, 3, 3]
    answer = await api.at(COMPUTED)
    assert (answer["verdict"], answer["causes"], answer["computed_at"], answer["as_of"]) == (
        "unknown",
        [],
        rfc3339(COMPUTED),
        rfc3339(COMPUTED - 5),
    )
    assert answer["problem"]["title"] == "as it is now"
    assert answer["blind_spots"] == [{"service": "payments", "kind": "config_change"}]


async def test_before_the_first_ranking_there_is_none() -> None:
    with pytest.raises(NotFound, match=r"no ranking of problem .* was published by 2049"):
        await Api(revision(1)).at(COMPUTED - 1)
    with pytest.raises(NotFound):
        await Api().at(NOW)


async def test_a_past_ranking_of_another_tenant_or_of_a_deleted_problem_is_404() -> None:
    deleted = problem(COMPUTED, id=PROBLEM_ID, version=9, is_deleted=True, transition="deleted")
    for api, tenant in ((Api(revision(1)), "other"), (Api(revision(1), revision(2, is_deleted=True), deleted), "acme")):
        with pytest.raises(NotFound):
            await api.at(NOW, tenant=tenant)


async def test_a_change_is_shown_as_it_is_now_or_as_it_was_told_where_it_is_gone() -> None:
    there, deleted = event(COMPUTED - HOUR, version=4, title="renamed since"), event(COMPUTED - HOUR)
    causes = [cause(there.id, title="old name"), cause(deleted.id, title="Deploy 7", feedback="confirmed")]
    answer = await Api(there, deleted, gone(deleted), revision(1, causes=causes)).at(NOW)
    first, second = answer["causes"]
    assert first["event"] == msgspec.json.decode(msgspec.json.encode(view(there)))
    assert (first["feedback"], second["feedback"]) == (None, "confirmed")
    assert second["event"] == {
        "id": deleted.id,
        "kind": "deployment",
        "title": "Deploy 7",
        "service": "shop",
        "ts": rfc3339(COMPUTED - 600_000),
    }
    assert second["reasons"][0] == {"feature": "time", "contribution": 1.9, "text": "soon"}


async def test_it_has_the_members_of_a_ranking_of_now() -> None:
    change = event(COMPUTED - HOUR, service="shop")
    api = Api(change, revision(1, causes=[cause(change.id)]))
    now, then = await api.get(), await api.at(NOW)
    assert set(now) == {*then, "kinds"}  # which kinds were looked for then is not kept
    assert set(now["causes"][0]) == set(then["causes"][0])


async def test_the_limit_cuts_the_list_and_nothing_else() -> None:
    api = Api(revision(1, causes=[cause(f"e{n}", probability=1 / 20) for n in range(20)], candidates=31))
    assert len((await api.at(NOW))["causes"]) == 10
    assert len((await api.at(NOW, ("limit", "100")))["causes"]) == 20
    cut = await api.at(NOW, ("limit", "2"))
    assert ([row["event"]["id"] for row in cut["causes"]], cut["candidates"]) == (["e0", "e1"], 31)


@given(
    allowed=st.lists(st.lists(st.sampled_from(["sre", "dev"]), max_size=2, unique=True), min_size=1, max_size=5),
    groups=st.sampled_from([(), ("sre",), ("dev",), ("sre", "dev")]),
)
async def test_a_change_that_was_restricted_since_is_left_out_for_who_may_not_see_it_now(
    allowed: list[list[str]], groups: tuple[str, ...]
) -> None:
    events = [event(COMPUTED - HOUR, title="now", allowed_groups=names) for names in allowed]
    answer = await Api(*events, revision(1, causes=[cause(row.id, title="then") for row in events])).at(NOW, groups=groups)
    shown = [row.id for row in events if not row.allowed_groups or set(row.allowed_groups) & set(groups)]
    assert [entry["event"]["id"] for entry in answer["causes"]] == shown
    assert {entry["event"]["title"] for entry in answer["causes"]} <= {"now"}


@pytest.mark.parametrize(
    ("pairs", "field"),
    [
        ([("at", rfc3339(NOW + 1))], "at"),
        ([("at", "now-1h"), ("before", "2h")], "before"),
        ([("at", "then")], "at"),
        ([("at", "now"), ("at", "now")], "at"),
    ],
)
async def test_what_cannot_be_asked_is_refused_by_name(pairs: list[tuple[str, str]], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await Api(revision(1)).get(*pairs)
    assert [broken.field for broken in refusal.value.fields] == [field]


async def test_a_ranking_of_now_has_the_number_of_the_newest_revision_that_it_agrees_with_or_the_next() -> None:
    change, other = event(COMPUTED - 10 * MINUTE, service="shop"), event(COMPUTED - 10 * MINUTE, service="elsewhere")
    verdict = (await Api(change).get())["verdict"]
    agreeing = revision(7, verdict=verdict, causes=[cause(change.id, probability=0.01), cause("gone")])
    for published, number in (
        ([], 1),
        ([agreeing], 7),
        ([agreeing, revision(6, verdict="none", causes=[])], 7),
        ([revision(7, verdict="none", causes=[cause(change.id)])], 8),
        ([revision(7, verdict=verdict, causes=[cause(other.id)])], 8),
        ([revision(7, verdict=verdict, causes=[])], 8),
        ([agreeing, revision(8, verdict="none", causes=[])], 9),
    ):
        answer = await Api(change, other, *published).get()
        assert (answer["causes"][0]["event"]["id"], answer["revision"]) == (change.id, number)
        assert answer["as_of"] == answer["computed_at"] == rfc3339(NOW)
    empty = await Api(revision(3, verdict="unknown", causes=[])).get()
    assert (empty["verdict"], empty["revision"]) == ("unknown", 3)


async def test_a_ranking_that_nobody_publishes_has_the_number_of_the_newest_one() -> None:
    change, secret = event(COMPUTED - 10 * MINUTE, service="shop"), event(COMPUTED - 9 * MINUTE, service="shop", allowed_groups=["sre"])
    published = revision(7, verdict="none", causes=[])
    assert (await Api(change, published).get())["revision"] == 8
    assert (await Api(change, published).get(("before", "2h")))["revision"] == 7
    api = Api(change, secret, published)
    assert [(await api.get(groups=groups))["revision"] for groups in ((), ("sre",), None)] == [8, 7, 7]
