import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.dora.globs import MAX_COMPARED, MAX_GLOB, matches_glob, stem_of

PATTERNS = st.text("ab*?.", max_size=8)
TEXTS = st.text("abA.\n", max_size=12)


def expected(pattern: str, text: str) -> bool:
    parts = {"*": ".*", "?": "."}
    return re.fullmatch("".join(parts.get(one, re.escape(one)) for one in pattern.casefold()), text.casefold(), re.DOTALL) is not None


@given(PATTERNS, TEXTS)
def test_a_glob_fits_what_its_pattern_says(pattern: str, text: str) -> None:
    assert matches_glob(pattern, text) == expected(pattern, text)


@given(PATTERNS, TEXTS)
def test_what_a_pattern_fits_holds_its_stem(pattern: str, text: str) -> None:
    assert not matches_glob(pattern, text) or stem_of(pattern) in text.casefold()


@given(st.text(max_size=20))
def test_a_text_fits_itself_and_a_star_in_any_letter_case(text: str) -> None:
    assert matches_glob("*", text)
    if not {"*", "?"} & set(text):
        assert matches_glob(text.upper(), text.upper())
        assert matches_glob(f"*{text}*", f"before {text} behind")


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("hotfix/*", "Hotfix/checkout", True),
        ("hotfix/*", "my-hotfix/checkout", False),
        ("*hotfix*", "A HOTFIX of checkout", True),
        ("v?.?", "v1.4", True),
        ("v?.?", "v1.42", False),
        ("", "", True),
        ("", "x", False),
        ("**", "", True),
        ("a*a", "a", False),
        ("[ab]", "a", False),
    ],
)
def test_globs_that_tenants_write(pattern: str, text: str, fits: bool) -> None:  # noqa: FBT001
    assert matches_glob(pattern, text) is fits


@pytest.mark.parametrize("pattern", ["*a" * (MAX_GLOB // 2), "*" + "?" * 98 + "b*" + "a?" * 49, "?*" * (MAX_GLOB // 2), "*" * MAX_GLOB])
def test_a_pattern_made_to_be_slow_is_not(pattern: str) -> None:
    begin = time.process_time()
    matches_glob(pattern, "a" * 1_000_000)
    assert time.process_time() - begin < 0.5


def test_of_a_long_text_its_beginning_is_looked_at() -> None:
    assert matches_glob("a*", "a" + "b" * MAX_COMPARED)
    assert not matches_glob("*z", "a" * MAX_COMPARED + "z")
