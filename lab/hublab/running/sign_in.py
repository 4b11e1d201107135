"""How a person signs in to a lab: the address, a user, and that user's password."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field

from yarl import URL

from hublab.errors import EngineError, UsageError
from hublab.paths import ETC
from hublab.running.hub_address import hub_url
from hublab.running.lab import Lab

ADMIN = "admin"
"""Who administers each lab's hub; no node has an account of that name."""

PROVIDER_PORT = 9000
"""Where an identity provider listens: compose/images/identity-provider/provider.js."""
REACH = 2.0
"""Seconds for a connection from this machine to a host on it."""

OWN_PASSWORD = "own_password"
"""Below ETC on the hub's host: the one of `--password-file`, empty where there is none."""


@dataclass(frozen=True, slots=True)
class SignIn:
    """What a person types into the form at the address."""

    url: str
    user: str
    password: str = field(repr=False)
    out_of_reach: str = ""
    """The identity provider to which the hub sends browsers, if this machine does not get there."""

    @property
    def page(self) -> str:
        """The sign-in page with the name filled in.

        The page takes a name from its address and no password (jupyterhub/handlers/login.py,
        `LoginHandler.get`). A browser that is signed in already gets that user's page.
        """
        return str(URL(self.url) / "hub" / "login" % {"username": self.user})


def users_of(lab: Lab) -> list[str]:
    """The users that have an account on the nodes; none where the hub's host keeps no list."""
    text = lab.engine.read_file(lab.one("hub").id, f"{ETC}/lab.json")
    return [str(user) for user in json.loads(text or b"{}").get("users", [])]


def sign_in_of(lab: Lab, user: str | None = None) -> SignIn:
    """How a user signs in; without a name, the lab's first user.

    Raises UsageError for a user whom the lab does not have, EngineError where there is no
    password.
    """
    users = users_of(lab)
    user = user or next(iter(users), ADMIN)
    if user not in (*users, ADMIN):
        raise UsageError(
            f"lab {lab.name} has no user {user}", hint=f"one of {', '.join((*users, ADMIN))}"
        )
    password = password_of(lab, admin=user == ADMIN)
    return SignIn(hub_url(lab), user, password, provider_out_of_reach(lab))


def provider_out_of_reach(lab: Lab) -> str:
    """The identity provider's address if a browser on this machine cannot open it; else empty.

    It is one of the lab's network, which this machine reaches if the engine runs on it.
    """
    for host in lab.of_role("identity-provider"):
        try:
            socket.create_connection((str(host.address), PROVIDER_PORT), REACH).close()
        except OSError:
            return f"http://{host.address}:{PROVIDER_PORT}"
    return ""


def hint_of_refusal(authenticator: str) -> str:
    """Where to look when an authenticator has refused a user whom hublab signs in."""
    return (
        f"{authenticator} refused: its settings say who may sign in, and the hub's configuration "
        "with which password, which `hublab up --password-file FILE` gives to hublab"
    )


def password_of(lab: Lab, *, admin: bool = False) -> str:
    """The password with which hublab signs users in: the lab's, or one that the user gave.

    It reads what the hub's host keeps, so it works where the host does not run. Raises EngineError
    where there is none.
    """
    hub = lab.one("hub")
    names = (OWN_PASSWORD, "admin_password" if admin else "password")
    for name in names:
        if kept := lab.engine.read_file(hub.id, f"{ETC}/{name}"):
            return kept.decode().rstrip("\n")
    raise EngineError(f"there is no {ETC}/{names[-1]}", where=hub.service)
