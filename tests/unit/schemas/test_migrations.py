import json
import re
from importlib.resources import files

import msgspec
import pytest

from causeline.schemas.migrations import TableLayout, migrations, retention, statements
from causeline.schemas.records.delivery import Delivery
from causeline.schemas.records.event import Event
from causeline.schemas.records.problem import Problem

COLUMN = re.compile(r"^\s+`?(\w+)`?\s+((?:LowCardinality|String|UInt|DateTime64|Nullable|Map|Array).*?)(?: CODEC.*)?,?$", re.MULTILINE)

ADDED = re.compile(r"^\s+ADD COLUMN IF NOT EXISTS `?(\w+)`? (.*?)(?: CODEC.*)?,?$", re.MULTILINE)

AVRO_TYPES = {
    '"string"': {"String", "LowCardinality(String)"},
    '{"type": "string", "logicalType": "uuid"}': {"String"},
    '"bytes"': {"String"},
    '"long"': {"UInt64"},
    '"boolean"': {"UInt8"},
    '{"type": "long", "logicalType": "timestamp-millis"}': {"DateTime64(3, 'UTC')"},
    '["null", {"type": "long", "logicalType": "timestamp-millis"}]': {"Nullable(DateTime64(3, 'UTC'))"},
    '{"type": "map", "values": "string"}': {"Map(String, String)"},
    '{"type": "array", "items": "string"}': {"Array(String)"},
}


def table(name: str) -> dict[str, str]:
    """The columns of a table with their types, as the migrations state them: as it was made, and what was added. An alias is no column."""
    columns: dict[str, str] = {}
    for migration in migrations():
        for statement in statements(migration.template, TableLayout()):
            if statement.startswith(f"CREATE TABLE IF NOT EXISTS causeline.{name} "):
                columns = dict(COLUMN.findall(statement.partition("(")[2]))
            elif statement.startswith(f"ALTER TABLE causeline.{name} "):
                columns |= {column: kind for column, kind in ADDED.findall(statement) if "ALIAS" not in kind}
    return columns


@pytest.mark.parametrize(
    ("name", "avsc", "struct"),
    [
        ("events", "event.v2.avsc", Event),
        ("problem_transitions", "problem.v1.avsc", Problem),
        ("deliveries", "delivery.v1.avsc", Delivery),
    ],
)
def test_table_schema_and_struct_have_the_same_columns(name: str, avsc: str, struct: type[msgspec.Struct]) -> None:
    fields = json.loads(files("causeline.schemas").joinpath("avro", avsc).read_text("utf-8"))["fields"]
    columns = table(name)
    assert list(columns) == [field["name"] for field in fields] == list(struct.__struct_fields__)
    for field in fields:
        assert columns[field["name"]] in AVRO_TYPES[json.dumps(field["type"])], field["name"]


def test_statements_are_idempotent_so_that_two_processes_may_apply_them_at_once() -> None:
    for migration in migrations():
        for statement in statements(migration.template, TableLayout()):
            assert re.search(r"\bIF (NOT )?EXISTS\b|\bMODIFY SETTING\b|\bMATERIALIZE INDEX\b", statement), statement


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
    for statement in [*(s for m in migrations() for s in statements(m.template, layout)), *retention(layout)]:
        assert "ON CLUSTER main" in statement
        assert re.findall(r"(\w*)MergeTree\(", statement) in ([], ["ReplicatedReplacing"])


def test_retention_says_the_days_of_the_setting() -> None:
    retention_statements = retention(TableLayout(retention_days=90))
    assert len(retention_statements) == 5
    assert all("toIntervalDay(90)" in s or "toIntervalDay(31 + 90)" in s for s in retention_statements)


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
