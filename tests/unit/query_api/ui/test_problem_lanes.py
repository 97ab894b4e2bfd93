"""The lanes of a problem: whose they are, in which order, and that no change of the window is left out of them."""

from typing import Any

from causeline.query_api.ui.problem_lanes import lanes_of, scope_changes
from causeline.query_api.ui.problem_windows import place_window
from causeline.schemas.values.times import rfc3339

START = 1_700_000_000_000
MINUTE = 60_000
PROBLEM = {"id": "p", "title": "slow", "state": "open", "start": rfc3339(START), "end": None}
WINDOW = place_window(PROBLEM, START + 10 * MINUTE, 0)


def a_change(number: int, service: str, minutes: float = -5, *, relation: str = "other", length: float = 0) -> dict[str, Any]:
    at = START + round(minutes * MINUTE)
    span = {"start": rfc3339(at), "end": rfc3339(at + round(length * MINUTE))} if length else {"start": None, "end": None}
    return {"id": f"c{number}", "kind": "deployment", "title": "t", "service": service, "ts": rfc3339(at), "relation": relation, **span}


def test_its_service_comes_first_then_what_it_calls_then_the_busiest() -> None:
    changes = [a_change(1, "rare"), a_change(2, "busy"), a_change(3, "busy"), a_change(4, "")]
    lanes = lanes_of(PROBLEM, changes, ["own", "callee"], WINDOW)
    assert [lane.name for lane in lanes] == ["own", "callee", "busy", "without a service", "rare"]
    assert [len(lane.bars) for lane in lanes] == [1, 0, 0, 0, 0]
    assert lanes[0].address == "/services/own"


def test_a_service_of_dots_alone_leads_to_the_list_that_finds_it() -> None:
    assert [lane.address for lane in lanes_of(PROBLEM, [], ["..", "a/b"], WINDOW)] == ["/services?q=..", "/services/a%2Fb"]


def test_every_change_is_in_a_mark_or_a_bar() -> None:
    minutes = (-120, -500, -5, -5, 9.9, 900)
    changes = [a_change(number, "own", at) for number, at in enumerate(minutes)] + [a_change(9, "own", -60, length=30)]
    (lane,) = lanes_of(PROBLEM, changes, ["own"], WINDOW)
    assert sum(sum(one.counts.values()) for one in lane.bins) == len(minutes)
    assert [bar.state for bar in lane.bars] == ["open", "finished"]


def test_one_change_leads_to_its_page_and_several_to_their_list() -> None:
    (lane,) = lanes_of(PROBLEM, [a_change(1, "a b"), a_change(2, "a b"), a_change(3, "a b", -60)], ["a b"], WINDOW)
    single, several = lane.bins
    assert single.address == "/events/c3?problem=p"
    assert several.address.startswith("/timeline?from=2023-11-14T22%3A0")
    assert several.address.endswith("&service=a+b&list=1")


def test_a_window_without_the_problem_has_no_bar_of_it() -> None:
    (lane,) = lanes_of(PROBLEM, [], ["own"], place_window(PROBLEM, START + 10 * MINUTE, -5))
    assert lane.bars == []


def test_close_changes_are_of_its_services_of_none_or_share_something_with_it() -> None:
    close = [a_change(1, "own"), a_change(2, ""), a_change(3, "other", relation="same_tag"), a_change(4, "x", relation="same_entity")]
    far = [a_change(5, "other"), a_change(6, "other", relation="same_environment")]
    assert scope_changes([*close, *far], ["own"]) == (close, far)
