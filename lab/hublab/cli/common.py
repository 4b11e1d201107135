"""What the verbs share: options, output, and the way to a running lab."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from hublab.engine import Engine
from hublab.errors import HublabError
from hublab.journal.file import Journal
from hublab.paths import lab_folder
from hublab.progress import Steps
from hublab.running.lab import DEFAULT_NAME, Lab
from hublab.running.live import LiveLab, connect

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

WIDE = 200
"""Columns where there is no terminal to measure, and COLUMNS does not say."""


@dataclass(slots=True)
class Document:
    """Whether this command owes its caller a JSON document on stdout, and has given it."""

    wanted: bool = False
    given: bool = False


document = Document()


class Piped(Console):
    """A console that is no terminal: words stay whole, and no line ends with blanks."""

    def print(self, *objects: Any, **options: Any) -> None:
        tables = [one for one in objects if isinstance(one, Table)]
        usual = self.width
        self.width = max([usual, *(keep_words(self, one) for one in tables)])
        try:
            with self.capture() as said:
                whole = {"crop": False} if tables else {"soft_wrap": True}
                super().print(*objects, **(whole | options))
        finally:
            self.width = usual
        text = said.get()
        self.file.write(re.sub(r" +$", "", text, flags=re.MULTILINE) if tables else text)
        self.file.flush()


def keep_words(where: Console, rows: Table) -> int:
    """Give each column room for its longest word: names and addresses are there to be copied.

    Returns the width that the table needs at least.
    """
    needed = 0
    for column in rows.columns:
        cells = [where.render_str(str(cell)).plain for cell in (column.header, *column.cells)]
        column.min_width = max(
            (cell_len(word) for cell in cells for word in cell.split()), default=0
        )
        # Where no cell has a blank, it is the other columns that give way.
        column.no_wrap = not any(" " in cell for cell in cells)
        needed += column.min_width + rows.padding[1]
    return needed


def console(stderr: bool) -> Console:
    made = Console(stderr=stderr, highlight=False, soft_wrap=True)
    if made.is_terminal:
        return made
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) else WIDE
    return Piped(stderr=stderr, highlight=False, width=width)


out = console(stderr=False)
err = console(stderr=True)

name_option = click.option(
    "--name",
    "-n",
    default=DEFAULT_NAME,
    envvar="HUBLAB_NAME",
    show_default=True,
    show_envvar=True,
    help="The lab's name.",
)


def _note(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    document.wanted = document.wanted or value
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,  # so that what is wrong with other options is told as JSON too
    callback=_note,
    help="One JSON document on stdout, also of an error.",
)
server_option = click.option(
    "--server", default="", metavar="NAME", help="A named server instead of the default one."
)


def files_option(help_text: str) -> Callable[[F], F]:
    """The option that names Compose files; each verb says what it does with them."""
    return click.option(
        "--file",
        "-f",
        "files",
        multiple=True,
        type=click.Path(path_type=Path),
        metavar="FILE",
        help=help_text,
    )


def common(function: F) -> F:
    """The options that nearly every verb has."""
    return name_option(json_option(function))


def steps() -> Steps:
    """Progress of a long command, on stderr."""
    return Steps(err)


def emit(data: Any) -> None:
    """One JSON document on stdout."""
    document.given = True
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def emit_error(error: HublabError, *, asked: bool = False) -> None:
    """The error as the command's JSON document, where it owes one and has not given it."""
    if (asked or document.wanted) and not document.given:
        emit(error.as_json())


def table(title: str | None, *columns: str) -> Table:
    """An empty table in the house's look."""
    made = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def find(name: str) -> Lab:
    """The running lab of that name."""
    return Lab.find(name, Engine.connect())


def open_journal(lab: Lab, verb: str) -> Journal:
    """A journal for this command, in the lab's folder, which `down` removes."""
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S.%f")
    path = lab_folder(lab.name) / f"{stamp}-{verb}.ndjson"
    hidden = lab.secrets() | lab.settings().secret_values()
    return Journal.open(path, run=f"hublab {verb}", secrets=hidden)


def with_live(name: str, work: Callable[[LiveLab], Awaitable[T]], verb: str | None = None) -> T:
    """Find a lab, open the way into its network, and work; with `verb`, keep a journal."""

    async def run(lab: Lab) -> T:
        journal = open_journal(lab, verb) if verb else None
        try:
            async with connect(lab, journal) as live:
                return await work(live)
        finally:
            if journal:
                journal.close()

    return asyncio.run(run(find(name)))
