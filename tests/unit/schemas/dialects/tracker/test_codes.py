from typing import Any

import pytest

from causeline.schemas.dialects.tracker.codes import CODE_FIELDS, CODE_NAMES, CodeField, Profile, name_of, number_of

DOCUMENT: dict[CodeField, dict[int, str]] = {
    "type": {1: "deployment", 2: "operation", 3: "drift", 4: "incident", 5: "rpa"},
    "status": {1: "start", 3: "success", 4: "failure", 5: "warning", 6: "error", 7: "open", 8: "close", 9: "done"},
    "environment": {
        1: "development",
        2: "integration",
        3: "tnr",
        4: "uat",
        5: "recette",
        6: "preproduction",
        7: "production",
        8: "mco",
    },
    "priority": {1: "P1", 2: "P2", 3: "P3", 4: "P4", 5: "P5"},
}
ROWS = [(field, number, name) for field, table in DOCUMENT.items() for number, name in table.items()]


@pytest.mark.parametrize(("field", "number", "name"), ROWS)
def test_a_code_of_the_document_is_read_as_number_string_and_name_and_shown_as_number(field: CodeField, number: int, name: str) -> None:
    assert {name_of(field, form) for form in (number, float(number), str(number), name, name.upper(), name.title())} == {name}
    assert number_of(field, name) == number


@pytest.mark.parametrize(
    ("field", "sent", "name"),
    [
        ("environment", "pre-production", "preproduction"),
        ("environment", "PRE_PRODUCTION", "preproduction"),
        ("environment", "Pre-production", "preproduction"),
        ("environment", " TNR ", "tnr"),
        ("priority", "p1", "P1"),
        ("type", "rpa_usage", "rpa"),
        ("type", "RPA Usage", "rpa"),
        ("status", "In Progress", "in_progress"),
        ("status", "waiting-approval", "waiting_approval"),
        ("impact", 0, "0"),
        ("impact", "3", "3"),
        ("impact", "High", "3"),
    ],
)
def test_spellings_of_names(field: CodeField, sent: Any, name: str) -> None:
    assert name_of(field, sent) == name


@pytest.mark.parametrize("name", ["planned", "in_progress", "snapshot", "user_update", "recommandation", "waiting_approval"])
def test_a_status_without_a_number_in_the_document_goes_out_as_its_name(name: str) -> None:
    assert name_of("status", name) == name
    assert number_of("status", name) == name


@pytest.mark.parametrize("field", CODE_FIELDS)
@pytest.mark.parametrize("sent", [-1, 99, "99", "banana", "", " ", 1.5, float("inf"), [], {}, [1], "1.0", "+1", "²", 10**30])
def test_what_is_no_code_is_refused_with_the_field_and_its_codes(field: CodeField, sent: Any) -> None:
    with pytest.raises(ValueError, match=rf"not a known {field} \(.*1"):
        name_of(field, sent)


@pytest.mark.parametrize(
    ("field", "code"),
    [("type", 0), ("type", 6), ("status", 2), ("status", 0), ("status", 10), ("environment", 9), ("priority", 6), ("impact", 4)],
)
def test_numbers_beside_the_tables_are_refused(field: CodeField, code: int) -> None:
    with pytest.raises(ValueError, match=f"{code} is not a known {field}"):
        name_of(field, code)


@pytest.mark.parametrize(
    ("profile", "number", "name"),
    [
        ("document", 3, "success"),
        ("released", 3, "success"),
        ("document", 4, "failure"),
        ("released", 4, "warning"),
        ("released", 13, "planned"),
    ],
)
def test_the_profile_decides_what_a_status_number_means(profile: Profile, number: int, name: str) -> None:
    assert name_of("status", number, profile) == name
    assert number_of("status", name, profile) == number


def test_names_mean_the_same_in_both_profiles() -> None:
    for field in CODE_FIELDS:
        for profile in ("document", "released"):
            for name in CODE_NAMES[profile][field].values():
                assert name_of(field, name, "document") == name_of(field, name, "released") == name


@pytest.mark.parametrize("field", [field for field in CODE_FIELDS if field != "impact"])
@pytest.mark.parametrize("sent", [True, False])
def test_a_boolean_is_no_code_but_of_the_impact(field: CodeField, sent: object) -> None:
    with pytest.raises(ValueError, match=f"not a known {field}"):
        name_of(field, sent)


@pytest.mark.parametrize("profile", ["document", "released"])
def test_an_impact_is_also_a_boolean_in_both_profiles(profile: Profile) -> None:
    assert (name_of("impact", True, profile), name_of("impact", False, profile)) == ("1", "0")
    with pytest.raises(ValueError, match="true, false"):
        name_of("impact", "much", profile)
