"""The options of `request` and `websocket`: the user, the credentials and the headers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from hublab.errors import UsageError
from hublab.journal.redaction import Redactor
from hublab.probes.credentials import Credentials
from hublab.running.live import LiveLab

F = TypeVar("F", bound=Callable[..., Any])

PATH_HELP = click.argument("path")
OPTIONS = (
    click.option("--as", "user", metavar="USER", help="Sign in as USER first, as a browser does."),
    click.option("--token", is_flag=True, help="With --as: use a new API token instead."),
    click.option(
        "--enter",
        metavar="SERVER",
        is_flag=False,
        flag_value="",
        help="With --as: first open USER's server as a browser does, to get the server's own "
        "cookies. SERVER is its name; leave it out for the default server.",
    ),
    click.option(
        "-H", "--header", "headers", multiple=True, metavar="'K: V'", help="A header; repeatable."
    ),
    click.option(
        "--origin",
        metavar="ORIGIN",
        help="Send this Origin, as a page of that origin would. A browser also decides by SameSite "
        "which cookies it sends; the topology `browser` and scenarios/origin use a real browser.",
    ),
)


def request_options(function: F) -> F:
    """Add the options for the user, the credentials and the headers."""
    for option in reversed(OPTIONS):
        function = option(function)
    return PATH_HELP(function)


def check_request_options(user: str | None, token: bool, enter: str | None) -> None:
    """Raise UsageError for options that do not go together."""
    if user is None and (token or enter is not None):
        raise UsageError(f"{'--token' if token else '--enter'} needs a user", hint="--as USER")
    if token and enter is not None:
        raise UsageError("--enter needs cookies, and --token uses none", hint="one of the two")


def header_pairs(texts: Iterable[str], origin: str | None) -> tuple[tuple[str, str], ...]:
    """The headers as name and value. Raises UsageError for a text without a colon."""
    pairs = []
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon or not name.strip():
            raise UsageError(f"{text!r} is not a header", where="-H", hint="'Name: value'")
        pairs.append((name.strip(), value.strip()))
    if origin is not None:
        pairs.append(("Origin", origin))
    return tuple(pairs)


def by_name(headers: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Headers in the form of `--json`: one that came twice has a list of values."""
    found: dict[str, Any] = {}
    for name, value in headers:
        before = found.get(name)
        found[name] = value if before is None else [*as_list(before), value]
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def redactor(live: LiveLab, identity: Credentials) -> Redactor:
    """A redactor of the lab's secrets and those of this request."""
    return Redactor(live.lab.secrets() | identity.secrets())
