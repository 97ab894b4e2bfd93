"""What may be under way: literal weights and times."""

import pytest

from causeline.deploy.server.workload import REQUEST, Workload
from causeline.schemas.web.errors import Overloaded, OverShare

MIB = 1 << 20
BODY = MIB - REQUEST


def test_requests_are_let_in_until_the_limit_is_reached() -> None:
    load = Workload(0.4, start=2 * MIB)
    load.enter("a", BODY, 0.0)
    load.enter("a", BODY, 0.0)
    with pytest.raises(Overloaded) as refused:
        load.enter("a", 0, 0.0)
    assert (refused.value.status, refused.value.reason, refused.value.headers["Retry-After"]) == (503, "overloaded", "1")
    assert load.under_way == 2 * MIB


def test_a_request_larger_than_the_limit_is_let_in_where_there_is_room() -> None:
    load = Workload(0.4, start=MIB)
    load.enter("a", 0, 0.0)
    assert load.enter("a", 16 * MIB, 0.0) == 16 * MIB + REQUEST


def test_what_left_makes_room_at_once() -> None:
    load = Workload(0.4, start=MIB)
    weight = load.enter("a", BODY, 0.0)
    load.leave("a", weight, 0.0, 9.0, tells=False)
    load.enter("a", BODY, 9.0)


@pytest.mark.parametrize(("took", "limit"), [(0.4, 8 * MIB + MIB // 8), (0.5, int(8 * MIB * 0.8)), (0.8, 4 * MIB), (5.0, 4 * MIB)])
def test_the_limit_follows_the_time_that_an_answer_took(took: float, limit: int) -> None:
    load = Workload(0.4, start=8 * MIB)
    load.leave("a", load.enter("a", BODY, 0.0), 0.0, took, tells=True)
    assert load.limit == limit


def test_what_was_let_in_before_a_cut_does_not_cut_again() -> None:
    load = Workload(0.4, start=8 * MIB)
    weights = [load.enter("a", BODY, 0.0) for _ in range(3)]
    for weight in weights:
        load.leave("a", weight, 0.0, 5.0, tells=True)
    assert load.limit == 4 * MIB


def test_the_limit_neither_falls_to_nothing_nor_rises_beyond_memory() -> None:
    load = Workload(0.4, most=9 * MIB, start=8 * MIB)
    for second in range(20):
        load.leave("a", load.enter("a", BODY, second * 10.0), second * 10.0, second * 10.0 + 0.1, tells=True)
    assert load.limit == 9 * MIB
    for second in range(20, 40):
        load.leave("a", load.enter("a", BODY, second * 10.0), second * 10.0, second * 10.0 + 9, tells=True)
    assert load.limit == MIB


def test_a_tenant_alone_may_hold_everything() -> None:
    load = Workload(0.4, start=4 * MIB)
    for _ in range(4):
        load.enter("flood", BODY, 0.0)


def test_a_tenant_in_company_holds_half_and_the_other_gets_in() -> None:
    load = Workload(0.4, start=4 * MIB)
    load.enter("shop", 0, 0.0)
    load.enter("flood", BODY, 0.0)
    load.enter("flood", BODY, 9.9)
    with pytest.raises(OverShare) as refused:
        load.enter("flood", BODY, 9.9)
    assert (refused.value.status, refused.value.reason) == (429, "over_share")
    load.enter("shop", BODY, 9.9)


def test_one_large_request_of_a_tenant_keeps_no_other_tenant_out() -> None:
    load = Workload(0.4, start=2 * MIB)
    load.enter("importer", 16 * MIB, 0.0)
    load.enter("shop", BODY, 0.1)
    assert load.under_way == 17 * MIB + REQUEST
    with pytest.raises(OverShare):
        load.enter("shop", 0, 0.2)


def test_two_tenants_with_their_shares_leave_nothing_to_a_third_one() -> None:
    load = Workload(0.4, start=2 * MIB)
    load.enter("importer", 16 * MIB, 0.0)
    load.enter("shop", BODY, 0.1)
    with pytest.raises(Overloaded):
        load.enter("web", 0, 0.2)


def test_a_tenant_is_alone_again_ten_seconds_after_the_other_one_asked() -> None:
    load = Workload(0.4, start=4 * MIB)
    load.leave("shop", load.enter("shop", 0, 0.0), 0.0, 0.0, tells=False)
    load.enter("flood", BODY, 0.0)
    load.enter("flood", BODY, 0.0)
    load.enter("flood", BODY, 10.0)
