"""`GET /v1/problems?include=causes`: each problem with the ranking that was published of it last, over HTTP on the memory twins."""

import csv
import io
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

from causeline.query_api.adapters.memory.store import MemoryEventStore, MemoryFrontier
from causeline.query_api.dialects.native import http
from causeline.query_api.reading.reader import Reader
from causeline.query_api.reading.recent import RecentWrites
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem
from causeline.schemas.web.errors import Answer, Invalid
from causeline.schemas.web.http import HttpRequest
from causeline.schemas.web.principal import Groups
from tests.contract.event_rows import event, problem
from tests.contract.revision_rows import COMPUTED, cause, revision

PATH = "/v1/problems"
NOW = COMPUTED + 3_600_000
CAUSES = ("include", "causes")


Row = Event | Problem | CauseRevision


class Api:
    def __init__(self, *rows: Row) -> None:
        store = MemoryEventStore()
        for row in rows:
            if isinstance(row, Event):
                store.put_event(row)
            elif isinstance(row, Problem):
                store.put_problem(row)
            else:
                store.put_revision(row)
        routes = http.routes(Reader(store, MemoryFrontier(store), RecentWrites(lambda: 0.0)))
        self._handler = next(route.handler for route in routes if route.path == PATH)

    async def answer(self, *pairs: tuple[str, str], groups: Groups = None) -> Answer:
        return await self._handler(HttpRequest("GET", PATH, {}, urlencode(pairs), {}, b"", "acme", NOW, groups=groups))

    async def causes(self, groups: Groups = None) -> dict[str, Any]:
        answer = msgspec.json.decode((await self.answer(CAUSES, groups=groups)).body)
        return {problem["id"]: problem["causes"] for problem in answer["problems"]}


def opened(number: int) -> Problem:
    return problem(COMPUTED + number, id=f"p{number}")


async def test_each_problem_has_its_newest_ranking_or_none() -> None:
    rows: list[Row] = [
        opened(1),
        opened(2),
        revision(1, id="p1", verdict="unknown", causes=[]),
        revision(2, id="p1"),
        revision(1, id="other"),
    ]
    found = await Api(*rows).causes()
    assert found["p2"] is None
    assert (found["p1"]["verdict"], found["p1"]["revision"], [one["event"]["id"] for one in found["p1"]["causes"]]) == ("likely", 2, ["e1"])
    assert found.keys() == {"p1", "p2"}


async def test_without_being_asked_for_there_is_none() -> None:
    answer = await Api(opened(1), revision(1, id="p1")).answer()
    assert "causes" not in msgspec.json.decode(answer.body)["problems"][0]


async def test_a_change_that_was_restricted_since_is_not_told_to_others() -> None:
    secret = event(COMPUTED - 600_000, id="e1", allowed_groups=["sre"], title="secret")
    api = Api(opened(1), secret, revision(1, id="p1", causes=[cause("e1", title="secret"), cause("e2")]))
    assert [one["event"]["id"] for one in (await api.causes(("sre",)))["p1"]["causes"]] == ["e1", "e2"]
    assert [one["event"]["id"] for one in (await api.causes(("dev",)))["p1"]["causes"]] == ["e2"]
    table = (await api.answer(CAUSES, ("format", "csv"), groups=("dev",))).body.decode()
    assert "secret" not in table


async def test_a_table_has_the_verdict_and_the_first_cause() -> None:
    rows: list[Row] = [opened(1), opened(2), opened(3), revision(1, id="p1"), revision(1, id="p3", verdict="none", causes=[])]
    answer = await Api(*rows).answer(CAUSES, ("format", "csv"))
    lines = {line["id"]: line for line in csv.DictReader(io.StringIO(answer.body.decode()))}
    names = ("verdict", "cause_id", "cause_title", "cause_probability")
    assert [lines["p1"][name] for name in names] == ["likely", "e1", "Deploy shop 2", "0.7"]
    assert [lines["p2"][name] for name in names] == ["", "", "", ""]
    assert [lines["p3"][name] for name in names] == ["none", "", "", ""]
    assert "verdict" not in (await Api(*rows).answer(("format", "csv"))).body.decode().splitlines()[0]


async def test_a_page_with_causes_is_bounded_and_another_word_is_refused_by_name() -> None:
    api = Api(opened(1))
    assert (await api.answer(CAUSES, ("limit", "100"))).status == 200
    for pairs, name in (((CAUSES, ("limit", "101")), "limit"), ((("include", "effects"),), "include")):
        with pytest.raises(Invalid) as refused:
            await api.answer(*pairs)
        assert [error.field for error in refused.value.fields] == [name]
