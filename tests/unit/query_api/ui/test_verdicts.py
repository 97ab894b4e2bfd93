"""Rankings in words, for every verdict; and the window that a problem's page shows."""

from typing import Any, get_args

import pytest

from causeline.query_api.causes.scope import CauseRelation
from causeline.query_api.ui.problem_windows import MOST_HOURS, place_window, read_hours
from causeline.query_api.ui.verdicts import say_blind_spots, say_probability, say_relation, say_verdict, say_windows

HOUR = 3_600_000
START = 1_700_000_000_000


def a_suspect(title: str, probability: float, feedback: str | None = None) -> dict[str, Any]:
    event = {"kind": "config_change", "title": title, "service": "checkout"}
    reasons = [
        {"feature": "time", "contribution": 1.9, "text": "finished 4 min before"},
        {"feature": "scope", "contribution": 1.0, "text": "changed checkout itself"},
        {"feature": "version", "contribution": 0.9, "text": "brought version 1.4"},
        {"feature": "environment", "contribution": -0.5, "text": "in staging"},
        {"feature": "feedback", "contribution": 0.0, "text": "somebody said so"},
    ]
    return {
        "event": event,
        "probability": probability,
        "feedback": feedback,
        "reasons": reasons,
        "relation": "same_service",
        "offset_seconds": -300.0,
    }


def a_ranking(verdict: str, *suspects: dict[str, Any], none: str = "", **members: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "none_assessment": {"verdict": none} if none else None,
        "candidates": len(suspects),
        "truncated": False,
        "blind_spots": [],
    }
    return {"verdict": verdict, "causes": list(suspects), **base, **members}


@pytest.mark.parametrize(
    ("ranking", "headline"),
    [
        (a_ranking("likely", a_suspect("pool", 0.7)), "Likely: config change pool"),
        (a_ranking("likely", a_suspect("pool", 0.7, "confirmed")), "Cause: config change pool"),
        (a_ranking("likely", a_suspect("", 0.7, "implied")), "Cause: config change checkout"),
        (a_ranking("possible", a_suspect("pool", 0.4)), "Possible: config change pool"),
        (a_ranking("possible", a_suspect("a", 0.4), a_suspect("b", 0.3)), "Possible: config change a, or another one of these"),
        (a_ranking("none", a_suspect("pool", 0.1)), "No change explains this"),
        (a_ranking("none", none="confirmed"), "No change did this"),
        (a_ranking("unknown"), "Cannot know: nobody reports what changes here"),
    ],
)
def test_a_verdict_is_said_in_a_line(ranking: dict[str, Any], headline: str) -> None:
    assert say_verdict(ranking, ["checkout"]).headline == headline


@pytest.mark.parametrize(
    ("services", "looked_at"),
    [
        ([], "any service"),
        (["a"], "Nothing changed on a in"),
        (["a", "b"], "a and the service it calls"),
        ([*"abcd"], "a and the 3 services"),
    ],
)
def test_what_was_looked_at_is_named(services: list[str], looked_at: str) -> None:
    assert looked_at in say_verdict(a_ranking("none"), services).sentences[0]


def test_a_suspect_has_what_speaks_for_it_and_against_it_apart() -> None:
    (suspect,) = say_verdict(a_ranking("likely", a_suspect("pool", 0.71)), []).suspects
    assert (suspect.certainty, suspect.when) == ("probable", "finished 4 min before")
    assert (suspect.why, suspect.against) == (["brought version 1.4"], ["in staging"])


def test_probabilities_fall_with_their_words() -> None:
    words = [say_probability(n / 100) for n in range(100, -1, -1)]
    assert list(dict.fromkeys(words)) == ["almost certain", "probable", "more likely than not", "may well be", "less likely", "hardly"]


def test_every_relation_has_words() -> None:
    assert not [relation for relation in get_args(CauseRelation) if say_relation(relation) == relation]


def test_blind_spots_are_a_line_a_service() -> None:
    spots = [{"service": "a", "kind": "flag"}, {"service": "b", "kind": "scale"}, {"service": "a", "kind": "config_change"}]
    assert say_blind_spots(spots) == [
        "no flag change, no config change of a was reported in 30 days",
        "no scaling of b was reported in 30 days",
    ]


def test_windows_name_every_kind_once_also_those_of_a_setting() -> None:
    assert say_windows(["deployment", "chaos"])[1].endswith(", drift, chaos")
    assert [line.partition(" ")[0] for line in say_windows()] == ["4", "24", "72"]


@pytest.mark.parametrize(("end", "now", "last"), [(None, 1, 1), (None, 0, 1 / 60), (2, 9, 2.25), (2, 2.1, 2.1), (None, 90, 24)])
def test_a_window_begins_two_hours_before_and_ends_now_or_behind_the_end(end: float | None, now: float, last: float) -> None:
    problem = {"start": "2023-11-14T22:13:20Z", "end": None if end is None else f"2023-11-15T{int(end) - 2:02}:13:20Z"}
    window = place_window(problem, round(START + now * HOUR), 0)
    assert ((window.from_ms - START) / HOUR, (window.to_ms - START) / HOUR, window.reference) == (-2, last, START)


def test_a_window_moves_as_a_whole_and_not_for_ever() -> None:
    problem = {"start": "2023-11-14T22:13:20Z", "end": None}
    still, moved = place_window(problem, START + HOUR, 0), place_window(problem, START + HOUR, -5)
    assert (moved.from_ms, moved.to_ms) == (still.from_ms - 5 * HOUR, still.to_ms - 5 * HOUR)
    assert moved.reference == moved.to_ms
    assert place_window(problem, START + HOUR, -900).hours == -MOST_HOURS


@pytest.mark.parametrize(("text", "hours"), [("3", 3), ("-4", -4), ("", 0), ("--1", 0), ("1.5", 0), ("٣", 0), ("9" * 9, 0), ("x", 0)])
def test_how_far_is_read_or_nothing(text: str, hours: int) -> None:
    assert read_hours(text) == hours
