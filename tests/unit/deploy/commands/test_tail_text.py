"""One line a message, whatever somebody wrote into a title."""

import json
from typing import Any

from causeline.deploy.commands.tail.text import line_of
from causeline.query_api.live import sse
from causeline.schemas.records.causes import CauseEntry
from tests.stream_parts import event, messages, problem, ranking


def line(message: bytes, *, colours: bool = False) -> str:
    ((_, kind, data),) = messages(message.decode())[0]
    return line_of(kind, json.dumps(data), colours=colours)


def test_an_event_is_time_kind_service_environment_and_title() -> None:
    text = line(sse.event_message(event(0, service="shop", environment="prod", status="success", title="Deploy 1.4"), "P"))
    assert text.split() == ["2026-11-26T12:00:00.000Z", "deployment", "success", "shop", "prod", "Deploy", "1.4"]
    assert line(sse.event_message(event(0, is_deleted=True), "P")).split()[1:3] == ["deployment", "deleted"]


def test_a_problem_is_told_by_its_transition() -> None:
    assert line(sse.problem_message(problem(0, transition="timed_out", state="closed"), "P")).split()[1:3] == ["problem", "timed_out"]


def test_a_ranking_is_told_by_its_verdict_and_the_likeliest_change() -> None:
    cause = CauseEntry(
        event_id="e", probability=0.71, score=2, relation="same_service", offset_seconds=-240, ts=1, title="Deploy 1.4", service="shop"
    )
    fields: dict[str, Any] = {"title": "Slow", "service": "shop", "environment": "prod", "causes": [cause]}
    text = line(sse.ranking_message(ranking(0, **fields), "P"))
    assert text.startswith("2026-11-26T12:00:00.000Z causes #1 likely")
    assert text.split()[4:6] == ["shop", "prod"]
    assert text.endswith(" 71% Deploy 1.4 of shop, 4 min before: Slow")
    assert line(sse.ranking_message(ranking(0, **fields, verdict="none"), "P")).endswith(" prod           Slow")
    assert "causes #7 deleted" in line(sse.ranking_message(ranking(0, **fields, is_deleted=True, revision=7), "P"))
    assert line(sse.ranking_message(ranking(0, title="Slow"), "P")).endswith(" Slow")


def test_a_gap_is_said() -> None:
    assert line(sse.gap_message(7, "P")).startswith("-- the log no longer has up to 7 records")


def test_colours_are_for_terminals_only_and_a_title_cannot_command_one() -> None:
    message = sse.event_message(event(0, title="a\x1b[31mb\nc\x07", service="\x9b0m"), "P")
    assert "\x1b" not in line(message)
    assert "\n" not in line(message)
    assert line(message, colours=True).count("\x1b[") == 4
    assert "\x1b[31m" not in line(message, colours=True).rpartition("deployment")[2]
