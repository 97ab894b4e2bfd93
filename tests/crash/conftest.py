import pytest

from tests.crash import summary


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if added := summary.rows():
        terminalreporter.section("faults")
        for line in summary.table(added):
            terminalreporter.write_line(line)
        summary.write(added)
