"""The options that give hub and nodes packages of the user's own, and what came of them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from hublab.cli.common import out
from hublab.cli.places import Place
from hublab.deployment.layers import VersionNote
from hublab.topology.packages import packages_from

F = TypeVar("F", bound=Callable[..., Any])
OF_ROLE = {"hub": "the hub", "node": "the nodes"}


def packages_options(function: F) -> F:
    """Add the four options; the command gets them as `packages`: role -> what it gets."""

    @functools.wraps(function)
    def called(**values: Any) -> Any:
        packages = {
            role: packages_from(values.pop(f"{role}_requirements"), values.pop(f"{role}_apt"))
            for role in OF_ROLE
        }
        given = {role: one for role, one in packages.items() if one or one.all_problems}
        return function(packages=given, **values)

    decorated: Any = called
    for role, words in reversed(OF_ROLE.items()):
        for option, text in (
            ("apt", f"Names of Debian packages for {words}, one a line."),
            ("requirements", f"A requirements.txt for {words}: a layer on its image, built once."),
        ):
            kind = Place()
            decorated = click.option(f"--{role}-{option}", type=kind, metavar="FILE", help=text)(
                decorated
            )
    return decorated  # type: ignore[no-any-return]


def show_versions(notes: Iterable[VersionNote]) -> None:
    """Print which versions the packages changed, and which they could not change."""
    for note in notes:
        at = f"{note.position}: " if note.position else ""
        text = f"\n{at}{note.name} on {', '.join(note.hosts)}: {note.asked} -> {note.has or 'gone'}"
        out.print(f"{text}\n    {note.why}", markup=False)
