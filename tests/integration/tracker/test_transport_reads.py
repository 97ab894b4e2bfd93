"""What Tracker's reads, lists and counts find, over REST (profile `released`) and over gRPC: both say the same."""

import pytest

from tests.tracker_server import Json
from tests.tracker_transports import INVALID, NOT_FOUND, Refused, Transport

SEARCHED: list[Json] = [
    {
        "title": "a",
        "attributes": {"type": 1, "priority": 1, "status": 3, "environment": 7, "service": "web", "startDate": "2024-01-14T10:00:00Z"},
    },
    {"title": "b", "attributes": {"type": 4, "priority": 1, "impact": True, "status": 9, "startDate": "2024-01-15T11:00:00Z"}},
    {
        "title": "c",
        "slackId": "S",
        "attributes": {"service": "web", "source": "jenkins", "environment": 6, "startDate": "2024-01-16T00:00:00Z"},
    },
]


@pytest.mark.parametrize(
    ("filters", "titles"),
    [
        ({}, "cba"),
        ({"type": 4}, "b"),
        ({"priority": 1}, "ba"),
        ({"status": 9}, "b"),
        ({"status": 4}, ""),
        ({"environment": 6}, "c"),
        ({"impact": True}, "b"),
        ({"service": "web"}, "ca"),
        ({"source": "jenkins"}, "c"),
        ({"slack_id": "S"}, "c"),
        ({"start_date": "2024-01-15"}, "cb"),
        ({"end_date": "2024-01-15"}, "ba"),
        ({"start_date": "2024-01-15", "end_date": "2024-01-15"}, "b"),
        ({"service": "web", "type": 4}, ""),
    ],
    ids=str,
)
async def test_a_search_finds(api: Transport, filters: Json, titles: str) -> None:
    for event in SEARCHED:
        await api.create(event)
    page = await api.many("Search", filters)
    assert [event["title"] for event in page.get("events", [])] == list(titles)
    assert page.get("totalCount", 0) == len(titles)


async def test_lists_are_paged_newest_first(api: Transport) -> None:
    for number in range(12):
        await api.create({"title": str(number)})
    first, second = [await api.many("List", {"page": page}) for page in (1, 2)]
    assert [event["title"] for event in first["events"] + second["events"]] == [str(number) for number in reversed(range(12))]
    assert (first["totalCount"], second["totalCount"]) == (12, 12)
    assert await api.many("List", {"per_page": 5, "page": 4}) == {"totalCount": 12}
    today = await api.many("Today", {"per_page": 3})
    assert ([event["title"] for event in today["events"]], today["totalCount"]) == (["11", "10", "9"], 12)


@pytest.mark.parametrize(
    ("filters", "total"),
    [
        ({}, 3),
        ({"types": [4]}, 1),
        ({"types": [1, 4]}, 2),
        ({"priorities": [1]}, 2),
        ({"statuses": [9]}, 1),
        ({"environments": [6, 7]}, 2),
        ({"impact": True}, 1),
        ({"impact": False}, 2),
        ({"service": "web"}, 2),
        ({"source": "jenkins"}, 1),
        ({"start_date": "2024-01-15", "end_date": "2024-01-15"}, 1),
    ],
    ids=str,
)
async def test_counts_are_those_of_the_search(api: Transport, filters: Json, total: int) -> None:
    for event in SEARCHED:
        await api.create(event)
    counts = await api.stats(filters)
    assert counts.get("totalCount", 0) == total
    assert sum(counts.get("byType", {}).values()) <= total
    assert {key: counts[key] for key in ("startDate", "endDate") if key in counts} == {
        key: filters[name] for key, name in (("startDate", "start_date"), ("endDate", "end_date")) if name in filters
    }
    months = await api.monthly(filters)
    assert months["stats"] == [{"year": 2024, "month": 1, "count": total}]
    assert months["totalCount"] == months["months"][0]["totalCount"] == total


async def test_counts_by_month_and_service(api: Transport) -> None:
    for start, service in (("2023-12-31", "web"), ("2024-01-01", "web"), ("2024-01-31", "api"), ("2024-01-31", None)):
        await api.create({"title": "t", "attributes": {"type": 1, "service": service, "startDate": f"{start}T10:00:00Z"}})
    counts = await api.monthly({"group_by_service": True})
    assert counts["stats"] == [
        {"year": 2023, "month": 12, "count": 1, "service": "web"},
        {"year": 2024, "month": 1, "count": 1},
        {"year": 2024, "month": 1, "count": 1, "service": "api"},
        {"year": 2024, "month": 1, "count": 1, "service": "web"},
    ]
    assert [(one["month"], one["totalCount"], one["byType"]) for one in counts["months"]] == [
        ("2023-12", 1, {"deployment": 1}),
        ("2024-01", 3, {"deployment": 3}),
    ]


@pytest.mark.parametrize("named", ["507f1f77bcf86cd799439011", "018bcfe5-6800-7a8f-8819-74562cfd5fa8", "a'--", "x" * 300])
async def test_what_does_not_exist_is_not_found(api: Transport, named: str) -> None:
    for call in (api.get, api.delete):
        with pytest.raises(Refused) as refused:
            await call(named)
        assert refused.value.code == NOT_FOUND


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("List", {"page": 0}, "page"),
        ("List", {"per_page": 1001}, "per_page"),
        ("Today", {"per_page": 0}, "per_page"),
        ("Today", {"page": -1}, "page"),
        ("Search", {"type": 99}, "type"),
        ("Search", {"start_date": "soon"}, "start_date"),
    ],
    ids=str,
)
async def test_a_query_that_breaks_a_rule_is_refused(api: Transport, name: str, parameters: Json, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        await api.many(name, parameters)
    assert refused.value.code == INVALID
