"""The registry's answers and codes, as the Confluent Schema Registry API Reference has them."""

import json
from collections.abc import Callable

import pytest

from causeline.schemas.catalog import registry_views
from causeline.schemas.catalog.registry_api import REGISTRY, InvalidSchema, InvalidVersion, UnknownSchema, UnknownSubject, UnknownVersion
from causeline.schemas.topics import all_topics
from causeline.schemas.web.errors import RequestError
from causeline.schemas.wire import codec

EVENTS = "causeline.events-value"
PUBLIC = [
    "causeline.causes-value",
    "causeline.dead-letters-value",
    "causeline.deliveries.log-value",
    EVENTS,
    "causeline.problems-value",
    "causeline.problems.current-value",
]


def test_every_public_topic_has_its_subject_and_no_other_topic_has() -> None:
    assert registry_views.names() == sorted(PUBLIC)
    assert registry_views.names() == sorted(registry_views.subject_of(topic.name) for topic in all_topics() if topic.public)
    with pytest.raises(UnknownSubject):
        registry_views.find_subject("causeline.ingest-value")


@pytest.mark.parametrize(
    ("prefix", "count"), [("", 6), (":*:", 6), ("causeline.problems", 2), (":*:causeline.events", 1), ("other", 0)], ids=repr
)
def test_subjects_are_listed_by_prefix(prefix: str, count: int) -> None:
    assert len(registry_views.names(prefix)) == count


@pytest.mark.parametrize("name", PUBLIC)
def test_the_versions_of_a_subject_are_the_locked_ones_in_order(name: str) -> None:
    versions = registry_views.find_subject(name).versions
    assert [one.version for one in versions] == list(range(1, len(versions) + 1))
    assert versions[-1] == codec.latest(versions[0].subject)


def test_latest_is_the_newest_version_and_the_text_is_the_schema() -> None:
    newest = codec.latest("event")
    for number in ("latest", "-1", str(newest.version)):
        answer = registry_views.version_view(EVENTS, registry_views.find_version(EVENTS, number))
        assert set(answer) == {"subject", "version", "id", "schema"}
        assert (answer["subject"], answer["version"], answer["id"]) == (EVENTS, newest.version, newest.id)
        assert json.loads(answer["schema"]) == newest.definition


def test_two_topics_of_one_schema_share_its_id() -> None:
    problem = codec.latest("problem")
    assert registry_views.uses(problem) == [
        {"subject": "causeline.problems-value", "version": problem.version},
        {"subject": "causeline.problems.current-value", "version": problem.version},
    ]


def test_an_internal_schema_resolves_by_its_id_and_has_no_public_subject() -> None:
    ingest = codec.latest("ingest")
    assert registry_views.by_id(str(ingest.id)) == ingest
    assert registry_views.uses(ingest) == []


@pytest.mark.parametrize("name", PUBLIC)
def test_a_locked_schema_is_found_by_its_text_whatever_its_layout_and_documentation(name: str) -> None:
    for schema in registry_views.find_subject(name).versions:
        bare = {**schema.definition, "doc": "other words"}
        for text in (registry_views.schema_text(schema), json.dumps(schema.definition, indent=4), json.dumps(bare)):
            for body in ({"schema": text}, {"schema": text, "schemaType": "AVRO"}, {"schema": text, "references": []}):
                assert registry_views.look_up_schema(name, body) == registry_views.version_view(name, schema)


@pytest.mark.parametrize(
    ("call", "kind", "status", "code"),
    [
        (lambda: registry_views.by_id("4711"), UnknownSchema, 404, 40403),
        (lambda: registry_views.by_id("one"), UnknownSchema, 404, 40403),
        (lambda: registry_views.by_id("٣"), UnknownSchema, 404, 40403),
        (lambda: registry_views.find_subject("nothing-value"), UnknownSubject, 404, 40401),
        (lambda: registry_views.find_version("nothing-value", "1"), UnknownSubject, 404, 40401),
        (lambda: registry_views.find_version(EVENTS, "99"), UnknownVersion, 404, 40402),
        (lambda: registry_views.find_version(EVENTS, str(2**31 - 1)), UnknownVersion, 404, 40402),
        (lambda: registry_views.find_version(EVENTS, "0"), InvalidVersion, 422, 42202),
        (lambda: registry_views.find_version(EVENTS, "-2"), InvalidVersion, 422, 42202),
        (lambda: registry_views.find_version(EVENTS, "newest"), InvalidVersion, 422, 42202),
        (lambda: registry_views.find_version(EVENTS, "٣"), InvalidVersion, 422, 42202),
        (lambda: registry_views.find_version(EVENTS, str(2**31)), InvalidVersion, 422, 42202),
        (lambda: registry_views.find_version(EVENTS, "9" * 5_000), InvalidVersion, 422, 42202),
        (lambda: registry_views.look_up_schema("nothing-value", {"schema": '"string"'}), UnknownSubject, 404, 40401),
        (lambda: registry_views.look_up_schema(EVENTS, {"schema": '"string"'}), UnknownSchema, 404, 40403),
        (lambda: registry_views.look_up_schema(EVENTS, {"schema": '"string"', "schemaType": "JSON"}), InvalidSchema, 422, 42201),
    ],
)
def test_what_is_not_there_has_its_code(call: Callable[[], object], kind: type[RequestError], status: int, code: int) -> None:
    with pytest.raises(kind) as caught:
        call()
    refusal = REGISTRY.refuse(caught.value)
    assert (refusal.status, json.loads(refusal.body)["error_code"]) == (status, code)
    assert refusal.headers["Content-Type"] == "application/vnd.schemaregistry.v1+json"


@pytest.mark.parametrize(
    "body",
    [
        *(None, [], "x", {}, {"schema": None}, {"schema": {"type": "string"}}, {"schema": ""}, {"schema": "{"}, {"schema": "null"}),
        *({"schema": "[" * 100_000}, {"schema": '{"type": "record"}'}, {"schema": '{"type": "record", "name": "x", "fields": 7}'}),
        *({"schema": '"string"', "schemaType": []}, {"schema": '"string"', "schemaType": "JSON"}, {"schema": json.dumps("x" * 5_000)}),
        *({"schema": '"nobody"'}, {"schema": "NaN"}, {"schema": '{"type": "enum", "name": 3}'}, {"schema": '"\\ud800"'}),
        *({"schema": '{"type": ' * 5_000 + '"string"' + "}" * 5_000}, {"schema": '{"type": "fixed", "name": "f"}'}),
    ],
    ids=lambda body: repr(body)[:40],
)
def test_what_is_no_avro_schema_is_refused_in_few_words_however_it_is_broken(body: object) -> None:
    with pytest.raises(InvalidSchema) as caught:
        registry_views.look_up_schema(EVENTS, body)
    assert len(REGISTRY.refuse(caught.value).body) < 1_000
