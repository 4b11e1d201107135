"""What is printed of a scenario that failed: what matters to its author, and none of our frames.

`-vv`, `--full-trace`, `--showlocals` and any `--tb` print what pytest prints otherwise.
"""

from __future__ import annotations

import inspect
import os
import shlex
import time
from collections.abc import Generator

import pytest
from _pytest.outcomes import Failed

from hublab.cases.matrix import parse_axis
from hublab.errors import HublabError, Undecided
from hublab.pytest_plugin.cases import case_of, shown_option
from hublab.pytest_plugin.evidence_store import (
    ENTERED_AT,
    EVIDENCE,
    LAB,
    LOGS,
    STARTED_AT,
    STAYS,
)
from hublab.pytest_plugin.failing_line import (
    Compared,
    Place,
    expected_and_seen,
    place_of,
    users_places,
)
from hublab.pytest_plugin.failure_text import Failure, FailureRepr
from hublab.pytest_plugin.findings import findings_of
from hublab.pytest_plugin.item_names import name_of
from hublab.pytest_plugin.logged import said_by_hosts, subjects
from hublab.pytest_plugin.topologies import lab_options, topology_of
from hublab.settings.secrets import shown_value

_COMPARED = pytest.StashKey[Compared | None]()
_FAILURE = "hublab_failure"
_LONGEST = 300
"""Characters of one side of a comparison."""
_MOST_PLACES = 3


class NoCase(Failed):
    """The lab did not get into the case of a test."""

    def __init__(self, error: HublabError) -> None:
        super().__init__(str(error), pytrace=False)
        self.error = error


