import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.values.flattening import MAX_TAG_NAME, MAX_TAGS, flatten, scalar_text


@pytest.mark.parametrize(
    ("value", "tags"),
    [
        ({}, {}),
        (
            {"a": "x", "b": 1, "c": 1.5, "d": True, "e": False, "f": ""},
            {"a": "x", "b": "1", "c": "1.5", "d": "true", "e": "false", "f": ""},
        ),
        ({"a": None, "b": {"c": None}}, {}),
        ({"a": {"b": {"c": "x"}}, "d": ["y", {"e": 2}]}, {"a.b.c": "x", "d.0": "y", "d.1.e": "2"}),
        ({"a": {}, "b": []}, {}),
        ({"a.b": 1, "a": {"b": 2}}, {"a.b": "2"}),
        ({"": "nameless"}, {}),
        ({"ключ": {"💥": "é"}}, {"ключ.💥": "é"}),
    ],
)
def test_scalars_are_tags_by_their_path(value: dict[str, object], tags: dict[str, str]) -> None:
    assert flatten(value) == tags


def test_a_large_body_does_not_become_gigabytes_of_tags() -> None:
    assert len(flatten({str(number): number for number in range(MAX_TAGS + 5)})) == MAX_TAGS
    assert flatten({"n" * (MAX_TAG_NAME + 1): {"a": 1}, "b": 2}) == {"b": "2"}
    long_path = {"n" * 500_000: {str(number): 1 for number in range(100_000)}}
    assert flatten(long_path) == {}


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), _json, max_size=5))
def test_every_tag_is_a_scalar_of_the_value(value: dict[str, object]) -> None:
    scalars: list[str] = []

    def walk(inner: object) -> None:
        if isinstance(inner, dict | list):
            for one in inner.values() if isinstance(inner, dict) else inner:
                walk(one)
        elif isinstance(inner, str | int):
            scalars.append(scalar_text(inner))

    walk(value)
    tags = flatten(value)
    assert len(tags) <= len(scalars)
    assert set(tags.values()) <= set(scalars)
    assert flatten(json.loads(json.dumps(value))) == tags
