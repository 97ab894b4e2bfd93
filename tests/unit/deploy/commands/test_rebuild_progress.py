import io

from rich.console import Console

from causeline.deploy.commands.rebuild.progress import ConsoleReport


def said(instants: list[float], readings: list[int], *, terminal: bool = False) -> str:
    """Return what a report prints of a way to 1,000 offsets: begun at the first instant, told `done` at the others (s)."""
    times = iter(instants)
    out = io.StringIO()
    with ConsoleReport(Console(file=out, force_terminal=terminal, width=120), lambda: next(times)).copying(1_000) as advance:
        for offsets in readings:
            advance(offsets)
    return out.getvalue()


def test_elsewhere_than_on_a_terminal_a_line_is_printed_every_five_seconds() -> None:
    lines = said([100, 104.9, 105, 109.9, 110], [100, 200, 400, 500]).splitlines()
    assert lines == ["read 200 of 1000 offsets, 40/s, 20 s remain", "read 500 of 1000 offsets, 50/s, 10 s remain"]


def test_what_takes_less_than_five_seconds_prints_nothing() -> None:
    assert said([100, 101, 102], [500, 1_000]) == ""


def test_on_a_terminal_a_bar_moves() -> None:
    output = said([100, 101, 104], [500, 1_000], terminal=True)
    assert "reading the log" in output
    assert "1000/1000" in output
    assert " 250/s " in output
