"""`hublab reproduce`: runs an issue of another project's tracker on the lab's versions."""

from __future__ import annotations

import contextlib
import difflib
import re
import sys
from dataclasses import asdict, dataclass

import click
import pytest

from hublab.checkouts import Checkout, describe
from hublab.cli.common import out, table
from hublab.cli.complete import issues
from hublab.cli.grep import has_words, nothing_has
from hublab.cli.json_output import emit, json_option
from hublab.cli.sources import source_options
from hublab.deployment.software import versions
from hublab.errors import ExpectationFailed, MachineError, Undecided, UsageError
from hublab.paths import ROOT, SCENARIOS
from hublab.pytest_plugin.catalogue import collect

AROUND = ("https", "http", "github", "com", "issues", "pull", "issue")
"""Words of an issue's URL that do not name its project."""

MENDED = (
    "its scenario says that it happens, so one that fails where it describes the fault means that "
    "the working tree mends it"
)


@dataclass(frozen=True, slots=True)
class Reported:
    """An issue and the scenario that reproduces it."""

    issue: str
    happens: bool | None
    workaround: str
    title: str
    scenario: str
    about: str = ""
    """The title of the scenario's file, of which `title` is one sentence."""
    why: str = ""
    """What its scenario's file says of it: where a symptom is found that no title names."""


@click.command()
@click.argument("issue", required=False, metavar="[PROJECT#NUMBER]", shell_complete=issues)
@click.option(
    "--grep",
    metavar="SYMPTOM",
    help="List the issues whose texts have all of these words, as '503 restart'.",
)
@source_options
@json_option
def reproduce(
    issue: str | None, grep: str | None, checkouts: tuple[Checkout, ...], as_json: bool
) -> None:
    """Run the scenarios of an issue, to see if it still happens.

    Prints the result and the known workaround. A working tree of your own runs in place of the
    release: whether its change mends what is reported. Without an issue it lists all that can be
    reproduced; --grep SYMPTOM those of a symptom. A lab is brought up for the run and removed
    afterwards. Exit code 1 when a scenario failed, 2 when one was undecided.

    \b
    Examples:
      hublab reproduce
      hublab reproduce jupyterhub#2000
      hublab reproduce --grep "proxy restart"
      hublab reproduce jupyterhub#2000 --hub-source ~/src/jupyterhub
    """
    if issue is not None and grep is not None:
        raise UsageError("an issue is run, and --grep lists issues", hint="one of the two")
    if issue is None and checkouts:
        option = checkouts[0].software.option
        raise UsageError("a working tree is for a run", where=option, hint="name an issue")
    known = reported()
    if grep is not None:
        list_issues(with_words(known, grep), as_json)
        return
    if issue is None:
        list_issues(known, as_json)
        return
    matching = [one for one in known if one.issue.lower() == issue.lower()]
    if not matching:
        raise unknown_issue(issue, known)
    outcome = run(matching[0].issue, checkouts)
    if as_json:
        ran = versions_with(checkouts)
        emit([{**asdict(one), "outcome": outcome, "versions": ran} for one in matching])
    elif outcome == "held":
        for one in matching:
            click.echo(verdict(one, checkouts))
    if outcome == "failed":
        raise ExpectationFailed(
            f"{issue} does not behave as its scenario expects; see pytest's report above",
            where=", ".join(one.scenario for one in matching),
            hint=MENDED if checkouts and any(one.happens for one in matching) else None,
        )
    if outcome == "undecided":
        raise Undecided(f"{issue} is undecided; see pytest's report above")


def with_words(known: list[Reported], grep: str) -> list[Reported]:
    """The issues with all the words of a symptom; those with them in the title come first.

    Raises UsageError where there is none.
    """
    titled = [one for one in known if has_words(grep, one.issue, one.title, one.workaround)]
    elsewhere = [
        one
        for one in known
        if one not in titled and has_words(grep, one.about, one.title, one.workaround, one.why)
    ]
    if not titled + elsewhere:
        raise nothing_has(grep, "no issue's texts have", "hublab reproduce")
    return titled + elsewhere


