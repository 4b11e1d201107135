"""The JSON document of a command: one on stdout, whether the command answers or fails."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import click

from hublab.errors import HublabError


@dataclass(slots=True)
class Document:
    """Whether this command owes its caller a JSON document on stdout, and has printed it."""

    required: bool = False
    printed: bool = False


document = Document()


def _require(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    document.required = document.required or value
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    is_eager=True,  # so that an error in another option is reported as JSON too
    callback=_require,
    help="Print one JSON document on stdout, for an error too.",
)


def emit(data: Any) -> None:
    """Print one JSON document on stdout."""
    document.printed = True
    click.echo(json.dumps(data, indent=2, ensure_ascii=False, default=str))


def emit_error(error: HublabError, *, required: bool = False) -> None:
    """Print the error as the command's JSON document, if it owes one and has not printed it."""
    if (required or document.required) and not document.printed:
        emit(error.as_json())
