"""One self-contained HTML file: the page, and the journal's lines as packed, inert data.

Nothing of a journal is markup in this file: its lines are compressed and in base64, whose alphabet
has neither `<` nor `&`, and the page shows them as text. The file's own policy lets only the page's
script run, known by its digest, and lets no request leave.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path

from hublab.errors import InternalError
from hublab.report.kept_runs import journals_of, lines_of
from hublab.report.page_files import PageFiles

PIECE = 20_000
"""Lines of one packed piece; a page reads piece after piece."""
LEVEL = 6
"""Of gzip: 9 makes a journal 2 % smaller in three times the time."""
FORM = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; {policy}; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="report"><main><p>Without JavaScript, which runs in this file alone, it shows nothing.</p>
</main></div>
{pieces}
<script>{script}</script>
</body>
</html>
"""


def streams_of(run: Path) -> Iterator[tuple[str, Iterable[str]]]:
    """The name and the lines of each process's journal of a run, a folder or a file."""
    if run.is_file():
        yield "", lines_of(run)
        return
    for journal in journals_of(run):
        yield journal.stem.partition("-")[2], lines_of(journal)


def make_page(title: str, streams: Iterable[tuple[str, Iterable[str]]], files: PageFiles) -> str:
    """The report as HTML; the streams' names tell the journals of several processes apart."""
    for text, end in ((files.script, "</script"), (files.style, "</style")):
        if end in text.lower():
            raise InternalError(f"the page of reports ends its own element: {end}")
    return FORM.format(
        policy=f"script-src '{digest(files.script)}'; style-src 'unsafe-inline'",
        title=escape(f"{title} – hublab report"),
        style=files.style,
        script=files.script,
        pieces="\n".join(piece for name, lines in streams for piece in packed(name, lines)),
    )


def digest(script: str) -> str:
    """A script as a policy names it (Content Security Policy Level 3, `hash-source`)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def packed(name: str, lines: Iterable[str]) -> Iterator[str]:
    """The lines of a stream as script elements that never run."""
    begun: list[str] = []
    for line in lines:
        begun.append(line)
        if len(begun) == PIECE:
            yield piece(name, begun)
            begun = []
    if begun:
        yield piece(name, begun)


def piece(name: str, lines: list[str]) -> str:
    """Some lines of a stream as one element."""
    data = gzip.compress("\n".join(lines).encode(errors="replace"), LEVEL, mtime=0)
    text = base64.b64encode(data).decode()
    kind = "application/x-hublab-journal"
    return f'<script type="{kind}" data-stream="{escape(name)}">{text}</script>'