def is_told(item: pytest.Item) -> bool:
    """Whether this plugin tells of a failure of this test, and not pytest."""
    option = item.config.option
    return (
        topology_of(item) is not None
        and option.tbstyle == "auto"
        and option.verbose < 2
        and not (option.fulltrace or option.showlocals or option.sabotage)
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Forget the comparisons of the test before."""
    item.config.stash[_COMPARED] = None


def pytest_assertrepr_compare(
    config: pytest.Config, op: str, left: object, right: object
) -> list[str] | None:
    """Keep both sides of a comparison that does not hold; pytest explains it."""
    config.stash[_COMPARED] = Compared(op, short_repr(left), short_repr(right))
    return None


def short_repr(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # a user's own class
        text = f"<{type(value).__name__}, whose repr raises {type(error).__name__}>"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Replace the traceback of a scenario that failed. After the evidence was saved."""
    report = yield
    if report.failed and call.excinfo is not None and is_told(item):
        failure = failure_of(item, call.excinfo, report.when)
        report.longrepr = FailureRepr(failure)
        setattr(report, _FAILURE, failure.as_json())
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Rebuild what a worker sent, so that the controller prints it with colours."""
    if isinstance(report.longrepr, str) and hasattr(report, _FAILURE):
        report.longrepr = FailureRepr(Failure.of(getattr(report, _FAILURE)))


def failure_of(
    item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], when: str | None
) -> Failure:
    """What is told of a failed test."""
    clean = item.config.stash[EVIDENCE].clean if LAB in item.stash else str
    expected, seen, places = sides_of(item, excinfo)
    case = case_of(item)
    here = item.config.invocation_params.dir
    summary = f"expected {expected}, seen {seen}" if expected else seen
    return Failure(
        claim=claim_of(item, excinfo.value, when),
        case=[f"{key} = {shown_value(key, value) or repr('')}" for key, value in case.items()]
        if case
        else [],
        expected=clean(expected),
        seen=clean(seen),
        logs=logs_of(item),
        places=[(one.shown(here), one.source) for one in shown_places(places)],
        hints=hints_for(item),
        crash=(places[-1].shown(here).rpartition(":")[0], places[-1].number, clean(summary)),
    )


def sides_of(
    item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException]
) -> tuple[str, str, list[Place]]:
    """What was expected, empty where nothing was compared; what was seen; and where."""
    error = excinfo.value
    places = users_places(excinfo, item) or [place_of(item)]
    wanted = expected_and_seen(places[-1], item.config.stash.get(_COMPARED, None))
    if not (isinstance(error, AssertionError) and wanted):
        return "", said_by(error), places
    expected, seen = wanted
    return expected, "\n".join(filter(None, [seen, *explained(str(error), seen)])), places


def shown_places(places: list[Place]) -> list[Place]:
    """The line of the test and those nearest to the failure."""
    return places if len(places) <= _MOST_PLACES else [places[0], *places[1 - _MOST_PLACES :]]


def claim_of(item: pytest.Item, error: BaseException, when: str | None) -> str:
    """The sentence that does not hold, and in which way."""
    sentence = sentence_of(item)
    if isinstance(error, NoCase):
        return f"cannot be tried: {sentence}"
    if isinstance(error, Undecided):
        return f"undecided: {sentence}"
    return f"{'does not hold' if when == 'call' else f'failed in its {when}'}: {sentence}"


def sentence_of(item: pytest.Item) -> str:
    """What a test claims: by its docstring, by its finding, or by its name."""
    function = getattr(item, "function", None)
    sentence = " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
    if not sentence and (findings := findings_of(item)):
        sentence = findings[0].title
    if not sentence:
        sentence = getattr(item, "originalname", item.name).removeprefix("test_").replace("_", " ")
    return sentence


def said_by(error: BaseException) -> str:
    """What an error says, without a hint that would need a lab which may be gone."""
    own = error.error if isinstance(error, NoCase) else error
    if isinstance(own, HublabError):
        hint = (
            f"\nhint: {', '.join(own.hint.splitlines())}"
            if own.hint and "`hublab " not in own.hint
            else ""
        )
        return own.message + (f"\nat {own.where}" if own.where else "") + hint
    if isinstance(own, BaseExceptionGroup):
        return "\n".join(said_by(one) for one in own.exceptions)
    if isinstance(own, AssertionError | Failed):
        return str(own) or "it failed, and does not say why"
    return f"{type(own).__name__}: {own}" if str(own) else type(own).__name__


def explained(message: str, seen: str) -> list[str]:
    """What an assertion says beside both sides: its own words, and where long values differ."""
    words, found, explanation = message.rpartition("assert ")
    if not found:
        return message.splitlines()
    # pytest indents all but the first line of an assertion's own words.
    own = [line.removeprefix("  ") if n else line for n, line in enumerate(words.splitlines())]
    first, *rest = explanation.splitlines() or [""]
    if not seen:
        return own or [first, *(line for line in rest if "where" not in line)]
    told = [line for line in rest if not line.lstrip().startswith(("+  where", "Use -v"))]
    return [*own, *(told if len(seen) > 60 else ())]


def logs_of(item: pytest.Item) -> dict[str, list[str]]:
    """A few lines of each host of the test's lab, since the lab was in the test's case."""
    if LAB not in item.stash:
        return {}
    evidence = item.config.stash[EVIDENCE]
    since = item.stash.get(ENTERED_AT, item.stash.get(STARTED_AT, time.time()))
    saved = item.stash.get(LOGS, None)
    found = said_by_hosts(saved or evidence.read_logs(item), since, subjects(evidence.events))
    return {
        host: [f"{at[11:19]} {evidence.clean(text)}" for at, text in lines]
        for host, lines in found.items()
    }


def hints_for(item: pytest.Item) -> list[tuple[str, str]]:
    """Commands that work as they stand, also once the run is over."""
    found = []
    if LAB in item.stash and item.stash.get(STAYS, False):
        name = item.stash[LAB].name
        found += [("look", f"hublab logs --name {name}"), ("", f"hublab reach --name {name}")]
    if again := command_for(item):
        found.append(("again", again))
    evidence = item.config.stash[EVIDENCE]
    folder = evidence.folder_of(item)
    if LAB in item.stash and evidence.keep != "none" and folder.is_dir():
        here = item.config.invocation_params.dir
        found.append(("evidence", shlex.quote(f"{os.path.relpath(folder, here)}/")))
    return found


def command_for(item: pytest.Item) -> str:
    """The command that runs this test in this case again, and leaves the lab up.

    Empty where it would contain a secret.
    """
    config = item.config
    here = config.invocation_params.dir
    test = os.path.relpath(item.path, here) + name_of(item)[len(item.nodeid.partition("::")[0]) :]
    words = ["pytest", test]
    for option, name in (("--axis", "axis"), ("--set", "set")):
        for text in config.getoption(name):
            if shown(text) != text:
                return ""
            words += [option, text]
    for file in config.getoption("lab_file"):
        words += ["--lab-file", str(file)]
    for tree in lab_options(config).checkouts:
        words += [tree.software.option, str(tree.folder)]
    if config.getoption("lab_name"):
        words += ["--lab-name", config.getoption("lab_name")]
    return shlex.join([*words, "--lab-keep"])


def shown(option: str) -> str:
    """An option of settings, its secrets hidden."""
    return shown_option(option, *parse_axis(option).values)
