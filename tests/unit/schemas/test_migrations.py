import json
import re
from importlib.resources import files
from typing import Any, Final

import msgspec
import pytest

from causeline.schemas.migrations import TableLayout, migrations, retention, statements
from causeline.schemas.records.causes import CauseRevision
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem

COLUMN = re.compile(
    r"^\s+`?(\w+)`?\s+((?:LowCardinality|String|UInt|Float64|DateTime64|Nullable|Map|Array).*?)(?: CODEC.*)?,?$", re.MULTILINE
)

ADDED = re.compile(r"^\s+ADD COLUMN IF NOT EXISTS `?(\w+)`? (.*?)(?: CODEC.*)?,?$", re.MULTILINE)

AVRO_TYPES = {
    '"string"': {"String", "LowCardinality(String)"},
    '{"type": "string", "logicalType": "uuid"}': {"String"},
    '"bytes"': {"String"},
    '"long"': {"UInt64"},
    '"boolean"': {"UInt8"},
    '{"type": "long", "logicalType": "timestamp-millis"}': {"DateTime64(3, 'UTC')"},
    '["null", {"type": "long", "logicalType": "timestamp-millis"}]': {"Nullable(DateTime64(3, 'UTC'))"},
    '"double"': {"Float64"},
    '{"type": "map", "values": "string"}': {"Map(String, String)"},
    '{"type": "array", "items": "string"}': {"Array(String)"},
    '{"type": "array", "items": "long"}': {"Array(Int64)"},
}


MEMBER_TYPES = {'"string"': "String", '"double"': "Float64", '{"type": "long", "logicalType": "timestamp-millis"}': "Int64"}
"""Of what lies in an array of records: a time is a number there."""


def column_types(kind: object) -> set[str]:
    """The types that the column of a field may have."""
    return {member_type(kind)} if isinstance(kind, dict) and isinstance(kind.get("items"), dict) else AVRO_TYPES[json.dumps(kind)]


def member_type(kind: Any) -> str:
    if not isinstance(kind, dict) or kind["type"] != "array":
        return MEMBER_TYPES[json.dumps(kind)]
    members = ", ".join(f"{field['name']} {member_type(field['type'])}" for field in kind["items"]["fields"])
    return f"Array(Tuple({members}))"


def one_line_each(definitions: str) -> str:
    """The columns of a table, one a line: a tuple may be written over several."""
    lines = [""]
    for line in definitions.splitlines():
        is_inside = lines[-1].count("(") > lines[-1].count(")")
        lines[-1:] = [f"{lines[-1]}{'' if lines[-1].endswith('(') else ' '}{line.strip()}"] if is_inside else [lines[-1], line]
    return "\n".join(lines)


def table(name: str) -> dict[str, str]:
    """The columns of a table with their types, as the migrations state them: as it was made, and what was added. An alias is no column."""
    columns: dict[str, str] = {}
    for migration in migrations():
        for statement in statements(migration.template, TableLayout()):
            if statement.startswith(f"CREATE TABLE IF NOT EXISTS causeline.{name} "):
                columns = dict(COLUMN.findall(one_line_each(statement.partition("(")[2])))
            elif statement.startswith(f"ALTER TABLE causeline.{name} "):
                columns |= {column: kind for column, kind in ADDED.findall(statement) if "ALIAS" not in kind}
    return columns


@pytest.mark.parametrize(
    ("name", "avsc", "struct"),
    [
        ("events", "event.v3.avsc", Event),
        ("problem_transitions", "problem.v1.avsc", Problem),
        ("deliveries", "delivery.v1.avsc", Delivery),
        ("cause_revisions", "causes.v1.avsc", CauseRevision),
    ],
)
def test_table_schema_and_struct_have_the_same_columns(name: str, avsc: str, struct: type[msgspec.Struct]) -> None:
    fields = json.loads(files("causeline.schemas").joinpath("avro", avsc).read_text("utf-8"))["fields"]
    columns = table(name)
    assert list(columns) == [field["name"] for field in fields] == list(struct.__struct_fields__)
    for field in fields:
        assert columns[field["name"]] in column_types(field["type"]), field["name"]


def test_statements_are_idempotent_so_that_two_processes_may_apply_them_at_once() -> None:
    for migration in migrations():
        for statement in statements(migration.template, TableLayout()):
            assert re.search(r"\bIF (NOT )?EXISTS\b|\bMODIFY (SETTING|QUERY)\b|\bMATERIALIZE INDEX\b", statement), statement


def test_no_table_deduplicates_blocks_and_every_table_is_durable() -> None:
    for migration in migrations():
        for statement in statements(migration.template, TableLayout()):
            if "MergeTree(" in statement:
                assert "fsync_after_insert = 1, fsync_part_directory = 1" in statement
                assert "non_replicated_deduplication_window = 0" in statement or "schema_migrations" in statement


def test_on_one_server_the_engines_are_plain() -> None:
    rendered = "\n".join(s for m in migrations() for s in statements(m.template, TableLayout(database="db_1")))
    assert "Replicated" not in rendered
    assert "ON CLUSTER" not in rendered
    assert "CREATE TABLE IF NOT EXISTS db_1.events " in rendered
    assert "$" not in rendered


def test_on_a_cluster_every_statement_runs_everywhere_and_every_table_is_replicated() -> None:
    layout = TableLayout(cluster="main")
    of_retention = [table.statement for table in retention(layout)]
    for statement in [*(s for m in migrations() for s in statements(m.template, layout)), *of_retention]:
        assert "ON CLUSTER main" in statement
        assert re.findall(r"(\w*)MergeTree\(", statement) in ([], ["ReplicatedReplacing"])


def test_retention_says_the_days_of_the_setting() -> None:
    tables = retention(TableLayout(database="db_1", cluster="main", retention_days=90))
    assert all(table.ttl.endswith((" + toIntervalDay(90)", " + toIntervalDay(31 + 90)")) for table in tables)
    assert all(table.statement == f"ALTER TABLE db_1.{table.table} ON CLUSTER main MODIFY TTL {table.ttl}" for table in tables)


FOR_EVER: Final = {
    "schema_migrations": "what was applied",
    "migration_steps": "what of a copy is done",
    "problems_open": "open problems, however old; the closing versions take themselves along",
    "events": "keeps rows only until they lie in the tables that are read",
}


def test_every_table_says_how_long_its_rows_stay_or_is_listed_here() -> None:
    """A table without a retention grows for ever, and nobody sees it before the disk is full."""
    rendered = [s for m in migrations() for s in statements(m.template, TableLayout())]
    created = {match[1]: s for s in rendered if (match := re.match(r"CREATE TABLE IF NOT EXISTS \w+\.(\w+)", s))}
    own = {name for name, statement in created.items() if re.search(r"^TTL ", statement, re.MULTILINE)}
    assert own | {table.table for table in retention(TableLayout())} | FOR_EVER.keys() == created.keys()


@pytest.mark.parametrize("name", ["", "a b", "a;DROP", "a`", "1st", "ü", "x" * 65])
def test_a_name_that_is_not_an_identifier_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not a name"):
        TableLayout(database=name).values()


def test_retention_of_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        TableLayout(retention_days=0).values()


def test_comments_and_blank_statements_are_left_out() -> None:
    template = "-- a; comment;\nSELECT ';' AS x; \n\n  -- another\nSELECT 2\n  FROM ${database}.t;\n"
    assert statements(template, TableLayout()) == ["SELECT ';' AS x", "SELECT 2\n  FROM causeline.t"]
