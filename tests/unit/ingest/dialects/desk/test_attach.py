import json
from typing import Any

import pytest

from causeline.ingest.dialects.desk.body import DeskRules
from causeline.schemas.dialects.desk.vocabulary import VOCABULARY
from causeline.schemas.web.errors import Invalid, Malformed, TooLarge
from tests.desk_samples import DOCUMENT_BODY, MINUTE, NOW, POSSIBLE_VALUES, event_of, minimal, pushed

RULE = {"meTypes": ["HOST"], "tags": [{"context": "AWS", "key": "Name", "value": "x"}]}


def with_rules(attach: Any, **more: Any) -> dict[str, Any]:
    return minimal("CUSTOM_INFO", attachRules=attach, **more)


def targets(attach: Any, tenant: str = "default", rules: DeskRules | None = None) -> list[str]:
    """Return the targets of the events that a push stores."""
    return [event_of(record).entities[0] for record in pushed(with_rules(attach), tenant=tenant, rules=rules).records]


@pytest.mark.parametrize(
    "attach",
    [
        {},
        {"entityIds": []},
        {"entityIds": [], "tagRule": []},
        {"entityIds": None, "tagRule": None},
        {"entityIds": "", "tagRule": [None]},
        {"entityIds": [None, "", "  "]},
        {"unknown": ["HOST-1"]},
    ],
)
def test_neither_an_id_nor_a_tag_is_refused(attach: Any) -> None:
    with pytest.raises(Invalid) as refused:
        targets(attach)
    assert refused.value.message == "Invalid attachRules object provided. At least one entity ID or tag is required."


@pytest.mark.parametrize(
    ("attach", "count"),
    [
        ({"entityIds": ["HOST-1"]}, 1),
        ({"entityIds": ["HOST-1"], "tagRule": []}, 1),
        ({"entityIds": ["HOST-1"], "tagRule": None}, 1),
        ({"tagRule": [RULE]}, 1),
        ({"entityIds": ["HOST-1"], "tagRule": [RULE]}, 2),
        ({"entityIds": ["anything at all"]}, 1),
        ({"tagRule": [RULE, RULE]}, 1),
        ({"tagRule": [{**RULE, "meTypes": ["HOST", "SERVICE", "HOST"]}]}, 2),
        ({"tagRule": [RULE, {**RULE, "tags": ["other"]}]}, 2),
    ],
)
def test_ids_and_rules_are_united(attach: Any, count: int) -> None:
    assert len(targets(attach)) == count


