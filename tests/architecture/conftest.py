"""Prints the project's figures whenever the architecture is tested."""

import pytest

from tests.architecture.figures import figures


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("sizes")
    for line in figures():
        terminalreporter.write_line(line)
