"""Contradictions to documentation: the marker `finding`, and its line in the journal.

    @pytest.mark.finding(
        "hub_ip is ignored when hub_connect_ip is set",
        project="jupyterhub",
        steps="hub_ip = '127.0.0.1', hub_connect_ip = 'hub'; start the hub.",
        expected="The API listens on 127.0.0.1 (documentation of hub_ip).",
        seen="It listens on the address of `hub`.",
    )

The test proves what was seen: while it passes, the finding is confirmed.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import pytest

from hublab.journal.events import FindingConfirmed
from hublab.pytest_plugin.evidence_store import EVIDENCE

PROJECTS = (
    "jupyterhub",
    "configurable-http-proxy",
    "jupyter_server",
    "jupyterhub-idle-culler",
    "jupyter-server-proxy",
    "jupyter-collaboration",
    "jupyter-fs",
    "jupyter-server-mcp",
    "jupyterlab-git",
    "jhsingle-native-proxy",
    "marimo",
    "s3contents",
    "oauthenticator",
)
_EXAMPLE = "finding(title, project=…, steps=…, expected=…, seen=…)"


@dataclass(frozen=True, slots=True)
class Finding:
    """One contradiction, in the form of a report to the project concerned."""

    title: str
    project: str
    steps: str
    expected: str
    seen: str


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "finding(title, project, steps, expected, seen): this test proves a contradiction to the "
        "documentation",
    )


def findings_of(item: pytest.Item) -> tuple[Finding, ...]:
    """The findings that a test proves. Raises pytest.UsageError for an incomplete marker."""
    return tuple(_finding(mark, item) for mark in item.iter_markers("finding"))


def _finding(mark: pytest.Mark, item: pytest.Item) -> Finding:
    try:
        found = Finding(*mark.args, **mark.kwargs)
    except TypeError as error:
        raise pytest.UsageError(
            f"{item.nodeid}, marker finding: {str(error).rpartition('() ')[2]}; hint: {_EXAMPLE}"
        ) from None
    if found.project not in PROJECTS:
        raise pytest.UsageError(
            f"{item.nodeid}, marker finding: there is no project {found.project!r}; "
            f"hint: one of {', '.join(PROJECTS)}"
        )
    return found


def pytest_itemcollected(item: pytest.Item) -> None:
    """Parse the markers, so that a wrong one fails the collection and not the report."""
    findings_of(item)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Write a finding into the journal when its test passes."""
    report = yield
    if call.when == "call" and report.passed and not hasattr(report, "sabotage"):
        for found in findings_of(item):
            item.config.stash[EVIDENCE].record(
                FindingConfirmed(
                    item.nodeid, found.title, found.project, found.steps, found.expected, found.seen
                )
            )
    return report
