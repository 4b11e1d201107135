"""A run's summary as Markdown, as GitHub shows it on the page of a workflow's run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from hublab.report.kept_runs import FAILED, event_in, journals_of, lines_of

MOST = 50
"""Failures that are listed: GitHub takes a summary of at most 1 MiB."""
LONGEST = 600
"""Characters of what was seen."""


def markdown_of(run: Path) -> str:
    """How a run went: the number of each outcome, and why each failure failed.

    Raises UsageError for a journal that cannot be read.
    """
    answered = list(events_of(run, '"kind": "case_answered"'))
    events = list(verdicts_of(run))
    if answered and not events:
        return table_of(answered)
    outcomes = Counter(str(one.get("outcome")) for one in events)
    counted = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    failures = [one for one in events if one.get("outcome") in FAILED]
    parts = [f"## hublab: {counted or 'no test ended'}\n"]
    parts += [told(one) for one in failures[:MOST]]
    if len(failures) > MOST:
        parts.append(f"and {len(failures) - MOST} failures more\n")
    return "\n".join(parts)


def events_of(run: Path, *marks: str) -> Iterator[Mapping[str, Any]]:
    """The events of all processes of a run whose lines have one of these marks."""
    journals = journals_of(run) if run.is_dir() else [run]
    for line in chain.from_iterable(map(lines_of, journals)):
        if any(mark in line for mark in marks):
            yield event_in(line)


def verdicts_of(run: Path) -> Iterator[Mapping[str, Any]]:
    """The verdicts of all processes of a run, each with the `faults` that its test had."""
    faults: list[str] = []
    for event in events_of(run, '"kind": "verdict"', '"kind": "fault_begun"'):
        if event.get("kind") == "fault_begun":
            targets = event.get("targets")
            hosts = map(str, targets if isinstance(targets, list) else [])
            faults.append(f"{event.get('fault')} {' '.join(hosts)}")
        else:
            yield {**event, "faults": ", ".join(dict.fromkeys(faults))}
            faults = []


def table_of(answered: Iterable[Mapping[str, Any]]) -> str:
    """What each case of a matrix answered, as a table."""
    last = {str(one.get("case")): one for one in answered}.values()
    found = [one.get("cells") for one in last]
    cells: list[Any] = [one if isinstance(one, dict) else {} for one in found]
    asked = list(dict.fromkeys(str(name) for row in cells for name in row))
    rows = [["case", *asked], ["---"] * (len(asked) + 1)]
    for one, row in zip(last, cells, strict=True):
        seen = [row.get(name) if isinstance(row, dict) else None for name in asked]
        shorts = [str(cell.get("short", "")) if isinstance(cell, dict) else "" for cell in seen]
        rows.append([str(one.get("case") or "default"), *shorts])
    lines = [f"| {' | '.join(map(plain, row))} |" for row in rows]
    return "\n".join([f"## hublab: {len(cells)} cases answered\n", *lines, ""])


def told(verdict: Mapping[str, Any]) -> str:
    """One failure: what does not hold, in which case, what was expected and seen."""
    claim = verdict.get("claim") or verdict.get("test")
    seen = str(verdict.get("seen") or verdict.get("message"))[:LONGEST]
    places = verdict.get("places")
    last = places[-1] if isinstance(places, list) and places else None
    rows = [
        ("test", verdict.get("test")),
        ("case", verdict.get("case")),
        ("fault", verdict.get("faults")),
        ("expected", verdict.get("expected")),
        ("seen", seen),
        ("at", last[0] if isinstance(last, list) and last else None),
    ]
    block = "\n".join(f"{label:<10}{indented(str(text))}" for label, text in rows if text)
    return f"### {verdict.get('outcome')}: {plain(str(claim))}\n\n{fenced(block)}\n"


def indented(text: str) -> str:
    return text.replace("\n", "\n" + " " * 10)


def plain(text: str) -> str:
    """A text in which nothing is markup: CommonMark lets any ASCII punctuation be escaped."""
    line = " ".join(text.split())
    return "".join(f"\\{one}" if one in "\\`*_{}[]<>#|!&~$@" else one for one in line)


def fenced(text: str) -> str:
    """A block of code; its fence is longer than any in the text (CommonMark)."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}text\n{text}\n{fence}"
