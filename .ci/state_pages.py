"""Write docs/states.md: how sign-in and a server's life go on, drawn from what runs observed.

.venv/bin/python .ci/state_pages.py JOURNAL...    keep what journals saw in docs/states.json
.venv/bin/python .ci/state_pages.py [--check]     the page of what is kept; --check: is it current?

Either writes the page. `make states` makes the journal. What no run saw is not drawn, and a test
that failed tells nothing.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from made_page import write_or_check

from hublab.deployment.software import versions
from hublab.journal.events import Observed, Verdict
from hublab.journal.file import read_journal

ROOT = Path(__file__).resolve().parents[1]
KEPT, PAGE = ROOT / "docs" / "states.json", ROOT / "docs" / "states.md"
PARTS = ("row", "token", "client", "process", "route")
"""Of a server, in the order in which a start makes them (spawner_states/test_timeline.py)."""
STEPS = re.compile(
    r"/(hub/(login|logout|home|spawn|user/|api/oauth2/authorize)|user/NAME|services/)"
)
"""Pages of the way in and out; other addresses are no part of it."""

Kept = dict[str, list[list[Any]]]
"""By section: rows whose last field names the files of the scenarios that saw it."""


# -- from journals -----------------------------------------------------------------


def observations(journals: Iterable[Path]) -> Iterator[tuple[str, Observed]]:
    """What tests that held have seen, each with the file of its test.

    A journal is of one worker, so a verdict is about what was seen since the one before.
    """
    for path in journals:
        seen: list[Observed] = []
        for entry in read_journal(path):
            if isinstance(entry.event, Observed):
                seen.append(entry.event)
            elif isinstance(entry.event, Verdict):
                file = entry.event.test.partition("::")[0]
                if entry.event.outcome == "held":
                    yield from ((file, one) for one in seen)
                seen = []


def kept_of(journals: Iterable[Path]) -> Kept:
    """The rows of all sections, in an order that does not depend on the runs'."""
    found: dict[str, dict[tuple[Any, ...], set[str]]] = {"server": {}, "parts": {}, "steps": {}}
    for file, one in observations(journals):
        asked, saw = one.data.get("asked", {}), one.data.get("seen")
        rows: list[tuple[str, tuple[Any, ...]]] = []
        if one.probe == "server_states" and saw:
            states = [state for _, state in saw]
            rows = [("server", pair) for pair in pairwise(states)]
        elif one.probe == "server_parts" and saw:
            there = tuple(name for name in PARTS if saw[name])
            rows = [("parts", (name_of(saw["state"]), *there))]
        elif one.probe == "request" and saw:
            rows = [("steps", step) for step in steps_of(asked, saw)]
        for section, row in rows:
            found[section].setdefault(row, set()).add(file)
    return {
        section: [[*row, sorted(files)] for row, files in sorted(rows.items())]
        for section, rows in found.items()
    }


def name_of(state: dict[str, Any]) -> str:
    """As the probe names a state."""
    return str(state["pending"] or ("ready" if state["ready"] else "stopped"))


def steps_of(asked: dict[str, Any], seen: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """Method, page, status and next page of each request of a chain; "" where it leads nowhere."""
    method, url = asked["method"], asked["url"]
    chain = [
        (one["method"], one["url"], one["status"], one["location"]) for one in seen["redirects"]
    ]
    location = next((v for k, v in seen["headers"] if k.lower() == "location"), None)
    if chain:
        method, url = "GET", urljoin(chain[-1][1], chain[-1][3] or "")
    for how, at, status, to in [*chain, (method, url, seen["status"], location)]:
        page, then = page_of(at), page_of(urljoin(at, to)) if to else ""
        if STEPS.match(page) and (not then or STEPS.match(then)):
            yield how, page, status, then


def page_of(url: str) -> str:
    """The path of a URL, whoever's it is."""
    path = re.sub(r"/(user|spawn|spawn-pending)/[^/]+", r"/\1/NAME", urlsplit(url).path)
    path = re.sub(
        r"^/user/NAME/(?!(lab|tree|api|oauth_callback|logout)\b)[^/]+/?", "/user/NAME/", path
    )
    return path.rstrip("/") or "/"


# -- the page ------------------------------------------------------------------------

HEAD = """\
# States, as runs saw them

Made from the journals of runs (`make states`): each arrow and each row was observed by the
scenarios named beside it. What no run saw is not here. `docs/states.json` has the rows.

Seen on {software}.
"""
SERVER = """
## A server

The hub's own word for a default or named server, watched from before its start. Of what lasts less
than a question, 50 ms, a watch may see nothing.
"""
OF_A_STATE = """
What there is of a server, by the hub's word: its row, API token and OAuth client in the hub's
database, its process on the node, its route in the proxy."""
SIGN_IN = """
## Sign-in and sign-out

Which page an answer leads to: the arrow says with which request and status. NAME stands for whoever
it is; queries are left out.
"""
ANSWERS = """
Answers that lead nowhere:"""


def page(kept: Kept, software: str) -> str:
    """The whole page."""
    parts = [HEAD.format(software=software), SERVER]
    parts += ["```mermaid", "stateDiagram-v2"]
    parts += [f"  {begun} --> {then}" for begun, then, _ in kept["server"]]
    parts += ["```", *table(("from", "to"), kept["server"]), OF_A_STATE]
    rows = [[row[0], ", ".join(row[1:-1]) or "nothing", row[-1]] for row in kept["parts"]]
    parts += [*table(("state", "there is"), rows), SIGN_IN]
    arrows = [row for row in kept["steps"] if row[3]]
    parts += ["```mermaid", "flowchart LR", *flow(arrows), "```"]
    parts += table(("request", "status", "leads to"), [line_of(row) for row in arrows])
    ends = [line_of(row, with_next=False) for row in kept["steps"] if not row[3]]
    parts += [ANSWERS, *table(("request", "status"), ends)]
    return "\n".join(parts) + "\n"


def line_of(row: Sequence[Any], *, with_next: bool = True) -> list[Any]:
    method, at, status, then, files = row
    return [f"{method} `{at}`", status, *([f"`{then}`"] if with_next else []), files]


def flow(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """Lines of a Mermaid flowchart: one box a page, one arrow for all requests between two."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for method, at, status, then, _ in rows:
        arrows.setdefault((at, then), []).append(f"{method} {status}")
    names = {name: f"p{n}" for n, name in enumerate(dict.fromkeys(sum(arrows, ())))}
    yield from (f'  {short}["{name}"]' for name, short in names.items())
    for (at, then), labels in arrows.items():
        yield f'  {names[at]} -->|"{", ".join(labels)}"| {names[then]}'


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """A table of Markdown; the last field of a row names files."""
    yield ""
    yield f"| {' | '.join(names)} | seen by |"
    yield "|---" * (len(names) + 1) + "|"
    for row in rows:
        files = ", ".join(f"[{Path(one).stem[5:]}](../{one})" for one in row[-1])
        yield f"| {' | '.join(map(str, row[:-1]))} | {files} |"


def main(arguments: list[str]) -> int:
    journals = [Path(one) for one in arguments if one != "--check"]
    if journals:
        software = ", ".join(f"{name} {version}" for name, version in versions().items())
        kept = {"software": software, **kept_of(journals)}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    kept = json.loads(KEPT.read_text())
    current = page(kept, kept.pop("software"))
    return write_or_check(PAGE, current, arguments, ".ci/state_pages.py")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
