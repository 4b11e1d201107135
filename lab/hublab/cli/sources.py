"""The options that give a lab working trees of the software under test, and what it has of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any, TypeVar

import click

from hublab.checkouts import SOFTWARE, Source, checkouts_from
from hublab.cli.common import out
from hublab.cli.places import Place

F = TypeVar("F", bound=Callable[..., Any])


def source_options(function: F) -> F:
    """Add an option for each software; the command gets the working trees as `checkouts`."""

    @functools.wraps(function)
    def called(**values: Any) -> Any:
        folders = {one.name: values.pop(parameter(one.option)) for one in SOFTWARE}
        return function(checkouts=checkouts_from(folders), **values)

    decorated: Any = called
    for one in reversed(SOFTWARE):
        decorated = click.option(
            one.option,
            type=Place(),
            metavar="DIR",
            help=f"A working tree of {one.name}, for {one.hosts}.",
        )(decorated)
    return decorated  # type: ignore[no-any-return]


def parameter(option: str) -> str:
    """The name of an option's parameter."""
    return option.removeprefix("--").replace("-", "_")


def show_sources(sources: Iterable[Source]) -> None:
    """Print which working trees a lab runs in place of releases, and on which hosts."""
    for one in sources:
        out.print(f"\n{one.words}\n    on {', '.join(one.hosts)}", markup=False)


def sources_as_data(sources: Iterable[Source]) -> list[dict[str, Any]]:
    """The same in the form of `--json`."""
    return [asdict(one) for one in sources]