@pytest.mark.parametrize(
    ("rule", "missing"),
    [
        ({}, ["attachRules.tagRule[0].meTypes", "attachRules.tagRule[0].tags"]),
        ({"meTypes": ["HOST"]}, ["attachRules.tagRule[0].tags"]),
        ({"tags": ["x"]}, ["attachRules.tagRule[0].meTypes"]),
        ({"meTypes": [], "tags": [" "]}, ["attachRules.tagRule[0].meTypes", "attachRules.tagRule[0].tags"]),
        ({"meTypes": ["HOST"], "tags": [{}]}, ["attachRules.tagRule[0].tags[0].context", "attachRules.tagRule[0].tags[0].key"]),
        ({"meTypes": ["HOST"], "tags": [{"context": "AWS"}]}, ["attachRules.tagRule[0].tags[0].key"]),
        ({"meTypes": ["HOST"], "tags": [{"key": "k"}]}, ["attachRules.tagRule[0].tags[0].context"]),
        ({"meTypes": ["HOST"], "tags": [":value"]}, ["attachRules.tagRule[0].tags[0].key"]),
    ],
)
def test_an_incomplete_rule_is_refused_even_beside_an_id(rule: Any, missing: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        targets({"entityIds": ["HOST-1"], "tagRule": [rule]})
    assert [field.field for field in refused.value.fields] == missing


@pytest.mark.parametrize("context", POSSIBLE_VALUES["context"])
def test_every_context_is_accepted(context: str) -> None:
    assert targets({"tagRule": [{"meTypes": ["HOST"], "tags": [{"context": context, "key": "k"}]}]})


@pytest.mark.parametrize("me_type", [*POSSIBLE_VALUES["items"], *sorted(VOCABULARY.me_types_later)])
def test_every_entity_type_is_accepted(me_type: str) -> None:
    (target,) = targets({"tagRule": [{"meTypes": [me_type], "tags": ["x"]}]})
    front, digits = target.rsplit("-", 1)
    assert (front, len(digits)) == (me_type, 16)
    assert digits == f"{int(digits, 16):016X}"


@pytest.mark.parametrize(
    ("attach", "path"),
    [
        ({"tagRule": [{**RULE, "meTypes": ["host"]}]}, "attachRules.tagRule[0].meTypes[0]"),
        ({"tagRule": [RULE, {**RULE, "meTypes": "NOTHING"}]}, "attachRules.tagRule[1].meTypes"),
        ({"tagRule": [{**RULE, "tags": [{"context": "aws", "key": "k"}]}]}, "attachRules.tagRule[0].tags[0].context"),
        ({"tagRule": {**RULE, "tags": ["x", "[NOWHERE]k"]}}, "attachRules.tagRule.tags[1].context"),
        ({"tagRule": {**RULE, "tags": [["x"]]}}, "attachRules.tagRule.tags[0]"),
        ({"tagRule": {**RULE, "tags": [{"context": "AWS", "key": {}}]}}, "attachRules.tagRule.tags[0].key"),
        ({"tagRule": ["HOST"]}, "attachRules.tagRule[0]"),
        ({"tagRule": "HOST"}, "attachRules.tagRule"),
        ({"entityIds": [["x"]]}, "attachRules.entityIds[0]"),
        ({"entityIds": {"id": "x"}}, "attachRules.entityIds"),
    ],
)
def test_a_wrong_type_or_an_unknown_value_is_named_by_its_path(attach: Any, path: str) -> None:
    with pytest.raises(Malformed) as refused:
        targets(attach)
    assert refused.value.message == f"Could not map JSON at '{path}'"


def test_one_event_and_one_id_for_every_distinct_target_with_one_suffix() -> None:
    outcome = pushed(with_rules({"entityIds": ["A-1", "B-2", "A-1", "C-3", "B-2"]}))
    assert [event_of(record).entities for record in outcome.records] == [["A-1"], ["B-2"], ["C-3"]]
    assert len(set(outcome.result["storedEventIds"])) == 3
    assert outcome.result["storedIds"] == [f"{low}_{NOW}" for low in outcome.result["storedEventIds"]]


TAG = {"context": "AWS", "key": "Name", "value": "x"}
CANONICAL = {"meTypes": ["HOST"], "tags": [TAG]}


@pytest.mark.parametrize(
    "rule",
    [
        [CANONICAL],
        CANONICAL,
        [{**CANONICAL, "meTypes": "HOST"}],
        {"meTypes": ["HOST", None], "tags": TAG},
        [{**CANONICAL, "tags": "[AWS]Name:x"}],
        [None, {**CANONICAL, "tags": ["[AWS]Name:x", None]}],
        [{**CANONICAL, "tags": ["[AWS]Name:x", TAG]}],
    ],
)
def test_other_forms_of_a_rule_mean_the_canonical_one(rule: Any) -> None:
    (record,) = pushed(with_rules({"tagRule": rule})).records
    (canonical,) = pushed(with_rules({"tagRule": [CANONICAL]})).records
    assert record.event == canonical.event


@pytest.mark.parametrize(
    ("tag", "shown"),
    [
        ("PRODUCTION", {"context": "CONTEXTLESS", "key": "PRODUCTION"}),
        ("stage:production", {"context": "CONTEXTLESS", "key": "stage", "value": "production"}),
        ("url:http://x:80", {"context": "CONTEXTLESS", "key": "url", "value": "http://x:80"}),
        ("[KUBERNETES]app", {"context": "KUBERNETES", "key": "app"}),
        ("[AWS]Name:a\nb", {"context": "AWS", "key": "Name", "value": "a\nb"}),
        ("k:", {"context": "CONTEXTLESS", "key": "k"}),
        ({"context": "CONTEXTLESS", "key": "stage", "value": "x"}, {"context": "CONTEXTLESS", "key": "stage", "value": "x"}),
        ({"context": "AWS", "key": 5, "value": None}, {"context": "AWS", "key": "5"}),
    ],
)
def test_a_tag_may_be_text_and_a_custom_tag_may_have_a_value(tag: Any, shown: dict[str, str]) -> None:
    (record,) = pushed(with_rules({"tagRule": {"meTypes": "HOST", "tags": tag}})).records
    assert json.loads(event_of(record).raw)["tags"] == [shown]


def test_a_virtual_entity_depends_on_environment_type_and_tags_but_not_on_their_order() -> None:
    def entity(me_type: str, *tags: str, tenant: str = "default") -> str:
        (entities,) = targets({"tagRule": [{"meTypes": me_type, "tags": list(tags)}]}, tenant)
        return entities

    assert entity("HOST", "a", "b") == entity("HOST", "b", "a", "b")
    assert len({entity("HOST", "a"), entity("HOST", "b"), entity("SERVICE", "a"), entity("HOST", "a", tenant="other")}) == 4


@pytest.mark.parametrize(
    ("name", "length", "good"), [("key", 2000, True), ("key", 2001, False), ("value", 2000, True), ("value", 2001, False)]
)
def test_keys_and_values_of_tags_have_at_most_2000_characters(name: str, length: int, good: bool) -> None:  # noqa: FBT001 - a row of the table
    attach = {"tagRule": {"meTypes": "HOST", "tags": {"context": "AWS", "key": "k", "value": "v", name: "é" * length}}}
    if good:
        assert targets(attach)
        return
    with pytest.raises(Invalid, match="Constraints violated") as refused:
        targets(attach)
    assert refused.value.fields[0].field == f"attachRules.tagRule.tags.{name}"


def test_strict_mode_keeps_known_entities_only() -> None:
    (virtual,) = targets({"tagRule": [RULE]})
    desk_rules = DeskRules(entities=frozenset({"HOST-1", virtual}))
    assert targets({"entityIds": ["HOST-2", "HOST-1"], "tagRule": [RULE]}, rules=desk_rules) == ["HOST-1", virtual]


def test_strict_mode_without_a_match_says_what_was_looked_for() -> None:
    with pytest.raises(Invalid) as refused:
        targets({"tagRule": [RULE]}, rules=DeskRules(entities=frozenset({"HOST-1"})))
    assert refused.value.message == (
        "Invalid attachRules object provided. No entity IDs match: Matching rule: PushEventAttachRules{entityIds=null, "
        "tagRules=[TagMatchRule{meTypes=[HOST], tags=[TagInfo{context=AWS, key=Name, value=x}]}]}"
    )
    with pytest.raises(Invalid, match=r"PushEventAttachRules\{entityIds=\[HOST-2\], tagRules=null\}"):
        targets({"entityIds": ["HOST-2"]}, rules=DeskRules(entities=frozenset({"HOST-1"})))


def test_a_thousand_targets_are_stored_and_one_more_is_refused() -> None:
    assert len(targets({"entityIds": [f"HOST-{i}" for i in range(1000)]})) == 1000
    with pytest.raises(Invalid, match="More than 1000 entities match"):
        targets({"entityIds": [f"HOST-{i}" for i in range(1001)]})


def test_a_push_whose_copies_would_fill_the_memory_is_too_large() -> None:
    attach = {"entityIds": [f"HOST-{i}" for i in range(1000)]}
    with pytest.raises(TooLarge):
        pushed(with_rules(attach, description="x" * 17_000))
    assert len(pushed(with_rules(attach, description="x" * 10_000)).records) == 1000


def test_a_broken_limit_of_the_start_is_told_before_missing_targets() -> None:
    with pytest.raises(Invalid, match="Constraints violated"):
        pushed(minimal("ERROR_EVENT", attachRules={}, start=NOW - 61 * MINUTE))


def test_the_body_of_the_document_names_one_entity() -> None:
    (record,) = pushed(DOCUMENT_BODY).records
    (entity,) = event_of(record).entities
    assert entity.startswith("CUSTOM_DEVICE-")
