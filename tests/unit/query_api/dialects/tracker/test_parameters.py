from typing import Any
from urllib.parse import parse_qsl

import pytest

from causeline.query_api.dialects.tracker import parameters
from causeline.query_api.dialects.tracker.parameters import OffsetPaging
from causeline.query_api.questions.query import EventFilter
from causeline.schemas.values.times import MAX_MS
from causeline.schemas.web.errors import Invalid

JANUARY = 1_704_067_200_000  # 2024-01-01
FEBRUARY = 1_706_745_600_000  # 2024-02-01
TEN = 1_705_312_800_000  # 2024-01-15T10:00:00Z


def given(query: str) -> parameters.ParameterValues:
    return parameters.parameters(parse_qsl(query, keep_blank_values=True))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {}),
        ("priority=1&type=4", {"priorities": ("P1",), "kinds": ("incident",)}),
        ("type=1&environment=7", {"kinds": ("deployment",), "environments": ("production",)}),
        (
            "type=deployment&environment=Pre-Production&priority=p2",
            {"kinds": ("deployment",), "environments": ("preproduction",), "priorities": ("P2",)},
        ),
        ("status=7&status=8", {"statuses": ("open", "close")}),
        ("status=planned", {"statuses": ("planned",)}),
        ("impact=3", {"severities": ("3",)}),
        ("impact=true", {"severities": ("1", "2", "3")}),
        ("impact=False", {"severities": ("", "0")}),
        ("environments=7&environments=uat&types=4", {"environments": ("production", "uat"), "kinds": ("incident",)}),
        ("service=user-service", {"services": ("user-service",)}),
        ("source=jenkins&owner=ops&relatedId=r", {"sources": ("jenkins",), "owners": ("ops",), "related_ids": ("r",)}),
        ("related_id=r", {"related_ids": ("r",)}),
        ("start_date=2024-01-01&end_date=2024-01-31", {"from_ms": JANUARY, "to_ms": FEBRUARY}),
        ("startDate=2024-01-01&endDate=2024-01-31", {"from_ms": JANUARY, "to_ms": FEBRUARY}),
        ("start_date=2024-01-15T10:00:00Z&end_date=2024-01-15T10:00:00Z", {"from_ms": TEN, "to_ms": TEN}),
        ("start_date=2024-01-15T12:00:00%2B02:00", {"from_ms": TEN}),
        ("start_date=2024-01-15T12:00:00+02:00", {"from_ms": TEN}),
        ("start_date=0001-01-01&end_date=9999-12-31", {"from_ms": 0, "to_ms": MAX_MS + 1}),
        ("priority=&service=&start_date=&end_date=", {}),
        ("unknown=1&q=x", {}),
    ],
)
def test_a_search_asks_for(query: str, expected: dict[str, Any]) -> None:
    assert parameters.search("t", given(query)) == EventFilter(tenant="t", dialects=("tracker",), **expected)


@pytest.mark.parametrize(
    ("query", "name", "words"),
    [
        ("priority=9", "priority", "'9' is not a known priority"),
        ("type=banana", "type", "'banana' is not a known type"),
        ("environment=0", "environment", "'0' is not a known environment"),
        ("status=2", "status", "'2' is not a known status"),
        ("impact=much", "impact", "'much' is not a known impact"),
        ("&".join(["type=1"] * 101), "type", "takes at most 100 values"),
        ("service=" + "x" * 4_097, "service", "is longer than 4,096 characters"),
        ("start_date=yesterday", "start_date", "not an ISO 8601"),
        ("endDate=2024-13-01", "end_date", "not an ISO 8601"),
        ("start_date=2024-01-01&startDate=2024-01-02", "start_date", "given once"),
    ],
)
def test_a_filter_that_is_none_is_refused_by_name(query: str, name: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        parameters.search("t", given(query))
    assert (caught.value.where, caught.value.fields[0].field) == ("QUERY", name)
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("", OffsetPaging(10, 0)),
        ("page=1", OffsetPaging(10, 0)),
        ("per_page=10&page=2", OffsetPaging(10, 10)),
        ("perPage=25&page=3", OffsetPaging(25, 50)),
        ("per_page=1000", OffsetPaging(1000, 0)),
        ("per_page=0001&page=0002", OffsetPaging(1, 1)),
        ("per_page=1&page=999999999999999", OffsetPaging(1, 999_999_999_999_998)),
        ("page=" + "9" * 5000, OffsetPaging(10, (10**15 - 1) * 10)),
    ],
)
def test_a_page_is(query: str, page: OffsetPaging) -> None:
    assert parameters.offset_paging(given(query)) == page


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("per_page=0", "per_page"),
        ("perPage=-1", "per_page"),
        ("per_page=1001", "per_page"),
        ("per_page=" + "9" * 5000, "per_page"),
        ("per_page=ten", "per_page"),
        ("per_page=", "per_page"),
        ("per_page=1&perPage=2", "per_page"),
        ("page=0", "page"),
        ("page=000", "page"),
        ("page=-1", "page"),
        ("page=1.5", "page"),
        ("page=%2B1", "page"),
        ("page=%C2%B2", "page"),
        ("page=1&page=2", "page"),
    ],
)
def test_a_page_that_is_none_is_refused_by_name(query: str, name: str) -> None:
    for reader in (parameters.offset_paging, parameters.search_paging):
        with pytest.raises(Invalid) as caught:
            reader(given(query))
        assert caught.value.fields[0].field == name


def test_a_search_is_unpaged_up_to_its_bound_unless_a_page_is_asked_for() -> None:
    assert parameters.search_paging(given("service=x")) == OffsetPaging(10_000, 0)
    assert parameters.search_paging(given("page=2")) == OffsetPaging(10, 10)
    assert parameters.search_paging(given("perPage=5")) == OffsetPaging(5, 0)


@pytest.mark.parametrize("now", [TEN, 1_705_276_800_000, 1_705_363_199_999])
def test_today_is_the_day_in_utc_of_the_request(now: int) -> None:
    where = parameters.today("t", now)
    assert (where.from_ms, where.to_ms, where.dialects) == (1_705_276_800_000, 1_705_363_200_000, ("tracker",))
