"""A run's summary as Markdown, as GitHub shows it on the page of a workflow's run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
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
    events = list(verdicts_of(run))
    outcomes = Counter(str(one.get("outcome")) for one in events)
    counted = ", ".join(f"{number} {outcome}" for outcome, number in outcomes.most_common())
    failures = [one for one in events if one.get("outcome") in FAILED]
    parts = [f"## hublab: {counted or 'no test ended'}\n"]
    parts += [told(one) for one in failures[:MOST]]
    if len(failures) > MOST:
        parts.append(f"and {len(failures) - MOST} failures more\n")
    return "\n".join(parts)


def verdicts_of(run: Path) -> Iterator[Mapping[str, Any]]:
    """The verdicts of all processes of a run."""
    journals = journals_of(run) if run.is_dir() else [run]
    for line in chain.from_iterable(map(lines_of, journals)):
        if '"kind": "verdict"' in line:
            yield event_in(line)


def told(verdict: Mapping[str, Any]) -> str:
    """One failure: what does not hold, in which case, what was expected and seen."""
    claim = verdict.get("claim") or verdict.get("test")
    seen = str(verdict.get("seen") or verdict.get("message"))[:LONGEST]
    rows = [("test", verdict.get("test")), ("expected", verdict.get("expected")), ("seen", seen)]
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
