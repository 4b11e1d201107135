"""Reports tests that could not decide as UNDECIDED, a separate category of failure."""

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
    """Count it separately from failures; the run still fails."""
    if getattr(report, "undecided", False) and report.failed:
        return "undecided", "U", ("UNDECIDED", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """List what could not be decided, and why."""
    reports = terminalreporter.stats.get("undecided", [])
    if reports:
        terminalreporter.section("undecided", sep="=", yellow=True)
    for report in reports:
        crash = getattr(report.longrepr, "reprcrash", None)
        message = crash.message if crash else report.longreprtext
        terminalreporter.write_line(f"UNDECIDED {report.nodeid}", yellow=True)
        for line in str(message).splitlines():
            terminalreporter.write_line(f"    {line}")
