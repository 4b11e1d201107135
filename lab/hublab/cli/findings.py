"""`hublab findings`: lists where the software contradicts its documentation."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import click

from hublab.cli.common import out, table
from hublab.cli.grep import has_words, nothing_has
from hublab.cli.json_output import emit, json_option
from hublab.deployment.software import versions
from hublab.errors import UsageError
from hublab.pytest_plugin.catalogue import collect
from hublab.pytest_plugin.findings import Finding


@dataclass(frozen=True, slots=True)
class Listed:
    """A finding and the scenarios that prove it."""

    number: int
    title: str
    project: str
    version: str
    steps: str
    expected: str
    seen: str
    scenarios: tuple[str, ...]


@click.command()
@click.argument("number", type=int, required=False, metavar="[NUMBER]")
@click.option(
    "--grep", metavar="WORDS", help="List the findings whose texts have all of these words."
)
@json_option
def findings(number: int | None, grep: str | None, as_json: bool) -> None:
    """List where software contradicts its documentation.

    Scenarios prove each finding: it is valid as long as they pass, so `pytest scenarios` proves it
    again. With NUMBER the command prints that finding as Markdown, ready to send to its project.

    \b
    Examples:
      hublab findings
      hublab findings 3
      hublab findings --grep "database token"
      hublab findings --json
    """
    listed = all_findings()
    if number is not None and grep is not None:
        raise UsageError("a number is of one finding, and --grep lists some", hint="one of the two")
    if grep is not None:
        listed = with_words(listed, grep)
    if number is not None:
        if not 1 <= number <= len(listed):
            raise UsageError(f"there is no finding {number}", hint=f"1 to {len(listed)}")
        listed = [listed[number - 1]]
    if as_json:
        emit([asdict(one) for one in listed])
    elif number is not None:
        click.echo(report(listed[0]))
    else:
        rows = table(None, "", "PROJECT", "FINDING", "SCENARIO")
        for one in listed:
            proofs = "\n".join(one.scenarios)
            rows.add_row(str(one.number), f"{one.project} {one.version}", one.title, proofs)
        out.print(rows)


def with_words(listed: list[Listed], grep: str) -> list[Listed]:
    """The findings with all these words, with their numbers. Raises UsageError for none."""
    found = [one for one in listed if has_words(grep, *asdict(one).values())]
    if not found:
        raise nothing_has(grep, "no finding has", "hublab findings")
    return found


def all_findings() -> list[Listed]:
    """All findings in the order of their scenarios, with the versions that showed them."""
    proofs: dict[Finding, list[str]] = {}
    for scenario in collect():
        for experiment in scenario.experiments.values():
            for finding in experiment.findings:
                proofs.setdefault(finding, []).append(
                    f"scenarios/{scenario.path}::{experiment.name}"
                )
    known = versions()
    return [
        Listed(
            number, f.title, f.project, known.get(f.project, ""), f.steps, f.expected, f.seen, at
        )
        for number, (f, at) in enumerate(((f, tuple(at)) for f, at in proofs.items()), 1)
    ]


def report(one: Listed) -> str:
    """A finding as a report to its project."""
    software = "\n".join(f"- {name} {version}" for name, version in versions().items())
    return (
        f"# {one.title}\n\n## Versions\n\n{software}\n\n## Steps\n\n{one.steps}\n\n"
        f"## Expected\n\n{one.expected}\n\n## Seen\n\n{one.seen}\n\n"
        f"Proved by `pytest {' '.join(one.scenarios)}` in hublab."
    )
