"""Which names a mistyped one is near to."""

import pytest

from causeline.schemas.topology.near_names import nearest_names

FLEET = ("checkout", "check-in", "payments", "payments/api", "search", "db", "Größe")


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("chekcout", ["checkout"]),
        ("CHECKOUT", ["checkout", "check-in"]),
        ("checkouts", ["checkout", "check-in"]),
        ("payments/apis", ["payments/api", "payments"]),
        ("GRÖSSE", ["Größe"]),
        ("d", []),
        ("", []),
        ("invoices", []),
    ],
)
def test_near_is_what_shares_runs_of_letters(text: str, near: list[str]) -> None:
    assert nearest_names(text, FLEET, 5) == near


def test_at_most_so_many_and_of_equal_ones_the_first_by_name() -> None:
    assert nearest_names("api-1", ("api-4", "api-3", "api-2"), 2) == ["api-2", "api-3"]


def test_a_text_of_any_length_costs_as_much_as_a_name() -> None:
    assert nearest_names("checkout" * 10_000, FLEET, 5) == nearest_names("checkout" * 25, FLEET, 5)
