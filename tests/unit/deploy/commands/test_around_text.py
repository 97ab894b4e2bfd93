"""A ranking in words and rows, whatever somebody wrote into a title."""

from typing import Any

from rich.console import Console

from causeline.deploy.commands.around.text import cause_table, past_line, verdict_lines


def ranking(**fields: Any) -> dict[str, Any]:
    problem = {"start": "2026-11-28T22:56:33.211Z", "state": "open", "title": "Checkout answers slowly", "service": "checkout"}
    answer = {"problem": {**problem, "environment": "production"}, "verdict": "likely", "none_probability": 0.08, "candidates": 31}
    answer |= {"truncated": False, "provisional": False, "blind_spots": [], "causes": [cause()]}
    return {**answer, **fields}


def cause(**fields: Any) -> dict[str, Any]:
    event = {"kind": "deployment", "service": "checkout", "title": "Deploy checkout 1.4", **fields.pop("event", {})}
    reasons = [{"feature": "time", "contribution": 1.9, "text": f"reason {n}"} for n in range(5)]
    return {"probability": 0.714, "offset_seconds": -240.0, "relation": "same_service", "reasons": reasons, "event": event, **fields}


def printed(answer: dict[str, Any]) -> str:
    console = Console(width=400, color_system=None)
    with console.capture() as capture:
        console.print(cause_table(answer), markup=False)
    return capture.get()


def test_the_problem_and_the_verdict_stand_above_and_what_was_not_seen() -> None:
    lines = list(verdict_lines(ranking(truncated=True, provisional=True, blind_spots=[{"service": "pay", "kind": "flag"}])))
    assert lines[0] == "2026-11-28T22:56:33.211Z  open  Checkout answers slowly (checkout, production)"
    assert lines[1].startswith("the first change below likely did it (no change: 8%")
    assert lines[-1] == "not seen: no flag of pay was reported in 30 days"
    assert len(lines) == 5


def test_an_onset_without_a_problem_is_told_by_its_time_and_place() -> None:
    onset = {name: value for name, value in ranking().items() if name != "problem"}
    about = {"at": "2026-11-28T22:56:33.211Z", "service": "checkout", "environment": ""}
    assert next(verdict_lines(onset | about)) == "2026-11-28T22:56:33.211Z  checkout"


def test_that_an_onset_without_a_problem_is_young_is_said_of_the_moment() -> None:
    onset = {name: value for name, value in ranking(provisional=True).items() if name != "problem"}
    lines = list(verdict_lines(onset | {"at": "2026-11-28T22:56:33.211Z", "service": "checkout", "environment": ""}))
    assert lines[-1] == "provisional: that is less than an hour ago, and changes and their ends may still come in"
    assert "the problem is young" in list(verdict_lines(ranking(provisional=True)))[-1]


def test_where_no_change_was_found_the_kinds_that_were_looked_for_are_said() -> None:
    kinds = {"kinds": ["deployment", "flag"]}
    words = "looked for: deployment, flag; events of other kinds are no changes"
    assert words in list(verdict_lines(ranking(candidates=0, causes=[], **kinds)))
    assert words not in list(verdict_lines(ranking(**kinds)))


def test_each_verdict_has_its_words_and_a_new_one_is_shown_as_it_is() -> None:
    verdicts = ("likely", "possible", "none", "unknown", "a later one")
    words = {verdict: list(verdict_lines(ranking(verdict=verdict)))[1] for verdict in verdicts}
    assert len(set(words.values())) == len(verdicts)
    assert words["a later one"].startswith("a later one (")


def test_a_row_is_the_chance_the_distance_the_change_and_its_weightiest_reasons() -> None:
    line = printed(ranking()).splitlines()[1]
    assert line.split()[:5] == ["71%", "4", "min", "before", "deployment"]
    assert "Deploy checkout 1.4" in line
    assert line.rstrip().endswith("reason 0; reason 1; reason 2")


def test_a_distance_is_told_in_one_unit_and_its_direction() -> None:
    for seconds, words in ((-30.0, "30 s before"), (90.0, "2 min after"), (-7_300.0, "2 h before"), (-200_000.0, "2 days before")):
        assert words in printed(ranking(causes=[cause(offset_seconds=seconds)]))


def test_a_title_cannot_command_a_terminal() -> None:
    hostile = ranking(causes=[cause(event={"title": "a\x1b[31mb\nc\x07", "service": "\x9b0m"})])
    hostile["problem"]["title"] = "\x1b[2J"
    assert not {"\x1b", "\x07", "\x9b"} & set(printed(hostile) + "".join(verdict_lines(hostile)))


def test_of_a_published_ranking_its_moment_and_number_are_told() -> None:
    past = ranking(computed_at="2026-11-28T22:58:00.000Z", revision=2)
    assert past_line(past) == "as published at 2026-11-28T22:58:00.000Z, revision 2"
