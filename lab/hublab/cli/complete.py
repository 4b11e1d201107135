"""What a shell completes behind a verb: labs, hosts, users, servers, settings, issues.

Each function is a `shell_complete` of click. None raises: where the engine or the lab does not
answer there is nothing to complete, and a shell shows no errors.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable

import click

from hublab.engine import Engine
from hublab.errors import HublabError
from hublab.paths import SCENARIOS, cache_folder, ensure_dir
from hublab.report.kept_runs import evidence_here, run_folders
from hublab.running.lab import DEFAULT_NAME, Lab
from hublab.running.sign_in import ADMIN, users_of
from hublab.settings.files import ROLE_OF_SCOPE
from hublab.settings.help import settings_of_scope
from hublab.settings.syntax import SCOPES

Completion = Callable[[click.Context, click.Parameter, str], list[str]]
TIMEOUT = 5.0
"""Seconds that an engine has for an answer: somebody waits for the shell."""
MARKER = re.compile(r"mark\.issue\(((?:\s*\"[^\"]+\",?)+)")
"""The marker of a scenario: the names of issues stand before what it says of them."""


def completing(find: Callable[[click.Context, str], Iterable[str]]) -> Completion:
    """Make a completion of what finds candidates for an incomplete word."""

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        try:
            found = sorted(set(find(ctx, incomplete)))
        except (HublabError, OSError, ValueError):
            return []
        return [one for one in found if one.startswith(incomplete)]

    return complete


def lab_of(ctx: click.Context) -> Lab:
    """The lab that the command line names so far."""
    name = ctx.params.get("name") or DEFAULT_NAME
    return Lab.find(str(name), Engine.connect(TIMEOUT))


@completing
def labs(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The labs on this engine."""
    return Engine.connect(TIMEOUT).labs()


@completing
def hosts(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The lab's hosts."""
    return lab_of(ctx).hosts


@completing
def nodes(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The lab's nodes."""
    return [host.service for host in lab_of(ctx).of_role("node")]


@completing
def users(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The users with an account on the nodes."""
    return users_of(lab_of(ctx))


@completing
def users_and_admin(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """Everybody who can sign in."""
    return [*users_of(lab_of(ctx)), ADMIN]


@completing
def hosts_and_users(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """What has a log."""
    lab = lab_of(ctx)
    return [*lab.hosts, *users_of(lab)]


@completing
def settings_in_force(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """What `set` has set in the lab."""
    return lab_of(ctx).settings()


@completing
def settings(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The scopes, and the settings of the scope that is typed, as the lab's software knows them."""
    scopes = [scope for scope in SCOPES if f"{scope}.".startswith(incomplete)]
    if len(scopes) > 1:
        return [f"{scope}." for scope in scopes]
    scope = scopes[0] if scopes else incomplete.partition(".")[0]
    return remembered(lab_of(ctx), scope) if scope in SCOPES else []


@completing
def issues(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The issues that scenarios are marked with, read from their files, as pytest needs seconds."""
    for file in SCENARIOS.rglob("test_*.py"):
        for names in MARKER.findall(file.read_text()):
            yield from re.findall(r'"([^"]+)"', names)


@completing
def kept_runs_of(ctx: click.Context, incomplete: str) -> Iterable[str]:
    """The runs that are kept, by their names."""
    return (folder.name for folder in run_folders(evidence_here()))


def remembered(lab: Lab, scope: str) -> list[str]:
    """A scope's settings. The software is asked once an image, which takes seconds."""
    image = lab.images[ROLE_OF_SCOPE[scope]]
    known = hashlib.sha256(str(lab.engine.image_id(image) or image).encode()).hexdigest()[:16]
    file = ensure_dir(cache_folder()) / f"settings-{scope}-{known}"
    if file.is_file():
        return file.read_text().split()
    found = list(settings_of_scope(lab.engine, lab.images, scope))
    whole = file.with_suffix(".new")
    whole.write_text("\n".join(found))
    whole.replace(file)
    return found
