"""A pytest plugin for reports made from these tests: each result as one JSON line on stdout.

``-p conformance_rows``; behind MARK comes JSON: the demand (the test's name in
words), its source (the docstring), the outcome, the seconds, and the reason where it failed.
"""

from __future__ import annotations

import inspect
import json

import pytest

MARK = "@@row "


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Print a row when a test has run, or could not be set up."""
    outcome = yield
    report = outcome.get_result()
    if report.when != "call" and not (report.when == "setup" and report.outcome != "passed"):
        return
    function = getattr(item, "function", None)
    row = {
        "demand": item.name.removeprefix("test_").replace("_", " "),
        "source": " ".join((inspect.getdoc(function) or "").split()),
        "outcome": {"passed": "held", "failed": "broke"}.get(report.outcome, report.outcome),
        "seconds": round(call.duration, 2),
        "reason": reason(report),
    }
    reporter = item.config.pluginmanager.get_plugin("terminalreporter")
    assert reporter is not None
    reporter.ensure_newline()
    reporter.write_line(MARK + json.dumps(row))


def reason(report: pytest.TestReport) -> str:
    """The last line of what went wrong; empty where nothing did."""
    if report.passed:
        return ""
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash else report.longrepr).strip().splitlines()[0]
