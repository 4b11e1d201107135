"""How commands show a password or a token: to their caller alone, and not in a CI system's log."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar

import click

from hublab.cli.common import out
from hublab.errors import HublabError
from hublab.running.lab import Lab
from hublab.running.live import connect
from hublab.running.sign_in import SignIn, sign_in_of

F = TypeVar("F", bound=Callable[..., Any])

HIDDEN = "(hidden, as CI is set: --show-password)"


def show_password_option(function: F) -> F:
    """Add the option `--show-password`."""
    return click.option(
        "--show-password",
        is_flag=True,
        help="Print passwords and tokens even where the variable CI is set.",
    )(function)


def may_show(asked: bool) -> bool:
    """Whether a secret may be printed: a CI system keeps, and often publishes, what is printed."""
    return asked or not os.environ.get("CI")


def find_sign_in(lab: Lab) -> SignIn | None:
    """How the lab's first user signs in; None for a lab without a password or a published port."""
    try:
        return sign_in_of(lab) if lab.published else None
    except HublabError:
        return None


async def refused_sign_in(lab: Lab, user: str) -> HublabError | None:
    """Why a user cannot sign in at the authenticator of the own configuration, if so; tried once.

    A hub that nobody reaches is not asked: `who_is_unserved` says that.
    """
    try:
        async with connect(lab) as live:
            await live.sign_in(user)
    except HublabError as error:
        return error
    return None


def as_data(known: SignIn | None, asked: bool) -> dict[str, str | None] | None:
    """The form of `--json`; `password` is null where it must not be printed."""
    if known is None:
        return None
    password = known.password if may_show(asked) else None
    return {"url": known.url, "user": known.user, "password": password}


def in_words(known: SignIn, asked: bool) -> str:
    """The line that a person reads."""
    password = known.password if may_show(asked) else HIDDEN
    return f"{known.url}   user {known.user}   password {password}"


def show_other_hubs(lab: Lab) -> None:
    """Print where the hubs beside the lab's own are."""
    for host, url in lab.other_hubs.items():
        out.print(f"another hub, on {host}: {url}", markup=False)


def show_sign_in(known: SignIn | None, asked: bool) -> None:
    """Print the line, where there is something to sign in to."""
    if known:
        out.print(f"sign in: {in_words(known, asked)}", markup=False)
        if known.out_of_reach:
            out.print(
                f"that fails in a browser on this machine, which does not reach the identity "
                f"provider, {known.out_of_reach}, to which the hub sends it; the lab's hosts do",
                markup=False,
            )
