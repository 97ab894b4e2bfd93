import pytest

from causeline.schemas.dialects.desk.vocabulary import CUSTOM_ALERT, VOCABULARY, StoredId, parse_stored_id, stored_id, tenant_of
from causeline.schemas.values import ids
from causeline.schemas.web.errors import NotFound
from tests.desk_samples import POSSIBLE_VALUES, PROBLEM_TYPES, TABLE


def test_the_rules_of_every_element_and_event_type_are_those_of_the_document() -> None:
    assert set(TABLE) == set(VOCABULARY.elements)
    assert len(TABLE) == 21
    for event_type, event_type_rules in VOCABULARY.event_types.items():
        if event_type != CUSTOM_ALERT:
            assert event_type_rules.rules == {element: row[event_type] for element, row in TABLE.items()}


def test_the_possible_values_are_those_of_the_document() -> None:
    assert set(VOCABULARY.event_types) == {*POSSIBLE_VALUES["eventType"], CUSTOM_ALERT}
    assert sorted(POSSIBLE_VALUES["context"]) == sorted(VOCABULARY.contexts)
    assert sorted(POSSIBLE_VALUES["items"]) == sorted(VOCABULARY.me_types)
    assert not VOCABULARY.me_types & VOCABULARY.me_types_later
    assert set(VOCABULARY.event_types) <= VOCABULARY.queried_event_types


def test_four_types_open_problems_and_the_others_only_inform() -> None:
    assert {name for name, t in VOCABULARY.event_types.items() if t.opens_problem} == {*PROBLEM_TYPES, CUSTOM_ALERT}
    for name in POSSIBLE_VALUES["eventType"]:
        event_type_rules = VOCABULARY.event_types[name]
        assert event_type_rules.max_past_ms == (60 if name in PROBLEM_TYPES else 30 * 24 * 60) * 60_000
        assert bool(event_type_rules.severity) == (name in PROBLEM_TYPES)
    assert (VOCABULARY.timeout_default_min, VOCABULARY.timeout_max_min) == (15, 120)


@pytest.mark.parametrize(
    ("params", "headers", "tenant"),
    [
        ({}, {}, None),
        ({}, {"host": "127.0.0.1:8080"}, None),
        ({}, {"host": "mySampleEnv.live.dexp.ae"}, "mysampleenv"),
        ({}, {"host": "MYSAMPLEENV.LIVE.DEXP.AE:443"}, "mysampleenv"),
        ({}, {"host": "live.dexp.ae"}, None),
        ({}, {"host": "a.live.dexp.ae.example.org"}, None),
        ({}, {"host": "bad env.live.dexp.ae"}, None),
        ({"env": "Env-1.x_Y"}, {"host": "other.live.dexp.ae"}, "Env-1.x_Y"),
        ({"env": "x" * 128}, {}, "x" * 128),
    ],
)
def test_the_environment_is_in_the_path_else_the_first_label_of_the_host(
    params: dict[str, str], headers: dict[str, str], tenant: str | None
) -> None:
    assert tenant_of(params, headers) == tenant


@pytest.mark.parametrize("env", ["", "x" * 129, "a b", "ü", "a/b", "%2e"])
def test_a_path_that_cannot_name_an_environment_is_not_found(env: str) -> None:
    with pytest.raises(NotFound):
        tenant_of({"env": env}, {})


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("-6153476110846051426_1533300519291", StoredId(-6153476110846051426, 1533300519291)),
        ("-6153476110846051426", StoredId(-6153476110846051426, None)),
        ("0", StoredId(0, None)),
        ("9223372036854775807_0", StoredId(2**63 - 1, 0)),
        ("9223372036854775808", None),
        ("-9223372036854775809", None),
        ("query", None),
        ("", None),
        ("_1", None),
        ("1_", None),
        ("1_2_3", None),
        ("1.0", None),
        ("+1", None),
        ("\u0661", None),
        ("1" * 5000, None),
    ],
)
def test_an_event_id_is_an_integer_or_an_integer_and_a_time(text: str, wanted: StoredId | None) -> None:
    assert parse_stored_id(text) == wanted


def test_a_stored_id_carries_the_low_half_of_the_id_and_the_start() -> None:
    event_id = ids.uuid7(1533300519291, b"\xff" * 10)
    text = stored_id(event_id, 1533300519291)
    assert parse_stored_id(text) == StoredId(ids.signed_low(event_id), 1533300519291)
    assert text.startswith("-")
