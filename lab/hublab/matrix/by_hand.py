"""The command that brings a lab up in a case of a matrix, so that one can look at it by hand."""

from __future__ import annotations

import os.path
import shlex

from hublab.cases.labs import topology_files
from hublab.cases.matrix import Case
from hublab.cases.options import DEFAULT_TOPOLOGY
from hublab.cases.surroundings import FAULT
from hublab.matrix.plan import MatrixPlan
from hublab.matrix.results import Results
from hublab.settings.syntax import format_value, is_snippet

NAME = "case"
"""Of the lab, so that no other one is in the way."""


def first_failure(results: Results) -> str | None:
    """The command for the first case with a reason why something did not work, if there is one.

    A refusal without one, as of a WebSocket from elsewhere, may be what the case is about.
    """
    failed = {
        row.id
        for row in results.in_order()
        if any(one.detail and not one.ok for one in row.cells.values())
    }
    commands = (by_hand(results.plan, case) for case in results.plan.cases if case.id in failed)
    return next((command for command in commands if command), None)


def by_hand(plan: MatrixPlan, case: Case) -> str | None:
    """None for what no such command says: a fault, a snippet, a secret."""
    settings = case.settings
    if case.around.get(FAULT, "none") != "none":
        return None
    if settings.secret_values() or any(is_snippet(key) for key in settings):
        return None
    argv = ["hublab", "up", "--name", NAME]
    files = plan.files_of(case)
    if files != DEFAULT_TOPOLOGY:
        for file in topology_files(files):
            argv += ["-f", os.path.relpath(file)]
    for key, value in settings.items():
        argv += ["--set", f"{key}={format_value(key, value)}"]
    return shlex.join(argv)
