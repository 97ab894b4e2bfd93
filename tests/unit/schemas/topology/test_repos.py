"""When two texts name one repository."""

import pytest

from causeline.schemas.topology.repos import MAX_REPO, is_same_repo


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("acme/shop", "https://github.com/acme/shop.git", True),
        ("git@github.com:acme/shop.git", "https://user:key@github.com/ACME/shop/", True),
        ("ssh://git@github.com/acme/shop", "acme/shop", True),
        ("", "acme/shop", True),
        ("acme/shop", "acme/shop2", False),
        ("acme/shop", "github.com/theacme/shop", False),
        ("shop", "acme/shop", False),
        ("https://gitlab.com/acme/shop", "https://github.com/acme/shop", False),
        ("x" * (1 << 20), "acme/shop", False),
        (f"{'a' * MAX_REPO}/acme/shop", "acme/shop", False),
    ],
)
def test_repositories_are_told_apart_by_what_they_are_called(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_same_repo(one, other) is is_same
    assert is_same_repo(other, one) is is_same
