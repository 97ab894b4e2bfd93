"""Which wildcards are taken, and what is wrong with the others."""

import pytest

from causeline.schemas.topology.paths import count_names, refusal_of_pattern


@pytest.mark.parametrize(
    "pattern",
    [
        "apps/checkout/**",
        "**/src/**/*.py",
        "*",
        "!docs/",
        "a[bc]?",
        "/Makefile",
        "# a remark",
        "*test*.py",
        "**/a/**/b/**/c/**/d",
        "*a*a*a*a*b",
        "[]a]",
        "[!]-]x",
        "\\#a",
        "\\!a",
        "a\\ ",
        "[a\\]]",
    ],
)
def test_wildcards_of_git_are_taken(pattern: str) -> None:
    assert refusal_of_pattern(pattern) == ""


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("!", "a name without letters"),
        ("/", "a name without letters"),
        ("a//b", "a name without letters"),
        ("a\\", "ends with a \\"),
        ("a\\/b", "ends with a \\"),
        ("[z-a]", "the span z-a"),
        ("[abc", "a [ without its ]"),
        ("[]", "a [ without its ]"),
        ("[!]", "a [ without its ]"),
        ("[[:alpha:]]", "a [: within its ["),
    ],
)
def test_what_is_no_wildcard_is_refused_with_the_reason(pattern: str, why: str) -> None:
    assert refusal_of_pattern(pattern).startswith("is not a wildcard as in a .gitignore: it ")
    assert why in refusal_of_pattern(pattern)


def test_names_are_what_stands_between_slashes() -> None:
    assert count_names(["a", "a/b/**", "/x/"]) == 1 + 3 + 3
