import pytest

from causeline.schemas.wire import codec, locked
from tests.unit.schemas.wire.made_up import grown


def test_the_schemas_are_those_of_the_registry_in_the_order_of_the_lock() -> None:
    assert {schema.id: schema for schema in locked.locked_schemas()} == codec.registry()


def test_a_layout_is_the_fields_as_they_stand_in_a_datum() -> None:
    layout = locked.layout_of(locked.schema_of("event", 1))
    assert layout.frame == b"\x00\x00\x00\x00\x01"
    assert layout.names[:4] == ("tenant", "id", "version", "is_deleted")
    shapes = dict(layout.fields)
    assert [shapes[name] for name in ("id", "version", "is_deleted", "ts", "start")] == ["text", "long", "boolean", "long", "optional long"]
    assert [shapes[name] for name in ("tags", "entities", "raw")] == ["map", "texts", "text"]
    assert dict(locked.newest_layout("dead_letter").fields)["value"] == "bytes"


@pytest.mark.parametrize("subject", sorted({schema.subject for schema in locked.locked_schemas()} - {"causes"}))
def test_every_locked_schema_has_a_layout_but_the_one_with_lists_of_records(subject: str) -> None:
    assert locked.newest_layout(subject).names == tuple(field["name"] for field in codec.latest(subject).definition["fields"])


@pytest.mark.parametrize("kind", ["float", {"type": "map", "values": "long"}, ["string", "null"], {"type": "enum"}], ids=repr)
def test_a_type_that_no_record_has_is_refused(kind: object) -> None:
    with pytest.raises(ValueError, match="no shape is known"):
        locked.layout_of(grown("event", 1, {"name": "new", "type": kind}, None))


def test_what_lies_between_two_fields_is_said_in_order() -> None:
    layout = locked.newest_layout("event")
    assert [field.name for field in layout.between("environment", "title")] == ["priority", "severity"]
    assert layout.between("title", "text") == ()
    for one, other in (("text", "title"), ("text", "text"), ("text", "no such field")):
        with pytest.raises(ValueError, match=r"not behind|not in tuple"):
            layout.between(one, other)


def test_what_was_written_for_a_version_says_so_when_a_newer_one_is_locked() -> None:
    assert locked.newest_known("ingest", 3) == locked.newest_layout("ingest")
    with pytest.raises(ValueError, match="ingest v1 is not the newest that is locked"):
        locked.newest_known("ingest", 1)
    with pytest.raises(ValueError, match="ingest v9 is not locked"):
        locked.newest_known("ingest", 9)
