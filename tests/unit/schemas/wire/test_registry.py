import copy
import itertools
import json
from importlib.resources import files
from typing import Any

import pytest
from avro.compatibility import ReaderWriterCompatibilityChecker, SchemaCompatibilityType
from avro.schema import Schema, parse

from causeline.schemas.wire import codec

LOCKED = {
    ("event", 1, 1): "3f070c9c86a09d79c04e834717181158b3d5b769ce0d9e316a89e069edf9b1dd",
    ("problem", 1, 2): "b46f9697a62d8645a605203acfc82ffaadc9b940bd0377b9168251edc133a648",
    ("ingest", 1, 3): "8f0627c4f3b4235fe2f5c2c325dd8c2309e52f38a740034a3af239d8f262ad37",
    ("dead_letter", 1, 4): "22522850eda435c1ba3d037b19eafc7edbc291dc3696fecce2ddd0bc7a0d74e3",
    ("config", 1, 5): "ae5c8eb4a46f69c4e888648e5920d4e94d1627be6e0d160e2cf21c9f3244b566",
    ("delivery", 1, 6): "f8cb651b17649b025869a57b1231ff9b2e1f9dfe8e071684371d4f60e53a3e45",
    ("ingest", 2, 7): "8c157c01a93bcd08d36da46a6629a30ce9d9a275df8cf8e2eb9439b32930cd5d",
    ("event", 2, 8): "ebaeff5f4338ed42bc44f3c5d17ad48710e043364ae262f80c818c741e22c273",
    ("ingest", 3, 9): "fe96d0a07ea35fb7e98b21f50d3f0969a961396c6df22503ce84d373714f2d7f",
    ("causes", 1, 10): "748ca3efe05a34f9bd266b525b65a08c7933def5d9424907a571806cdfbc1247",
    ("event", 3, 11): "14f7433bb3a9b5d77c716d72470b26a8db61cdb3d5559cfdf5eaf5bc89264e74",
}
"""What has been published. Entries are added when a version is published; none is ever changed or taken away."""

SUBJECTS = {"event", "problem", "ingest", "dead_letter", "config", "delivery", "causes"}


def compatible(reader: dict[str, Any], writer: dict[str, Any]) -> bool:
    result = ReaderWriterCompatibilityChecker().get_compatibility(schema(reader), schema(writer))
    return bool(result.compatibility is SchemaCompatibilityType.compatible)


def schema(definition: dict[str, Any]) -> Schema:
    return parse(json.dumps(definition))


def test_the_lock_only_grows() -> None:
    fingerprints = {(s.subject, s.version, s.id): s.fingerprint for s in codec.registry().values()}
    assert {entry: fingerprints.get(entry) for entry in LOCKED} == LOCKED
    assert set(fingerprints) == set(LOCKED), "a new version is added to LOCKED in the same change that publishes it"


def test_every_schema_file_is_locked_and_every_lock_entry_has_a_file() -> None:
    names = {entry.name for entry in files("causeline.schemas").joinpath("avro").iterdir() if entry.name.endswith(".avsc")}
    assert names == {f"{s.subject}.v{s.version}.avsc" for s in codec.registry().values()}


def test_ids_are_unique_and_versions_have_no_gap() -> None:
    lock = json.loads(files("causeline.schemas").joinpath("registry.lock.json").read_text("utf-8"))
    assert len({entry["id"] for entry in lock}) == len(lock)
    assert {entry["subject"] for entry in lock} == SUBJECTS
    for subject in SUBJECTS:
        versions = sorted(entry["version"] for entry in lock if entry["subject"] == subject)
        assert versions == list(range(1, len(versions) + 1))


def test_the_newest_reader_reads_every_version_ever_written() -> None:
    for one, other in itertools.product(codec.registry().values(), repeat=2):
        if one.subject == other.subject and one.version >= other.version:
            assert compatible(one.definition, other.definition), f"{one.subject}: v{one.version} cannot read v{other.version}"


def changed(subject: str) -> list[tuple[str, dict[str, Any]]]:
    """Changes that a reader of old records would break on."""
    base = codec.latest(subject).definition
    required = copy.deepcopy(base)
    required["fields"].append({"name": "brand_new", "type": "string"})
    retyped = copy.deepcopy(base)
    retyped["fields"][0]["type"] = "long"
    renamed = copy.deepcopy(base)
    renamed["fields"][0]["name"] = "renamed"
    return [("a field without default", required), ("another type", retyped), ("another name", renamed)]


@pytest.mark.parametrize("subject", sorted(SUBJECTS))
def test_the_compatibility_check_refuses_what_breaks_old_records(subject: str) -> None:
    for what, definition in changed(subject):
        assert not compatible(definition, codec.latest(subject).definition), what
    grown = copy.deepcopy(codec.latest(subject).definition)
    grown["fields"].append({"name": "brand_new", "type": "string", "default": ""})
    assert compatible(grown, codec.latest(subject).definition)


@pytest.mark.parametrize("subject", sorted(SUBJECTS))
def test_any_change_of_a_locked_schema_changes_its_fingerprint(subject: str) -> None:
    for what, definition in changed(subject):
        assert codec.schema_fingerprint(definition) != codec.latest(subject).fingerprint, what


def test_a_fingerprint_ignores_words_for_people() -> None:
    reworded = copy.deepcopy(codec.latest("event").definition)
    reworded["doc"] = "Said otherwise."
    assert codec.schema_fingerprint(reworded) == codec.latest("event").fingerprint
