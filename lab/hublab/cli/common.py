"""What the verbs share: options, output, and the connection to a running lab."""

from __future__ import annotations

import asyncio
import functools
import os
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from hublab.cli.complete import labs
from hublab.cli.json_output import json_option
from hublab.cli.places import Place
from hublab.engine import Engine
from hublab.errors import HublabError
from hublab.journal.file import Journal
from hublab.journal.redaction import hideable
from hublab.paths import lab_folder
from hublab.progress import Steps
from hublab.running.lab import DEFAULT_NAME, Lab

if TYPE_CHECKING:  # asyncssh and aiohttp take half of a start, and `exec` or `logs` need neither
    from hublab.running.live import LiveLab

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])

WIDE = 200
"""Columns if the output is no terminal and COLUMNS is not set."""


class Piped(Console):
    """A console that is not a terminal: it breaks no word, and ends no line with blanks."""

    def print(self, *objects: Any, **options: Any) -> None:
        tables = [one for one in objects if isinstance(one, Table)]
        usual = self.width
        self.width = max([usual, *(keep_words(self, one) for one in tables)])
        try:
            with self.capture() as captured:
                whole = {"crop": False} if tables else {"soft_wrap": True}
                super().print(*objects, **(whole | options))
        finally:
            self.width = usual
        text = captured.get()
        self.file.write(re.sub(r" +$", "", text, flags=re.MULTILINE) if tables else text)
        self.file.flush()


class Terminal(Console):
    """A terminal: a table that is too wide for its words becomes a list, and no word is broken."""

    def print(self, *objects: Any, **options: Any) -> None:
        super().print(*(self._fitting(one) for one in objects), **options)

    def _fitting(self, one: Any) -> Any:
        wide = isinstance(one, Table) and keep_words(self, one) > self.width
        return as_list(one) if wide else one


def fits(rows: Table) -> bool:
    """Whether a table on stdout has room for its words; a pipe has room for any."""
    return isinstance(out, Piped) or keep_words(out, rows) <= out.width


def as_list(rows: Table) -> str:
    """The rows of a table one below the other, each cell on a line of its own with its header."""
    headers = [str(column.header) for column in rows.columns]
    width = max(map(len, headers), default=0)
    blocks = []
    for cells in zip(*(column.cells for column in rows.columns), strict=True):
        lines = [
            f"{header:<{width}}  {line}"
            for header, cell in zip(headers, cells, strict=True)
            for line in str(cell).split("\n")
            if line
        ]
        blocks.append("\n".join(lines))
    title = [str(rows.title)] if rows.title else []
    return "\n\n".join([*title, *blocks])


def keep_words(where: Console, rows: Table) -> int:
    """Give each column room for its longest word, so that names and addresses can be copied.

    Returns the width that the table needs at least.
    """
    needed = 0
    for column in rows.columns:
        cells = [where.render_str(str(cell)).plain for cell in (column.header, *column.cells)]
        column.min_width = max(
            (cell_len(word) for cell in cells for word in cell.split()), default=0
        )
        # A column without blanks cannot wrap well, so the other columns get narrower.
        column.no_wrap = not any(" " in cell for cell in cells)
        needed += column.min_width + rows.padding[1]
    return needed


def console(stderr: bool) -> Console:
    terminal = Terminal(stderr=stderr, highlight=False, soft_wrap=True)
    if terminal.is_terminal:
        return terminal
    columns = os.environ.get("COLUMNS", "")
    width = int(columns) if columns.isdecimal() and int(columns) else WIDE
    return Piped(stderr=stderr, highlight=False, width=width)


out = console(stderr=False)
err = console(stderr=True)

OF_A_LAB = re.compile(
    r"`hublab (?=(?:activity|cell|db|down|events|exec|logs|ps|reach|request|restart|routes|set"
    r"|spawn|start|stop|token|unset|up|websocket)\b)(?![^`]*--name)([^`]*)`"
)
"""A command in a hint that needs the lab's name, and has none."""


def name_option(function: F) -> F:
    """Add the option `--name`; a hint of an error then names the lab, so that it works as typed."""

    @functools.wraps(function)
    def called(*args: Any, **values: Any) -> Any:
        try:
            return function(*args, **values)
        except HublabError as error:
            error.hint = for_lab(error.hint, str(values["name"]))
            raise

    option = click.option(
        "--name",
        "-n",
        default=DEFAULT_NAME,
        envvar="HUBLAB_NAME",
        shell_complete=labs,
        show_default=True,
        show_envvar=True,
        help="The lab's name.",
    )
    return option(called)  # type: ignore[return-value]


def for_lab(hint: str | None, name: str) -> str | None:
    """A hint whose commands are for this lab."""
    if hint is None or name == DEFAULT_NAME:
        return hint
    return OF_A_LAB.sub(rf"`hublab \1 --name {name}`", hint)


server_option = click.option(
    "--server", default="", metavar="NAME", help="A named server instead of the default one."
)


def files_option(help_text: str) -> Callable[[F], F]:
    """The option that names Compose files, with the help of the verb that uses it."""
    return click.option(
        "--file",
        "-f",
        "files",
        multiple=True,
        type=Place(),
        metavar="FILE",
        help=help_text,
    )


def common(function: F) -> F:
    """Add the options that nearly every verb has."""
    return name_option(json_option(function))


def steps() -> Steps:
    """Progress of a long command, on stderr."""
    return Steps(err)


def table(title: str | None, *columns: str) -> Table:
    """An empty table in the style of all commands."""
    rows = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 3, 0, 0))
    for column in columns:
        rows.add_column(column, overflow="fold")
    return rows


def find(name: str) -> Lab:
    """The running lab of that name."""
    return Lab.find(name, Engine.connect())


def open_journal(lab: Lab, verb: str) -> Journal:
    """A journal for this command, in the lab's folder; `down` removes it with the folder."""
    stamp = datetime.now().strftime("%Y%m%dT%H%M%S.%f")
    path = lab_folder(lab.name) / f"{stamp}-{verb}.ndjson"
    return Journal.open(path, run=f"hublab {verb}", secrets=hideable(secrets_of(lab)))


def secrets_of(lab: Lab) -> set[str]:
    """The secrets of a lab and of its settings."""
    return lab.secrets() | lab.settings().secret_values()


def with_live(name: str, work: Callable[[LiveLab], Awaitable[T]], verb: str | None = None) -> T:
    """Connect to a lab's network and run `work` there; with `verb`, keep a journal."""

    from hublab.running.live import connect

    async def run(lab: Lab) -> T:
        journal = open_journal(lab, verb) if verb else None
        try:
            async with connect(lab, journal) as live:
                return await work(live)
        finally:
            if journal:
                journal.close()

    return asyncio.run(run(find(name)))
