"""The statements: values are bound, index expressions are those of the tables, and a few statements word for word."""

import re
from importlib.resources import files
from typing import Any, get_args

import msgspec
import pytest

from causeline.query_api.questions.query import (
    ChangeQuery,
    Edges,
    EventFilter,
    EventPosition,
    LaneQuery,
    Page,
    ProblemFilter,
    RawOp,
    RawSort,
    RawTest,
)
from causeline.query_api.sql import events as sql_events
from causeline.query_api.sql import lanes as sql_lanes
from causeline.query_api.sql import merged_days as sql_days
from causeline.query_api.sql import problems as sql_problems
from causeline.query_api.sql.revisions import select_revision
from causeline.query_api.sql.statements import Query

EVIL = "'; DROP TABLE events; -- {p0:String} \\"
WHERE = EventFilter(
    tenant=EVIL,
    groups=(EVIL,),
    from_ms=1,
    to_ms=2,
    dialects=(EVIL,),
    kinds=(EVIL,),
    exclude_kinds=(EVIL,),
    statuses=(EVIL,),
    services=(EVIL,),
    environments=(EVIL,),
    priorities=(EVIL,),
    severities=(EVIL,),
    sources=(EVIL,),
    owners=(EVIL,),
    teams=(EVIL,),
    related_ids=(EVIL,),
    entities=(EVIL,),
    tags=((EVIL, EVIL),),
    words=EVIL,
    raw=tuple(RawTest(EVIL, op, (EVIL, -5, 1 << 63, 1.5)) for op in get_args(RawOp)),
)
PAGE = Page(limit=3, after=EventPosition(5, EVIL), offset=4, sort=(RawSort(EVIL, descending=True),))
PROBLEMS = ProblemFilter(
    tenant=EVIL,
    now=1,
    from_ms=2,
    to_ms=3,
    dialects=(EVIL,),
    kinds=(EVIL,),
    services=(EVIL,),
    environments=(EVIL,),
    priorities=(EVIL,),
    correlation_ids=(EVIL,),
    entities=(EVIL,),
    tags=((EVIL, EVIL),),
    words=EVIL,
)
CHANGES = ChangeQuery(
    tenant=EVIL,
    groups=(EVIL,),
    at=1,
    from_ms=0,
    to_ms=2,
    service=EVIL,
    environment=EVIL,
    entities=(EVIL,),
    tags=((EVIL, EVIL),),
    exclude_ids=(EVIL,),
    exclude_kinds=(EVIL,),
    lasting_ms=60_000,
)
LANES = LaneQuery(where=WHERE, by="team", step_ms=60_000, limit=40, skip=40)
QUERIES = [
    sql_events.event_at(EVIL, EVIL, 1),
    sql_events.event_by_key(EVIL, EVIL),
    sql_events.event_by_low(EVIL, -1, 1),
    sql_events.events_by_id(EVIL, [EVIL, "01976e4b-1c00-7000-8000-00000000cafe"], (EVIL,)),
    sql_events.select_events(WHERE, PAGE, Edges(1, 2, 3)),
    sql_events.count(WHERE, Edges(1, 2, 3)),
    sql_events.select_histogram(WHERE, 60_000, "kind"),
    sql_events.select_changes(CHANGES),
    sql_lanes.select_lanes(LANES),
    sql_lanes.select_lane_bins(LANES, [EVIL]),
    sql_problems.select_problems(PROBLEMS, PAGE),
    sql_problems.select_transitions(EVIL, EVIL),
    sql_problems.select_reopening(EVIL, EVIL),
    sql_problems.select_open_problem(EVIL, EVIL, 1),
    sql_problems.looks(EVIL, [EVIL], 3),
    select_revision(EVIL, EVIL, 1),
]
YEAR = msgspec.structs.replace(WHERE, from_ms=1_735_689_600_000, to_ms=1_767_225_600_005)
DAYS = [sql_days.MergedDay(day, EVIL) for day in (20_200, 20_201, 20_300)]
BY_DAY = [sql_days.count_by_day(YEAR, DAYS), sql_days.histogram_by_day(YEAR, 86_400_000, "kind", DAYS)]
ALL = [*QUERIES, *BY_DAY, sql_days.select_parts(WHERE)]


@pytest.mark.parametrize("query", ALL, ids=[query.name for query in ALL])
def test_every_value_is_bound(query: Query) -> None:
    assert "DROP" not in query.text
    names = re.findall(r"\{(p\d+):(?:String|Int64|UInt64|Float64|Array\((?:String|Int64|UInt64|Float64)\))\}", query.text)
    assert set(names) == set(query.parameters)
    assert len(re.findall(r"\{\w+:", query.text)) == len(names)


@pytest.mark.parametrize("query", ALL, ids=[query.name for query in ALL])
def test_every_query_runs_on_the_share_of_its_tenant_but_what_all_streams_wait_for(query: Query) -> None:
    assert query.tenant == ("" if query.name == "looks" else EVIL)


@pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])
def test_every_table_is_read_for_one_tenant_and_its_newest_versions(query: Query) -> None:
    tables_of_all = ("events_by_time", "events_by_service", "event_keys", "problem_transitions", "problems_open", "problems_closed")
    tables = re.findall(r"FROM (\w+) AS (\w)( FINAL)?", query.text)
    assert tables
    for table, alias, final in tables:
        assert table in (*tables_of_all, "cause_revisions")
        assert final or f"e.ts IN (SELECT e.ts FROM {table} AS e WHERE" in query.text  # only where to look, under FINAL
        assert f"{alias}.tenant = {{p0:String}}" in query.text


