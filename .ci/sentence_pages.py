"""Write docs/sentences.md: for each sentence of the scenarios what breaks it, and who noticed.

The counts stand in README.md as well.

.venv/bin/python .ci/sentence_pages.py [--check]     --check: only report whether it is current

Either ends with 1, and names file and line, if nothing could show that a scenario is wrong.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import cast

from made_page import ROOT, write_or_check

from hublab.paths import SCENARIOS
from hublab.pytest_plugin.breaks import WHOLE, Break
from hublab.pytest_plugin.catalogue import Scenario, collect
from hublab.pytest_plugin.docstrings import read_docstring
from hublab.pytest_plugin.kept_score import KeptScore, Noticed
from hublab.settings.secrets import shown_value
from hublab.settings.syntax import JSONValue, is_snippet

PAGE = ROOT / "docs" / "sentences.md"
README = ROOT / "README.md"
COUNTED = re.compile(r"Of \d+ sentences \d+ were seen to fail with their break\.")
SCORE = SCENARIOS / "noticed.json"
OWN_CASES = "its other cases"
LONGEST = 90
HEAD = """\
# What each scenario says, and what would show that it is wrong

Made from the scenarios and from `scenarios/noticed.json`, which `make sabotage` writes
(`make docs`). A row is a sentence of a scenario, the test that asserts it, and a break: a setting,
a change of the software in its process, or other cases than the test assumes. The test does not
know of the break, and must fail; for a finding without one of its own it is that of its test.
`not yet` was never run with its break, `not since it changed` not since the test or the break did.
{counts}
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One sentence, the test, the break, and whether it was noticed."""

    sentence: str
    test: str
    breaking: str
    noticed: Noticed

    def __str__(self) -> str:
        cells = (self.sentence, f"`{self.test}`", self.breaking, self.noticed.value)
        return f"| {' | '.join(one.replace('|', '&#124;') for one in cells)} |"


def page(scenarios: list[Scenario], score: KeptScore) -> str:
    """The whole page."""
    rows = {one.path: [*rows_of(one, score)] for one in scenarios}
    parts = [HEAD.format(counts=counts(scenarios, score))]
    for folder, those in groupby(scenarios, key=lambda one: one.folder):
        parts.append(f"## {folder}\n")
        for scenario in those:
            parts.append(f"### {scenario.title}\n\n`scenarios/{scenario.path}`\n")
            parts.append("| sentence | test | break | noticed |\n|---|---|---|---|")
            parts += [*map(str, rows[scenario.path]), ""]
    return "\n".join(parts)


def counts(scenarios: Iterable[Scenario], score: KeptScore) -> str:
    """How many sentences there are, and of how many the break was noticed."""
    rows = [row for one in scenarios for row in rows_of(one, score)]
    seen = sum(row.noticed is Noticed.YES for row in rows)
    return f"Of {len(rows)} sentences {seen} were seen to fail with their break."


def rows_of(scenario: Scenario, score: KeptScore) -> Iterator[Row]:
    """The sentences of one file."""
    for one in scenario.experiments.values():
        named = {by.sentence: words(by) for by in one.breaks}
        if one.whole_can_fail:
            named = {WHOLE: OWN_CASES, **named}
        for sentence, breaking in named.items():
            noticed = score.noticed(one.subjects[sentence])
            yield Row(sentence or one.title, one.name, breaking, noticed)
        first = next(iter(named), WHOLE)
        for finding in one.findings:
            if finding.title not in named:
                noticed = score.noticed(one.subjects[first])
                yield Row(f"Finding: {finding.title}", one.name, "the same as its test's", noticed)


def words(by: Break) -> str:
    """A break: settings, and what a change of the software does."""
    return "; ".join(
        change_in_words(cast("dict[str, str]", value)) if is_snippet(key) else setting(key, value)
        for key, value in by.settings.items()
    )


def change_in_words(snippet: dict[str, str]) -> str:
    """The title of a change's file, which says what is different."""
    title = read_docstring(ast.get_docstring(ast.parse(snippet["source"])) or "")[0]
    return f"changed software (`{snippet['name']}`): {title}"


def setting(key: str, value: JSONValue) -> str:
    """A setting and its value, which may be long."""
    text = shown_value(key, value)
    return f"`{key} = {text if len(text) <= LONGEST else text[: LONGEST - 1] + '…'}`"


def problems(scenarios: Iterable[Scenario]) -> Iterator[str]:
    """Each experiment that nothing could show to be wrong, by file and line."""
    for scenario in scenarios:
        for one in scenario.experiments.values():
            where = f"{(SCENARIOS / scenario.path).relative_to(ROOT)}:{one.line}: {one.name}"
            said = " ".join((scenario.title, one.title, *(f.title for f in one.findings)))
            if not one.breaks and not one.whole_can_fail:
                yield f"{where}: nothing breaks it: one case, and no marker sabotage"
            for by in one.breaks:
                if by.sentence not in said:
                    yield f"{where}: its break is of a sentence that it does not say: {by.sentence}"


def main(arguments: list[str]) -> int:
    scenarios = collect()
    found = list(problems(scenarios))
    for one in found:
        print(one, file=sys.stderr)
    score = KeptScore.read(SCORE)
    readme = COUNTED.sub(counts(scenarios, score), README.read_text(encoding="utf-8"))
    stale = [
        write_or_check(path, current, arguments, "`make docs`")
        for path, current in ((PAGE, page(scenarios, score)), (README, readme))
    ]
    return int(any(stale) or bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
