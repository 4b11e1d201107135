"""`hublab db`: the hub's database with its secrets hidden, and what an action changed in it."""

from __future__ import annotations

import asyncio
import difflib
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from hublab.cli.common import common, emit, out, table, with_live
from hublab.cli.fault import Duration
from hublab.errors import UsageError
from hublab.probes.database import Change, DatabaseReader, Table, difference
from hublab.running.live import LiveLab

SIGNS = {"added": "+", "removed": "-", "changed": "~"}
ACTION = "hublab.db.action"


class WithAction(click.Command):
    """Keeps what stands after `--` apart: it is a command, and its words are not ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own, action = args, None
        if "--" in args:
            place = args.index("--")
            own, action = args[:place], args[place + 1 :]
        ctx.meta[ACTION] = action
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND...]"]


@click.command(cls=WithAction)
@click.argument("which", metavar="[TABLE]", required=False)
@click.option("--diff", is_flag=True, help="What COMMAND, or the time of --for, changed.")
@click.option("--for", "seconds", type=Duration(), metavar="TIME", help="With --diff: how long.")
@common
@click.pass_context
def db(
    ctx: click.Context,
    which: str | None,
    diff: bool,
    seconds: float | None,
    name: str,
    as_json: bool,
) -> None:
    """Read the hub's database: its tables, the rows of one, or what an action changed.

    It is read on the hub's host and never written. Secrets (hashes of tokens, cookie ids,
    client secrets, auth state) are hidden; equal ones look equal within one reading.
    COMMAND runs on this machine, its output goes to stderr, and its exit code is ours.

    \b
    Examples:
      hublab db
      hublab db users
      hublab db --diff -- hublab spawn alice
      hublab db spawners --diff --for 30s --json
    """
    action: list[str] | None = ctx.meta[ACTION]
    check_options(diff, seconds, action)
    if not diff:
        tables = chosen(with_live(name, lambda live: DatabaseReader(live).read()), which)
        show_tables(tables, whole=which is not None, as_json=as_json)
        return
    act = (lambda: run_action(action)) if action else None
    changes, code = with_live(name, lambda live: watch(live, which, act, seconds or 0))
    if as_json:
        emit([as_data(change) for change in changes])
    else:
        show_changes(changes)
    if code:
        sys.exit(code)


def check_options(diff: bool, seconds: float | None, action: list[str] | None) -> None:
    """Raise UsageError for options that do not go together, and a command that is not there."""
    if not diff and (seconds is not None or action is not None):
        raise UsageError("a command or --for is of --diff", hint="hublab db --diff …")
    if diff and (seconds is None) == (not action):
        raise UsageError(
            "--diff needs either a command or a time",
            hint="hublab db --diff -- COMMAND…, or --diff --for 30s",
        )
    if action and shutil.which(action[0]) is None:
        raise UsageError(f"there is no command {action[0]}", where="after --")


async def watch(
    live: LiveLab, which: str | None, act: Callable[[], int] | None, seconds: float
) -> tuple[list[Change], int]:
    """Read, let it happen, read again."""
    database = DatabaseReader(live)
    before = chosen(await database.read(), which)
    code = 0
    if act:
        code = await asyncio.to_thread(act)
    else:
        await asyncio.sleep(seconds)
    return difference(before, chosen(await database.read(), which)), code


def run_action(argv: Sequence[str]) -> int:
    """Run the user's command; stdout is for our data, so its own goes to stderr."""
    return subprocess.run(argv, stdout=sys.stderr, check=False).returncode


def chosen(tables: dict[str, Table], which: str | None) -> dict[str, Table]:
    """One table, or all. Raises UsageError with the nearest name."""
    if which is None:
        return tables
    if which not in tables:
        near = difflib.get_close_matches(which, tables, n=1)
        raise UsageError(
            f"the hub's database has no table {which}",
            hint=near[0] if near else f"one of {', '.join(tables)}",
        )
    return {which: tables[which]}


def show_tables(tables: dict[str, Table], *, whole: bool, as_json: bool) -> None:
    """The rows of one table, or how many each has."""
    if whole:
        (only,) = tables.values()
        if as_json:
            emit({"table": only.name, "columns": only.columns, "rows": only.rows})
        else:
            rows = table(None, *only.columns)
            for row in only.rows:
                rows.add_row(*(text(row[column]) for column in only.columns))
            out.print(rows)
        return
    if as_json:
        known = tables.values()
        emit([{"table": t.name, "rows": len(t.rows), "columns": t.columns} for t in known])
        return
    rows = table(None, "TABLE", "ROWS", "COLUMNS")
    for one in tables.values():
        rows.add_row(one.name, str(len(one.rows)), " ".join(one.columns))
    out.print(rows)


def text(value: Any) -> str:
    """A value as a cell of a table; brackets are no markup."""
    return "" if value is None else str(value).replace("[", r"\[")


def as_data(change: Change) -> dict[str, Any]:
    """A change as `--json` prints it."""
    fields = {column: {"old": old, "new": new} for column, (old, new) in change.fields.items()}
    return {
        "table": change.table,
        "change": change.what,
        "row": dict(change.row),
        "fields": fields or None,
    }


def show_changes(changes: list[Change]) -> None:
    """A line a row; of a changed one the fields that did."""
    for change in changes:
        sign = SIGNS[change.what]
        if change.fields:
            own = {k: change.row[k] for k in ("id", "name") if k in change.row}
            pairs = change.fields.items()
            fields = ", ".join(f"{column}: {old!r} -> {new!r}" for column, (old, new) in pairs)
        else:
            own = {k: v for k, v in change.row.items() if v is not None}
            fields = ""
        words = " ".join(f"{k}={v!r}" for k, v in own.items())
        click.echo(f"{sign} {change.table}  {words}{'  ' + fields if fields else ''}")
    if not changes:
        click.echo("nothing changed", err=True)