@pytest.mark.parametrize("query", BY_DAY, ids=[query.name for query in BY_DAY])
def test_without_final_only_rows_of_merged_days_are_counted_that_are_not_deleted(query: Query) -> None:
    by_day, with_final = query.text.split(" UNION ALL ")
    assert re.search(r"events_by_time AS e WHERE e.tenant = \{p\d:String\} AND ", by_day)
    assert " AND e._partition_id IN {" in by_day
    assert by_day.count(" BETWEEN ") == 2
    assert " AND e.is_deleted = 0" in by_day
    assert re.search(r"events_by_time AS e FINAL WHERE e.tenant = \{p\d:String\} AND ", with_final)
    assert with_final.count("e.ts >= ") == 3


def test_the_columns_of_a_count_by_day_are_those_of_the_projection() -> None:
    table = files("causeline.schemas").joinpath("clickhouse", "0009_events_by_time.sql").read_text()
    grouped = re.search(r"PROJECTION by_day .* GROUP BY (.*?)\n", table, re.DOTALL)
    assert grouped is not None
    known = {column.replace("(ts)", "(e.ts)") for column in re.split(r", (?!\d)", grouped[1])}
    where = EventFilter(tenant="t", dialects=("a",), kinds=("a",), exclude_kinds=("b",), statuses=("c",), environments=("d",))
    by_day = sql_days.histogram_by_day(where, 86_400_000, "environment", DAYS).text.partition(" UNION ALL ")[0]
    day = "intDiv(toUnixTimestamp64Milli(e.ts), 86400000)"
    assert day in known
    assert day in by_day
    assert set(re.findall(r"e\.(\w+)", by_day.replace(day, ""))) == known - {day} | {"_partition_id"}


def test_a_page_of_events_word_for_word() -> None:
    query = sql_events.select_events(EventFilter(tenant="t", from_ms=1, kinds=("a", "b")), Page(limit=2, after=EventPosition(9, "x")))
    at = "fromUnixTimestamp64Milli({p4:Int64}, 'UTC')"
    assert query.text.partition(" FROM ")[2] == (
        "events_by_time AS e FINAL WHERE e.tenant = {p0:String} AND e.ts >= fromUnixTimestamp64Milli({p1:Int64}, 'UTC')"
        f" AND e.kind IN ({{p2:String}}, {{p3:String}}) AND e.ts <= {at} AND (e.ts, e.id) < ({at}, {{p5:String}})"
        " ORDER BY e.ts desc, e.id desc LIMIT {p6:Int64}"
    )
    assert query.parameters == {"p0": "t", "p1": 1, "p2": "a", "p3": "b", "p4": 9, "p5": "x", "p6": 2}


def table_of(query: Query) -> str:
    return query.text.partition(" FROM ")[2].partition(" ")[0]


def test_services_are_read_where_they_lie_unless_more_is_asked_than_that_table_has() -> None:
    service = EventFilter(tenant="t", services=("checkout", "cart"), kinds=("deployment",), statuses=("failure",), environments=("prod",))
    assert table_of(sql_events.select_events(service, Page(limit=2))) == "events_by_service"
    assert table_of(sql_events.count(service)) == "events_by_service"
    assert table_of(sql_events.select_histogram(service, 1_000, "kind")) == "events_by_service"
    assert table_of(sql_events.select_histogram(service, 1_000, "priority")) == "events_by_time"
    beyond: tuple[dict[str, Any], ...] = (
        *({"priorities": ("P1",)}, {"teams": ("a",)}, {"words": "x"}, {"tags": (("a", "b"),)}),
        *({"services": ("",)}, {"services": ()}),
    )
    for more in beyond:
        where = msgspec.structs.replace(service, **more)
        assert table_of(sql_events.select_events(where, Page(limit=2))) == "events_by_time", more
    edges = Edges(1, 2, 3)
    assert table_of(sql_events.select_events(service, Page(limit=2), edges)) == "events_by_time"


def test_open_problems_are_not_looked_for_among_the_closed() -> None:
    text = sql_problems.select_problems(ProblemFilter(tenant="t", now=5, state="open"), Page(limit=1)).text
    assert "problems_open" in text
    assert "problems_closed" not in text


def test_the_expressions_of_the_indexes_are_those_of_the_tables() -> None:
    """A skip index is used only for the very expression that it was made of."""

    def indexed(name: str) -> str:
        table = files("causeline.schemas").joinpath("clickhouse", "0009_events_by_time.sql").read_text()
        index = re.search(rf"INDEX\s+{name} (.+) TYPE ", table)
        assert index is not None
        return re.sub(r"(?<![\w`.'])(`?end`?|start|ts|title_text|id)(?![\w(])", r"e.\1", index[1])

    window, page = sql_events.select_changes(CHANGES).text, sql_events.select_events(WHERE, PAGE).text
    assert f"{indexed('by_span_start')} <=" in window
    assert f"{indexed('by_span_end')} >=" in window
    assert f"hasAllTokens({indexed('by_words')}, " in page
    assert f"{indexed('by_low_bits')} =" in sql_events.event_by_low("t", 1, None).text
