"""hublab in pytest: labs, cases and scenarios.

Each module has its options, markers and hooks beside the code that they serve. Collecting tests
needs no Docker: nothing here imports what talks to it.
"""

from __future__ import annotations

pytest_plugins = (
    "hublab.pytest_plugin.topologies",
    "hublab.pytest_plugin.cases",
    "hublab.pytest_plugin.coroutines",
    "hublab.pytest_plugin.evidence",
    "hublab.pytest_plugin.findings",
    "hublab.pytest_plugin.lab_fixture",
    "hublab.pytest_plugin.browser_fixture",
    "hublab.pytest_plugin.ordering",
    "hublab.pytest_plugin.sabotage",
    "hublab.pytest_plugin.selection",
    "hublab.pytest_plugin.verdicts",
    "hublab.pytest_plugin.workers",
)
