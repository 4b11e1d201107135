"""`--sabotage`: the lab gets one case and the test is told another; a good scenario notices.

A scenario that cannot fail proves nothing. Each is run with pairs of its own cases, one told and
another applied, until it fails for one of them. One with a single case names its own break:

    @pytest.mark.sabotage("hub.JupyterHub.hub_connect_ip", "127.0.0.1")

The setting is then applied beside the case, and nobody tells the test. The run fails when a
scenario is left that held in all its wrong cases, or that names nothing to break.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from hublab.cases.matrix import Case
from hublab.pytest_plugin.evidence import scenario_of
from hublab.pytest_plugin.wrong_cases import Pair


@dataclass(slots=True)
class Score:
    """What is known of each scenario, by its id without the case."""

    caught: dict[str, str] = field(default_factory=dict)
    """The pair that made it fail."""
    missed: dict[str, list[str]] = field(default_factory=dict)
    """The pairs in which it held."""
    broken: dict[str, str] = field(default_factory=dict)
    """Why it could not be tried."""

    def take(self, report: pytest.TestReport) -> None:
        """Count one report that bears a result of sabotage."""
        result: tuple[str, str, str] | None = getattr(report, "sabotage", None)
        if result:
            outcome, scenario, detail = result
            if outcome == "caught":
                self.caught[scenario] = detail
            elif outcome == "missed":
                self.missed.setdefault(scenario, []).append(detail)
            else:
                self.broken.setdefault(scenario, detail)

    @property
    def scenarios(self) -> set[str]:
        return self.caught.keys() | self.missed.keys() | self.broken.keys()

    @property
    def bad(self) -> list[str]:
        """The scenarios that no pair made fail."""
        return sorted(self.scenarios - self.caught.keys())


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--sabotage`."""
    parser.getgroup("hublab").addoption(
        "--sabotage",
        action="store_true",
        help="apply one case and tell the test another: each scenario must fail for one pair",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker."""
    config.addinivalue_line(
        "markers",
        "sabotage(setting, value): what breaks this scenario, for --sabotage, if its own cases "
        "do not",
    )
    if config.getoption("--sabotage"):
        config.pluginmanager.register(Judge(Score()), "hublab-sabotage")


@pytest.fixture
def applied(case: Case) -> Case:
    """The case that the lab is put into: the test's own, but for `--sabotage`.

    Made anew for each test: of a matrix and without one, `case` is not the same fixture, so that
    pytest would keep the earlier one's.
    """
    return case


class Judge:
    """Runs each scenario until it has failed once, and keeps the score."""

    def __init__(self, score: Score) -> None:
        self.score = score

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Tests without a lab have nothing that could be put into a wrong case."""
        without = [item for item in items if "applied" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """One failure is enough, and without a wrong case there is nothing to try."""
        if scenario_of(item) in self.score.caught:
            pytest.skip("it failed in a wrong case already")
        if pair_of(item) is None:
            pytest.fail("it has one case only, and no marker sabotage", pytrace=False)

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Turn the verdict round: a test that fails has noticed."""
        report: pytest.TestReport = yield
        failed = call.excinfo is not None and not report.skipped
        pair = pair_of(item)
        told = f"told {pair[0].id}, applied {pair[1].id}" if pair else ""
        if call.when == "call" and not report.skipped:
            result = ("caught" if failed else "missed", scenario_of(item), told)
            report.sabotage = result  # type: ignore[attr-defined]
            report.outcome, report.longrepr = "passed", None
        elif failed:
            why = str(call.excinfo.value).partition("\n")[0] if call.excinfo else ""
            report.sabotage = (  # type: ignore[attr-defined]
                "broken",
                scenario_of(item),
                f"{why} ({told})" if told else why,
            )
        if hasattr(item.config, "workerinput"):
            self.score.take(report)  # a worker skips by what it saw itself
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.score.take(report)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> Any:
        """Letters of their own; a pair that was skipped because one was enough says nothing."""
        result = getattr(report, "sabotage", None)
        if report.skipped and report.when == "setup":
            return "", "", ""
        if result and result[0] == "caught":
            return "caught", "c", ("CAUGHT", {"green": True})
        if result and result[0] == "missed":
            return "missed", "m", ("MISSED", {"yellow": True})
        return None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """A scenario that no pair made fail makes the run fail."""
        if self.score.bad and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The score, and what is not in it."""
        terminalreporter.section("sabotage")
        for scenario in self.score.bad:
            terminalreporter.write_line(f"NOT CAUGHT {scenario}", red=True)
            reasons = [self.score.broken.get(scenario, "")]
            reasons += [f"it held when {pair}" for pair in self.score.missed.get(scenario, [])]
            for reason in filter(None, reasons):
                terminalreporter.write_line(f"    {reason}")
        caught, total = len(self.score.caught), len(self.score.scenarios)
        terminalreporter.write_line(f"{caught} of {total} scenarios fail when the case is wrong")


def pair_of(item: pytest.Item) -> Pair | None:
    """The case that this item is told, and the one that its lab gets."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    told, wrong = params.get("case"), params.get("applied")
    return (told, wrong) if isinstance(told, Case) and isinstance(wrong, Case) else None
