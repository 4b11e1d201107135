"""A test that could not decide is a failure of a category of its own: UNDECIDED."""

from __future__ import annotations

from typing import Any

import pytest

from hublab.errors import Undecided


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Mark the report of a test that raised Undecided, in whichever phase."""
    report: pytest.TestReport = yield
    if call.excinfo is not None and isinstance(call.excinfo.value, Undecided):
        report.undecided = True  # type: ignore[attr-defined]
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport) -> Any:
    """Count it apart from what failed; it still makes the run fail."""
    if getattr(report, "undecided", False) and report.failed:
        return "undecided", "U", ("UNDECIDED", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what could not be decided, and why."""
    reports = terminalreporter.stats.get("undecided", [])
    if reports:
        terminalreporter.section("undecided", sep="=", yellow=True)
    for report in reports:
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash else report.longreprtext
        terminalreporter.write_line(f"UNDECIDED {report.nodeid}", yellow=True)
        for line in str(message).splitlines():
            terminalreporter.write_line(f"    {line}")
