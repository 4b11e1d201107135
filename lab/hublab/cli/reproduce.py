"""`hublab reproduce`: a report from another project's tracker, run on this version."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from dataclasses import asdict, dataclass

import click
import pytest

from hublab.cli.common import emit, json_option, out, table
from hublab.deployment.software import versions
from hublab.errors import ExpectationFailed, MachineError, Undecided, UsageError
from hublab.paths import ROOT, SCENARIOS
from hublab.pytest_plugin.catalogue import collect
from hublab.pytest_plugin.selection import Issue

AROUND = ("https", "http", "github", "com", "issues", "pull", "issue")
"""Words of an issue's address that are no project."""


@dataclass(frozen=True, slots=True)
class Reported:
    """An issue and the scenario that reproduces it."""

    issue: str
    happens: bool | None
    workaround: str
    title: str
    scenario: str


@click.command()
@click.argument("issue", required=False, metavar="[PROJECT#NUMBER]")
@json_option
def reproduce(issue: str | None, as_json: bool) -> None:
    """Run the scenarios of one issue, and say whether it still happens and what helps.

    Without an issue: list those that can be reproduced. A lab is brought up for it and ended
    again. Exit code 1 when the scenario did not hold, 2 when it could not be decided.

    \b
    Examples:
      hublab reproduce
      hublab reproduce jupyterhub#2000
    """
    known = reported()
    if issue is None:
        listing(known, as_json)
        return
    wanted = [one for one in known if one.issue.lower() == issue.lower()]
    if not wanted:
        raise unknown_issue(issue, known)
    outcome = run(wanted[0].issue)
    if as_json:
        emit([{**asdict(one), "outcome": outcome, "versions": versions()} for one in wanted])
    elif outcome == "held":
        for one in wanted:
            click.echo(verdict(one))
    if outcome == "failed":
        raise ExpectationFailed(
            f"{issue} does not behave as its scenario says; pytest's report stands above",
            where=", ".join(one.scenario for one in wanted),
        )
    if outcome == "undecided":
        raise Undecided(f"{issue} could not be decided; pytest's report stands above")


def unknown_issue(issue: str, known: list[Reported]) -> UsageError:
    """The error for an issue that no scenario is about, with what was surely meant."""
    names = dict.fromkeys(one.issue for one in known)  # several scenarios may be about one
    meant = [name for name in names if is_meant(name, issue)]
    listed = "`hublab reproduce` lists them"
    return UsageError(
        f"no scenario is about {issue}",
        hint=f"{' or '.join(meant)}; {listed}" if meant else listed,
    )


def is_meant(name: str, typed: str) -> bool:
    """Whether an issue was meant, by its number alone, its address, or with a slip in one of both.

    Numbers that only look alike are of other issues: near is one figure too few or too many, or two
    that changed places.
    """
    project, _, number = name.lower().rpartition("#")
    found = re.fullmatch(r"(.*?)[^a-z0-9]*(\d+)\D*", typed.strip().lower())
    if not found:
        return False
    words = [word for word in re.split(r"[^a-z0-9_-]+", found[1]) if word and word not in AROUND]
    if found[2] == number:
        own = project.rpartition("/")[2]
        return not words or bool(difflib.get_close_matches(own, words[-1:], cutoff=0.8))
    return "/".join(words) == project and is_slip(found[2], number)


def is_slip(one: str, other: str) -> bool:
    """Whether two numbers differ by a figure left out, or by two neighbours exchanged."""
    short, long = sorted((one, other), key=len)
    left_out = {long[:i] + long[i + 1 :] for i in range(len(long))}
    exchanged = {long[:i] + long[i + 1] + long[i] + long[i + 2 :] for i in range(len(long) - 1)}
    return short in left_out | exchanged


def reported() -> list[Reported]:
    """Every issue that a scenario bears, once for each of its tests."""
    found = [
        _reported(issue, experiment.title, f"scenarios/{scenario.path}::{experiment.name}")
        for scenario in collect()
        for experiment in scenario.experiments.values()
        for issue in experiment.issues
    ]
    return sorted(found, key=lambda one: (one.issue.partition("#")[0], number_of(one.issue)))


def _reported(issue: Issue, title: str, scenario: str) -> Reported:
    return Reported(issue.name, issue.happens, issue.workaround, title, scenario)


def number_of(issue: str) -> int:
    digits = issue.rpartition("#")[2]
    return int(digits) if digits.isdecimal() else 0


class _Outcomes:
    """Keeps how the tests of a run ended."""

    def __init__(self) -> None:
        self.failed = self.undecided = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.undecided |= bool(getattr(report, "undecided", False))
        self.failed |= report.failed and not getattr(report, "undecided", False)


def run(issue: str) -> str:
    """Run an issue's scenarios, pytest's words on stderr: held, failed or undecided.

    Raises MachineError when no lab can be had here.
    """
    outcomes = _Outcomes()
    # The plugin is part of this very program, so pytest comes too late to rewrite it.
    options = ["-q", "-W", "ignore::pytest.PytestAssertRewriteWarning", f"--rootdir={ROOT}"]
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main([*options, f"--issue={issue}", str(SCENARIOS)], plugins=[outcomes])
    if outcomes.failed or outcomes.undecided:
        return "failed" if outcomes.failed else "undecided"
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code != pytest.ExitCode.OK:
        raise MachineError("the lab for it did not come up", hint="`hublab doctor --fix`")
    return "held"


def verdict(one: Reported) -> str:
    """What the run has shown, in a line or two."""
    known = versions()
    where = (
        f"jupyterhub {known['jupyterhub']}, configurable-http-proxy "
        + (known["configurable-http-proxy"])
    )
    state = {True: "still happens", False: "does not happen any more", None: "was run"}
    lines = [f"{one.issue} {state[one.happens]} on {where}: {one.title}"]
    if one.workaround:
        lines.append(f"    workaround: {one.workaround}")
    return "\n".join(lines)


def listing(known: list[Reported], as_json: bool) -> None:
    """Every issue that can be reproduced."""
    if as_json:
        emit([asdict(one) for one in known])
        return
    words = {True: "yes", False: "no", None: ""}
    rows = table(None, "ISSUE", "STILL HAPPENS", "WHAT IS TRIED", "CURE")
    for one in known:
        rows.add_row(one.issue, words[one.happens], one.title, one.workaround)
    out.print(rows)
