"""The results of `--sabotage`: what was noticed, what was not, and what could not be tried."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from hublab.pytest_plugin.kept_score import Subject

Outcome = tuple[str, str, str, str]
"""`caught`, `missed` or `broken`; the subject's name and digest; the pair of cases, or why."""


def outcome_of(report: pytest.TestReport) -> Outcome | None:
    """The result of sabotage that a report has."""
    found: Outcome | None = getattr(report, "sabotage", None)
    return found


def set_outcome(report: pytest.TestReport, outcome: str, subject: Subject, detail: str) -> None:
    """Have a report, which may go to another process, tell a result."""
    report.sabotage = (outcome, subject.name, subject.digest, detail)  # type: ignore[attr-defined]


@dataclass(slots=True)
class Score:
    """The results of the subjects, by their names."""

    caught: dict[str, str] = field(default_factory=dict)
    """The pair with which it failed."""
    missed: dict[str, list[str]] = field(default_factory=dict)
    """The pairs with which it passed."""
    broken: dict[str, str] = field(default_factory=dict)
    """Why it could not run."""

    def add(self, report: pytest.TestReport) -> None:
        """Count a report, if it has a result of sabotage."""
        result = outcome_of(report)
        if result:
            outcome, scenario, _, detail = result
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
    def uncaught(self) -> list[str]:
        """The scenarios that failed with no pair."""
        return sorted(self.scenarios - self.caught.keys())
