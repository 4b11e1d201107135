"""Whose a server on a node is, for the day on which the hub's database does not know it."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Text, literal_column
from sqlalchemy.orm import object_session

from ..server.launching import hub_api_url
from ..traits import SSHTraits

LABEL = b"jupyterhub-sshspawner, a hub's servers on a node: "


@dataclass(frozen=True)
class Owner:
    """One server of one user of one hub."""

    hub: str
    user: str
    server: str

    def asdict(self) -> dict[str, str]:
        """As the node keeps it."""
        return asdict(self)


def owner_of(spawner: SSHTraits) -> Owner:
    """Of this spawner's server.

    A hub is known by its cookie secret, which outlives its database, together with its address, so
    that a copy of the hub on another machine does not end the servers of the original. The node
    gets a digest that tells nothing of either.
    """
    secret = spawner.user.settings.get("cookie_secret") or b""
    digest = hmac.new(secret, LABEL + hub_api_url(spawner).encode(), hashlib.sha256)
    return Owner(digest.hexdigest()[:32], spawner.user.name, spawner.name)


def known_in(spawner: SSHTraits, account: str) -> list[str]:
    """The instances that other rows of the hub's database have in this account on any node.

    They are not to be ended, whatever names their users and servers have had.
    """
    return sorted(instances_in(spawner, account, others=True))


def instances_in(spawner: SSHTraits, account: str, others: bool = False) -> set[str]:
    """The instances that rows of the database have in an account; ``others`` leaves out its own."""
    row = spawner.orm_spawner
    session = object_session(row)
    if session is None:
        return set()
    kind: Any = type(row)
    # as text: JupyterHub's own type for it cannot be cached, of which SQLAlchemy warns
    written = literal_column(f"{kind.__tablename__}.state", Text)
    mentions = written.contains(json.dumps(account)[1:-1], autoescape=True)
    found = set()
    for number, state in session.query(kind.id, written).filter(mentions):
        if not (others and number == row.id):
            body = json.loads(state)
            found.add(str(body.get("instance") or "") if isinstance(body, dict) else "")
    return found - {""}
