"""`hublab token`: makes a short-lived API token of a user."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import click

from hublab.cli.common import common, err, with_live
from hublab.cli.complete import users
from hublab.cli.fault import Duration
from hublab.cli.json_output import emit
from hublab.cli.sign_in import may_show, show_password_option
from hublab.errors import UsageError
from hublab.running.live import LiveLab
from hublab.running.sign_in import users_of

LONGEST = 24 * 3600
"""Seconds: a token is for trying something, and the lab may be left running."""


@click.command()
@click.argument("user", shell_complete=users)
@click.option(
    "--for",
    "seconds",
    type=Duration(),
    default="10m",
    show_default=True,
    metavar="TIME",
    help="When it ends: after 90s, 10m; a day at most.",
)
@show_password_option
@common
def token(user: str, seconds: float, show_password: bool, name: str, as_json: bool) -> None:
    """Make an API token of USER, and print it once.

    The hub makes it (POST /hub/api/users/USER/tokens), and keeps no copy that can be read. It may
    do what the user may do. stdout has the token alone, or with `--json` its id and end too.

    \b
    Examples:
      hublab token alice
      hublab token alice --for 1m --json
      curl -H "Authorization: token $(hublab token alice)" http://127.0.0.1:8000/hub/api/user
    """
    if not may_show(show_password):
        raise UsageError(
            "no token is printed where the variable CI is set, and none was made",
            hint="--show-password, if nobody else reads the output",
        )
    if not 1 <= seconds <= LONGEST:
        raise UsageError(f"a token cannot last {seconds:g} s", where="--for", hint="1s to 1440m")

    async def work(live: LiveLab) -> dict[str, Any]:
        hub = await live.hub()
        if user in await asyncio.to_thread(users_of, live.lab):
            await hub.ensure_user(user)  # who may not have signed in yet
        return await hub.make_token(user, math.ceil(seconds))

    made = with_live(name, work)
    if as_json:
        emit(
            {
                "user": user,
                "token": made["token"],
                "id": made["id"],
                "expires_at": made["expires_at"],
            }
        )
        return
    click.echo(made["token"])
    err.print(f"{user}'s token ends at {made['expires_at']}", markup=False)
