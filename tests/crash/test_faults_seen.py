"""What the fault runs tell is what was seen: gaps, lines of the log, samples of metrics, rows of the table."""

import json
from pathlib import Path

from tests.crash.gaps import Gaps
from tests.crash.signs import Sign, Watch, told
from tests.crash.summary import Row, table, write

ENDED = (
    '{"timestamp": "2026-11-21T09:45:02Z", "level": "warning", "process": "supervisor", '
    '"event": "child ended", "child": "broker", "reason": "signal SIGKILL"}'
)


def test_the_gap_of_writes_is_the_longest_time_between_two_acknowledgements() -> None:
    gaps = Gaps()
    for at in (10.0, 10.5, 13.0, 13.1):
        gaps.note_write(at)
    assert gaps.writes == 2.5


def test_the_gap_of_lists_is_the_longest_wait_of_an_acknowledged_event() -> None:
    gaps = Gaps()
    for after in (0.1, 0.7, 0.3):
        gaps.note_listing(after)
    assert gaps.lists == 0.7


def test_a_log_line_is_told_with_its_process_event_and_fields() -> None:
    assert told(ENDED) == "supervisor: child ended child=broker reason=signal SIGKILL"


def test_a_line_that_is_no_json_object_of_ours_is_told_as_it_is() -> None:
    assert [told("Traceback"), told("[1]"), told('{"a": 1}')] == ["Traceback", "[1]", '{"a": 1}']


def test_a_sign_is_counted_line_by_line(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.touch()
    watch = Watch(log, {})
    log.write_text(f"{ENDED}\nelse\n{ENDED}\n")
    assert (watch.count(Sign("log", "child ended")), watch.count(Sign("log", "never"))) == (2, 0)


def test_a_sign_is_found_only_in_what_was_logged_since_the_watch_began(tmp_path: Path) -> None:
    log = tmp_path / "stack.log"
    log.write_text("before the fault\n")
    watch = Watch(log, {})
    log.write_text(f"before the fault\n{ENDED}\n")
    assert watch.find(Sign("log", "before")) is None
    assert watch.find(Sign("log", "child ended .*broker")) == "log: supervisor: child ended child=broker reason=signal SIGKILL"


def test_the_table_shows_what_was_not_measured_as_a_dash_and_is_kept_as_json(tmp_path: Path) -> None:
    row = Row("kill", 1.25, None, 0, 1, 2, "log: child ended")
    assert table((row,))[1].split() == ["kill", "1.2", "-", "0", "1", "2", "log:", "child", "ended"]
    write((row,), tmp_path / "results" / "chaos.local.json")
    assert json.loads((tmp_path / "results" / "chaos.local.json").read_text()) == [row._asdict()]
