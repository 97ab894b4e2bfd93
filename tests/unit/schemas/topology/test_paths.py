"""Which wildcards are taken, and when two texts name one repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pathspec import GitIgnoreSpec

from causeline.schemas.topology.paths import FilePatterns, is_same_repo, refusal_of_pattern

WILDCARDS = st.lists(st.sampled_from(["a", "b", "ab", "*", "**", "?", "[ab]", "a*", "\\a", "/", "/", "!", "#", " "]), max_size=8).map(
    "".join
)
FILES = st.lists(st.sampled_from(["a", "b", "ab", "abc", "!a", "#a"]), min_size=1, max_size=4).map("/".join)


@pytest.mark.parametrize("pattern", ["apps/checkout/**", "**/src/**/*.py", "*", "!docs/", "a[bc]?", "/Makefile", "# a remark", "*test*.py"])
def test_wildcards_of_git_are_taken(pattern: str) -> None:
    assert refusal_of_pattern(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("!", "is not a wildcard"),
        ("a\\", "is not a wildcard"),
        ("[z-a]", "is not a wildcard"),
        ("**/a/**/b/**/c", "more than 2 **"),
        ("a*b*c*d*e", "too many *"),
        ("*a*/*b*/*c*", "too many *"),
        ("a****b", "too many *"),
    ],
)
def test_what_is_none_or_takes_long_to_match_is_refused_with_the_reason(pattern: str, why: str) -> None:
    assert why in refusal_of_pattern(pattern)


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
    ],
)
def test_repositories_are_told_apart_by_what_they_are_called(one: str, other: str, is_same: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_same_repo(one, other) is is_same
    assert is_same_repo(other, one) is is_same


@given(st.lists(WILDCARDS, max_size=4), FILES)
def test_files_match_as_pathspec_says_whatever_their_beginnings(patterns: list[str], file: str) -> None:
    fitting = [one for one in map(str.strip, patterns) if not refusal_of_pattern(one)]
    assert FilePatterns(fitting).match(file) == GitIgnoreSpec.from_lines(fitting).match_file(file)
