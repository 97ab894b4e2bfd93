"""The statements of DORA questions: values are bound, each table is read for one tenant, an index's expression is the table's."""

import re
from importlib.resources import files
from typing import Final

import msgspec
import pytest

from causeline.query_api.dora.dora_facts import ChangeFact
from causeline.query_api.questions.dora_query import IncidentQuery, RolloutQuery
from causeline.query_api.sql import dora as sql_dora
from causeline.query_api.sql.statements import Query

EVIL: Final = "'; DROP TABLE events; -- {p0:String} \\"
ROLLOUTS: Final = RolloutQuery(tenant=EVIL, groups=(EVIL,), from_ms=1, to_ms=2, services=(EVIL,), environments=(EVIL,), tags=(EVIL,))
INCIDENTS: Final = IncidentQuery(tenant=EVIL, groups=(EVIL,), from_ms=1, to_ms=2, now=3)
BY_IDS: Final = msgspec.structs.replace(INCIDENTS, ids=(EVIL,))
QUERIES: Final = [
    sql_dora.select_rollout_events(ROLLOUTS),
    sql_dora.select_rollout_events(msgspec.structs.replace(ROLLOUTS, ids=(EVIL,))),
    sql_dora.select_commit_events(ROLLOUTS, 0),
    *(select(asked) for asked in (INCIDENTS, BY_IDS) for select in (sql_dora.select_problem_states, sql_dora.select_problem_events)),
    sql_dora.select_named_events(INCIDENTS, [EVIL]),
    sql_dora.select_likely_causes(INCIDENTS),
    sql_dora.select_problem_scopes(EVIL, (EVIL,)),
]


@pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])
def test_every_value_of_a_dora_question_is_bound(query: Query) -> None:
    assert "DROP" not in query.text
    names = re.findall(r"\{(p\d+):(?:String|Int64|Array\(String\))\}", query.text)
    assert set(names) == set(query.parameters)
    assert query.tenant == EVIL


@pytest.mark.parametrize("query", QUERIES, ids=[query.name for query in QUERIES])
def test_every_table_of_a_dora_question_is_read_for_one_tenant(query: Query) -> None:
    """Each place that names a table is followed by a condition on the tenant's column, bound to the tenant."""
    own = {name for name, value in query.parameters.items() if value == EVIL}
    tables = re.findall(r"FROM (dora_events|problems_open|problems_closed|cause_revisions|event_keys)\b(.*?)(?= FROM |$)", query.text)
    assert tables
    for table, rest in tables:
        bound = re.search(r"WHERE (?:\w\.)?tenant = \{(p\d+):String\}", rest)
        assert bound is not None, table
        assert bound[1] in own


def test_a_window_is_looked_up_by_the_index_of_ends() -> None:
    table = files("causeline.schemas").joinpath("clickhouse", "0013_dora_events.sql").read_text()
    index = re.search(r"INDEX by_end (.+) TYPE ", table)
    assert index is not None
    assert f"{index[1].replace('`end`', 'e.`end`').replace(', ts', ', e.ts')} >= " in sql_dora.select_rollout_events(ROLLOUTS).text


def test_a_row_of_a_change_has_the_members_of_a_fact_in_their_order() -> None:
    columns = sql_dora.select_rollout_events(ROLLOUTS).text.partition(" FROM dora_events")[0]
    named = [re.sub(r"`|^e\.", "", name) for name in re.findall(r"e\.`?\w+`?", columns)]
    assert list(dict.fromkeys(name for name in named if name != "commit_times")) == list(ChangeFact.__struct_fields__)
