"""What events say they changed, in the ways in which clients say it."""

from typing import Any

import pytest

from causeline.query_api.ui.old_new import MOST_DIFFERENCES, MOST_LETTERS, ValueChange, find_differences


def differences_of(raw: Any, tags: dict[str, str] | None = None, **columns: Any) -> list[tuple[str, str, str]]:
    return [one[:3] for one in find_differences({"raw": raw, "tags": tags or {}, **columns})]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"changes": [{"field": "pool", "old": 50, "new": 5}]}, [("pool", "50", "5")]),
        ({"changes": [{"path": "a.b", "from": None, "to": "x"}]}, [("a.b", "", "x")]),
        ({"changes": {"pool": {"before": 50, "after": 5}, "size": ["s", "m"]}}, [("pool", "50", "5"), ("size", "s", "m")]),
        ({"changes": "many"}, []),
        ({"before": {"a": 1, "b": {"c": 2}}, "after": {"a": 1, "b": {"c": 3}, "d": True}}, [("b.c", "2", "3"), ("d", "", "true")]),
        ({"key": "feature.x", "old_value": "off", "new_value": "on"}, [("feature.x", "off", "on")]),
        ({"data": {"before": {"replicas": 2}, "after": {"replicas": 4}}}, [("replicas", "2", "4")]),
        ({"previous": {"release": "1.3"}}, [("release", "1.3", "1.4")]),
        ({"from": "kim@example.com", "to": "lee@example.com"}, []),
        ({"before": 1, "after": 1}, []),
        ({"before": 1}, []),
        (None, []),
        (["before", "after"], []),
    ],
)
def test_each_way_of_saying_what_changed_is_read(raw: Any, expected: list[tuple[str, str, str]]) -> None:
    assert differences_of(raw, release="1.4") == expected


def test_trackers_changelog_says_who_and_when() -> None:
    entry = {
        "timestamp": "2026-11-30T03:12:00Z",
        "user": "kim",
        "changeType": "updated",
        "field": "status",
        "oldValue": "open",
        "newValue": "close",
    }
    assert find_differences({"raw": {"changelog": [entry]}, "tags": {}}) == [
        ValueChange("status", "open", "close", "2026-11-30T03:12:00Z", "kim")
    ]


def test_tags_name_what_was_before() -> None:
    tags = {
        "version": "1.4",
        "previous_version": "1.3",
        "old_flag": "off",
        "new_flag": "on",
        "old_alone": "x",
        "previous_same": "1",
        "same": "1",
    }
    assert differences_of({}, tags) == [("version", "1.3", "1.4"), ("flag", "off", "on")]


def test_what_is_long_or_much_is_bounded() -> None:
    found = find_differences({"raw": {"changes": [{"field": str(n), "old": "x" * 10_000, "new": n} for n in range(5_000)]}, "tags": {}})
    assert len(found) == MOST_DIFFERENCES
    assert max(len(one.old) for one in found) < MOST_LETTERS + 30
    nested: Any = 1
    for _ in range(60):
        nested = {"a": nested}
    assert len(differences_of({"before": nested, "after": {"a": 2}})) == 1
