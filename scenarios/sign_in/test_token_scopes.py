"""A token may do less than its owner, and never more; each scope opens its own door.

Why it matters: a token lies on other hosts, in a script, in a pipeline, in a service. What it opens
should be what that host needs. The check is made by the hub for its API and by each server for its
own, and "not allowed" is 403 here and 404 there.

Sources:
- JupyterHub documentation, "Available scopes": `(no_scope)` "Identify the owner of the requesting
  entity", `inherit` "Anything you have access to", `read:users` without servers and tokens,
  `read:tokens`, `access:servers` "Access user servers via API or browser", `read:servers` implies
  the name of the user.
- "RBAC, technical implementation": a token's permissions are the intersection of its scopes and
  its owner's; jupyterhub/orm.py, `APIToken.new`: scopes that the owner lacks are refused.
- jupyterhub/scopes.py, `identify_scopes` and `get_scopes_for`: name and groups of its owner belong
  to each token; `needs_scope`: 403 without the scope, 404 where it is held for others only.
- jupyterhub/singleuser/extension.py, `get_user`: the server wants `access:servers` for itself.
"""

from __future__ import annotations

import pytest

from hublab.scenario import HubError, LiveLab

from .tokens import AT_HUB, AT_SERVER, make_token, status_for

MODEL, TOKENS, BOB = "/hub/api/users/alice", "/hub/api/users/alice/tokens", "/hub/api/users/bob"
SERVER = "/hub/api/users/alice/server"
DOORS = (AT_HUB, MODEL, SERVER, TOKENS, BOB, AT_SERVER)
TABLE: dict[tuple[str, ...], tuple[int, ...]] = {
    ("inherit",): (200, 200, 200, 200, 404, 200),
    (): (200, 200, 403, 403, 404, 403),
    ("read:users!user=alice",): (200, 200, 403, 403, 404, 403),
    ("read:servers!user=alice",): (200, 200, 200, 403, 404, 403),
    ("read:tokens!user=alice",): (200, 200, 403, 200, 404, 403),
    ("access:servers!user=alice",): (200, 200, 403, 403, 404, 200),
    ("access:servers!server=alice/",): (200, 200, 403, 403, 404, 200),
    ("access:servers!server=alice/other",): (200, 200, 403, 403, 404, 403),
}
"""The scopes of a token of alice -> what each of the doors answers it."""
WIDER = ("read:users", "access:servers!user=bob", "admin:users", "list:users")

pytestmark = pytest.mark.topology("lab")


@pytest.mark.sabotage(
    "hub.JupyterHub.load_roles",
    [{"name": "user", "scopes": ["self", "read:users", "access:servers"]}],
)
async def test_each_scope_opens_its_own_door(lab: LiveLab) -> None:
    """Six doors and eight tokens of one user."""
    await lab.spawn("alice", on="node1")
    await (await lab.hub()).ensure_user("bob")
    seen = {}
    for scopes in TABLE:
        token = await make_token(lab, scopes=list(scopes))
        seen[scopes] = tuple([await status_for(lab, door, token.text) for door in DOORS])
    assert seen == TABLE


@pytest.mark.sabotage(
    "hub.JupyterHub.load_roles", [{"name": "user", "scopes": ["self", "read:users"]}]
)
async def test_no_token_has_more_than_its_owner(lab: LiveLab) -> None:
    """A scope that alice has not is refused when the token is made, with 400."""
    refused = {}
    for scope in WIDER:
        try:
            await make_token(lab, scopes=[scope])
        except HubError as error:
            refused[scope] = error.status
    assert refused == dict.fromkeys(WIDER, 400)
