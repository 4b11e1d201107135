"""The pytest plugin: labs, cases and scenarios.

Each module has the options, markers and hooks of one concern. Collecting tests needs no Docker, so
nothing here imports code that talks to it before a test needs a lab.
"""

from __future__ import annotations

pytest_plugins = (
    "hublab.pytest_plugin.topologies",
    "hublab.pytest_plugin.cases",
    "hublab.pytest_plugin.coroutines",
    "hublab.pytest_plugin.findings",
    "hublab.pytest_plugin.failures",
    "hublab.pytest_plugin.evidence",
    "hublab.pytest_plugin.captured",
    "hublab.pytest_plugin.lab_table",
    "hublab.pytest_plugin.lab_fixture",
    "hublab.pytest_plugin.axis_check",
    "hublab.pytest_plugin.browser_fixture",
    "hublab.pytest_plugin.ordering",
    "hublab.pytest_plugin.run_report",
    "hublab.pytest_plugin.time_limit",
    "hublab.pytest_plugin.sabotage",
    "hublab.pytest_plugin.selection",
    "hublab.pytest_plugin.verdicts",
    "hublab.pytest_plugin.workers",
)
