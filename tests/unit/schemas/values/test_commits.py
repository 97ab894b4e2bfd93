from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeline.schemas.values import commits
from causeline.schemas.values.commits import MAX_COMMIT_ID, MAX_COMMITS, Commit
from causeline.schemas.values.times import MAX_MS

IDS = st.text(min_size=1, max_size=MAX_COMMIT_ID)
TIMES = st.integers(0, MAX_MS).filter(lambda ms: not 1_000_000_000 <= ms < 10_000_000_000)  # these look like seconds
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "time", "x"]), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(IDS, TIMES), max_size=5))
def test_what_is_shown_is_read_as_the_same_commits(pairs: list[tuple[str, int]]) -> None:
    columns = commits.columns_of_commits([Commit(*pair) for pair in pairs])
    assert commits.columns_of_anything(commits.commits_view(**columns_of(columns))) == columns


def columns_of(columns: dict[str, list[Any]]) -> dict[str, Any]:
    return {"ids": columns["commits"], "times": columns["commit_times"]}


@given(JSON)
def test_anything_else_is_no_commits_and_no_error(value: Any) -> None:
    columns = commits.columns_of_anything(value)
    assert len(columns["commits"]) == len(columns["commit_times"])
    assert not columns["commits"] or len(columns["commits"]) == len(value)


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("a", ("a", 0)),
        ({"id": "a"}, ("a", 0)),
        ({"id": "a", "time": None}, ("a", 0)),
        ({"id": "a", "time": ""}, ("a", 0)),
        ({"id": "a", "time": 1_704_103_200_000, "author": "x"}, ("a", 1_704_103_200_000)),
        ({"id": "a", "time": "2024-01-01T10:00:00Z"}, ("a", 1_704_103_200_000)),
        ({"id": "a", "time": "2024-01-01T11:00:00+01:00"}, ("a", 1_704_103_200_000)),
    ],
)
def test_an_element_is_an_id_or_an_object_with_its_time(element: Any, expected: tuple[str, int]) -> None:
    columns = commits.columns_of_anything([element])
    assert (columns["commits"], columns["commit_times"]) == ([expected[0]], [expected[1]])


@pytest.mark.parametrize(
    "wrong",
    [
        *("", "x" * (MAX_COMMIT_ID + 1), 7, None, [], {}, {"id": ""}, {"id": 7}),
        *({"id": "a", "time": time} for time in ("soon", True, 1_700_000_000, -1, 1.5)),
    ],
    ids=repr,
)
def test_one_element_that_is_none_makes_the_whole_no_list_of_commits(wrong: Any) -> None:
    assert commits.columns_of_anything(["a", wrong]) == commits.columns_of_anything(None) == {"commits": [], "commit_times": []}


def test_a_list_beyond_the_bound_is_none() -> None:
    assert len(commits.columns_of_anything(["a"] * MAX_COMMITS)["commits"]) == MAX_COMMITS
    assert commits.columns_of_anything(["a"] * (MAX_COMMITS + 1))["commits"] == []
    assert commits.columns_of_anything(["a" * MAX_COMMIT_ID])["commits"] == ["a" * MAX_COMMIT_ID]