def unknown_issue(issue: str, known: list[Reported]) -> UsageError:
    """The error for an issue without a scenario; its hint names the issues that look meant."""
    names = dict.fromkeys(one.issue for one in known)  # several scenarios may have the same issue
    meant = [name for name in names if is_meant(name, issue)]
    listed = "`hublab reproduce` lists them"
    return UsageError(
        f"no scenario reproduces {issue}",
        hint=f"{' or '.join(meant)}; {listed}" if meant else listed,
    )


def is_meant(name: str, typed: str) -> bool:
    """Whether the user typed this issue: its number, its URL, or its name with a small mistake.

    A number that merely looks similar belongs to another issue. So a digit may be missing or added,
    or two neighbours exchanged, and the project must be right then.
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
    """Whether two numbers differ by one digit left out, or by two neighbours exchanged."""
    short, long = sorted((one, other), key=len)
    left_out = {long[:i] + long[i + 1 :] for i in range(len(long))}
    exchanged = {long[:i] + long[i + 1] + long[i] + long[i + 2 :] for i in range(len(long) - 1)}
    return short in left_out | exchanged


def reported() -> list[Reported]:
    """Every issue that a scenario is marked with, once for each of its tests."""
    found = [
        Reported(
            issue.name,
            issue.happens,
            issue.workaround,
            experiment.title,
            f"scenarios/{scenario.path}::{experiment.name}",
            scenario.title,
            scenario.why,
        )
        for scenario in collect()
        for experiment in scenario.experiments.values()
        for issue in experiment.issues
    ]
    return sorted(found, key=lambda one: (one.issue.partition("#")[0], number_of(one.issue)))


def number_of(issue: str) -> int:
    digits = issue.rpartition("#")[2]
    return int(digits) if digits.isdecimal() else 0


class _Outcomes:
    """A pytest plugin that remembers how the tests of a run ended."""

    def __init__(self) -> None:
        self.failed = self.undecided = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.undecided |= bool(getattr(report, "undecided", False))
        self.failed |= report.failed and not getattr(report, "undecided", False)


def run(issue: str, checkouts: tuple[Checkout, ...] = ()) -> str:
    """Run an issue's scenarios, pytest's output on stderr; returns held, failed or undecided.

    Raises MachineError when the lab does not come up.
    """
    outcomes = _Outcomes()
    # This program has imported the plugin already, so pytest cannot rewrite its assertions.
    options = ["-q", "-W", "ignore::pytest.PytestAssertRewriteWarning", f"--rootdir={ROOT}"]
    options += [f"{one.software.option}={one.folder}" for one in checkouts]
    with contextlib.redirect_stdout(sys.stderr):
        code = pytest.main([*options, f"--issue={issue}", str(SCENARIOS)], plugins=[outcomes])
    if outcomes.failed or outcomes.undecided:
        return "failed" if outcomes.failed else "undecided"
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code != pytest.ExitCode.OK:
        raise MachineError("the lab for it did not come up", hint="`hublab doctor --fix`")
    return "held"


def versions_with(checkouts: tuple[Checkout, ...]) -> dict[str, str]:
    """The versions that ran; for a working tree its folder, and what git calls its state."""
    trees = {
        one.software.name: " ".join(filter(None, (str(one.folder), describe(one.folder))))
        for one in checkouts
    }
    return versions() | trees


def verdict(one: Reported, checkouts: tuple[Checkout, ...] = ()) -> str:
    """The result of the run in one line, with the workaround in a second one."""
    known = versions_with(checkouts)
    where = (
        f"jupyterhub {known['jupyterhub']}, configurable-http-proxy "
        + (known["configurable-http-proxy"])
    )
    state = {True: "still happens", False: "does not happen any more", None: "was run"}
    lines = [f"{one.issue} {state[one.happens]} on {where}: {one.title}"]
    if one.workaround:
        lines.append(f"    workaround: {one.workaround}")
    return "\n".join(lines)


def list_issues(known: list[Reported], as_json: bool) -> None:
    """Print every issue that can be reproduced."""
    if as_json:
        emit([asdict(one) for one in known])
        return
    words = {True: "yes", False: "no", None: ""}
    rows = table(None, "ISSUE", "STILL HAPPENS", "WHAT IS TESTED", "WORKAROUND")
    for one in known:
        rows.add_row(one.issue, words[one.happens], f"{one.about} {one.title}", one.workaround)
    out.print(rows)
