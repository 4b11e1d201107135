"""The command `hublab`: each verb in a module of its own, errors and exit codes here.

stdout is data, stderr is progress and errors. Exit codes: 0 held, 1 an expectation failed,
2 undecided, 3 this machine cannot run it, 64 bad usage or file, 70 a defect of hublab, 130 Ctrl-C.
"""

from __future__ import annotations

import errno
import sys
import traceback

import click

from hublab import __version__
from hublab.cli.json_output import emit_error
from hublab.cli.verbs import Verbs
from hublab.errors import HublabError, InternalError, Interrupted, MachineError, UsageError


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hublab")
def cli() -> None:
    """A JupyterHub on several hosts, to try settings and faults on."""


def main() -> None:
    """Run a command line; every error becomes one message and its exit code.

    With `--json` the error is also the JSON document on stdout, unless the command has printed one.
    """
    try:
        # Without its standalone mode click returns the exit code that a verb asked for.
        code = cli.main(prog_name="hublab", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except HublabError as error:
        exit_with(error)
    except click.ClickException as error:
        error.show()
        # Click stops at an unknown option, so it may not have read `--json` yet.
        emit_error(UsageError(error.format_message()), required="--json" in sys.argv)
        sys.exit(UsageError.exit_code)
    except (click.Abort, KeyboardInterrupt):
        exit_with(Interrupted("interrupted"))
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            exit_with(MachineError(f"cannot write: {error.strerror}", where=error.filename))
        traceback.print_exc()
        exit_with(InternalError("this is a defect of hublab; please report the traceback above"))


def exit_with(error: HublabError) -> None:
    """Print an error, as JSON too where the command owes that, and end with its exit code."""
    click.echo(f"hublab: {error}", err=True)
    emit_error(error)
    sys.exit(error.exit_code)
