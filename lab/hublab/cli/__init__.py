"""The command `hublab`: a file a verb, errors and exit codes in one place.

stdout is data, stderr is progress and errors. Exit codes: 0 held, 1 an expectation failed,
2 undecided, 3 this machine cannot run it, 64 bad usage or file, 70 our fault, 130 Ctrl-C.
"""

from __future__ import annotations

import difflib
import errno
import importlib
import sys
import traceback
from typing import Any

import click

from hublab import __version__
from hublab.errors import HublabError, InternalError, Interrupted, MachineError, UsageError

VERBS = {
    "up": "up",
    "down": "down",
    "ps": "ps",
    "spawn": "spawn",
    "cell": "cell",
    "stop": "stop",
    "reach": "reach",
    "set": "set",
    "unset": "set",
    "fault": "fault",
    "logs": "logs",
    "exec": "exec",
    "shell": "exec",
    "request": "request",
    "websocket": "websocket",
    "routes": "routes",
    "activity": "activity",
    "db": "db",
    "events": "events",
    "explain": "explain",
    "validate": "validate",
    "graph": "graph",
    "export": "export",
    "completion": "completion",
    "prune": "prune",
    "doctor": "doctor",
    "demo": "demo",
    "bench": "bench",
    "conformance": "conformance",
    "findings": "findings",
    "reproduce": "reproduce",
}
"""Verb -> the module that holds it; imported when it is called, so that `--help` is quick."""


class Verbs(click.Group):
    """Finds a verb's command in its module, `<verb>_command` or `<verb>`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Names the nearest verb for one that is not there."""
        near = difflib.get_close_matches(args[0], VERBS, n=1) if args[0] not in VERBS else []
        if near:
            ctx.fail(f"No such command {args[0]!r}. Did you mean {near[0]}?")
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        module = importlib.import_module(f"hublab.cli.{VERBS[cmd_name]}")
        command: Any = getattr(module, f"{cmd_name}_command", None) or getattr(module, cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hublab")
def cli() -> None:
    """A JupyterHub whose parts stand on different hosts, to try settings and faults on."""


def main() -> None:
    """Run a command line; every error becomes one message and its exit code.

    With `--json` the error is also the JSON document on stdout, unless the answer stands there.
    """
    try:
        # Without its standalone mode click returns what a verb asked to exit with.
        code = cli.main(prog_name="hublab", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except HublabError as error:
        fail(error)
    except click.ClickException as error:
        error.show()
        # An option that there is not ends the reading of the line, maybe before `--json`.
        tell(UsageError(error.format_message()), asked="--json" in sys.argv)
        sys.exit(UsageError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        fail(Interrupted("interrupted"))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            fail(MachineError(f"cannot write: {error.strerror}", where=error.filename))
        traceback.print_exc()
        fail(InternalError("this is a fault of hublab; please report what stands above"))


def fail(error: HublabError) -> None:
    click.echo(f"hublab: {error}", err=True)
    tell(error)
    sys.exit(error.exit_code)


def tell(error: HublabError, *, asked: bool = False) -> None:
    """The error as JSON, where the verb was asked for it."""
    # A verb that has `--json` has loaded this module; `--help` shall not wait for it.
    if common := sys.modules.get("hublab.cli.common"):
        common.emit_error(error, asked=asked)
