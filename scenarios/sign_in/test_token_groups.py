"""What a token may do by a group ends with the group at the hub, and later at a server, which knows
of no group.

Why it matters: courses are groups, and rights are given to groups so that nobody has to take them
back one by one. The hub looks at each request; a server on a node has what it was told, and was
never told who is in which group.

Sources:
- JupyterHub documentation, "Defining roles", `load_roles`: roles of users and of groups; "Scopes in
  JupyterHub": `!group=NAME` is for the members of a group; `access:<resource>`: "Grants access
  permissions to the <resource> via API or browser."
- "RBAC, technical implementation": scopes are resolved at each request; a token's are the
  intersection of its own with its owner's.
- jupyterhub 6.1.1, scopes.py, `needs_scope`: 404 where a scope is held for others only;
  services/auth.py, `check_scopes`: "Resolves scope filters except for groups -> user";
  apihandlers/auth.py, `OAuthAuthorizeHandler.get`: for a browser the hub itself decides, asks the
  user to confirm another's server, and is 403 without permission.
- `HubAuth.cache_max_age`: what the hub answered is kept by a server, here for some seconds.
- REST API, DELETE `/groups/{name}/users`.
"""

from __future__ import annotations

import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, credentials

from .kept_answers import first_answer, until_another
from .oauth_steps import AUTHORIZE, PAGE, visit
from .tokens import AT_SERVER, make_token, status_for

GROUPS, ROLES = "hub.JupyterHub.load_groups", "hub.JupyterHub.load_roles"
KEPT, SECONDS = "server.HubOAuth.cache_max_age", 6
ALICE = "/hub/api/users/alice"
ITS_SERVER, ITS_MODEL = "access:servers!server=alice/", "read:users!user=alice"
RIGHTS = ["access:servers", "read:users"]
OF_THE_CLASS = {
    "name": "teacher",
    "users": ["bob"],
    "scopes": [f"{right}!group=class" for right in RIGHTS],
}
OF_HELPERS = {
    "name": "helper",
    "groups": ["helpers"],
    "scopes": [f"{right}!user=alice" for right in RIGHTS],
}

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix(KEPT, [SECONDS]),
    pytest.mark.matrix(GROUPS, [{"class": {"users": ["alice"]}, "helpers": {"users": ["bob"]}}]),
]


@pytest.mark.finding(
    "A token with access to the servers of a group is refused by each of them",
    project="jupyterhub",
    steps="A role with access:servers!group=class for bob; alice is in the group; GET "
    "/user/alice/api/contents with an API token of bob's.",
    expected="200: access:servers 'grants access permissions to the <resource> via API or "
    "browser', and !group=class is for servers of the group's members.",
    seen="403. The hub hands the server the scope as it stands, and the server cannot know who is "
    "in the group (services/auth.py, check_scopes). A browser of bob's gets in, for there the hub "
    "decides, and so does a token that is made for access:servers!server=alice/.",
)
@pytest.mark.matrix(ROLES, [[OF_THE_CLASS], []])
async def test_the_servers_of_a_group(lab: LiveLab, case: Case) -> None:
    """Bob's token opens what the hub has of alice, who is in his class, and not her server; a
    browser of his is asked to confirm, and a token for that server alone opens it.
    """
    await lab.spawn("alice", on="node1")
    token, may = (await make_token(lab, "bob")).text, case[ROLES] == [OF_THE_CLASS]
    assert await status_for(lab, ALICE, token) == (200 if may else 404)
    assert await status_for(lab, AT_SERVER, token) == 403
    end = await visit(lab, await lab.enter(credentials(lab, "bob")), PAGE)
    assert (end.status, URL(end.url).path) == (200 if may else 403, AUTHORIZE)
    if may:
        narrow = (await make_token(lab, "bob", scopes=[ITS_SERVER])).text
        assert await status_for(lab, AT_SERVER, narrow) == 200


@pytest.mark.matrix(ROLES, [[OF_THE_CLASS], [OF_HELPERS]])
async def test_the_end_of_a_membership(lab: LiveLab, case: Case) -> None:
    """Alice leaves bob's class, or he the helpers: the hub refuses his token for her server at
    once, and the server when its answer is old.
    """
    await lab.spawn("alice", on="node1")
    token = (await make_token(lab, "bob", scopes=[ITS_SERVER, ITS_MODEL])).text
    kept = await first_answer(lambda: status_for(lab, AT_SERVER, token))
    assert (kept.first, await status_for(lab, ALICE, token)) == (200, 200)
    group, member = ("class", "alice") if case[ROLES] == [OF_THE_CLASS] else ("helpers", "bob")
    headers = {"Authorization": f"token {(await make_token(lab, 'admin')).text}"}
    status, _ = await (await lab.hub()).request(
        "DELETE", f"groups/{group}/users", json={"users": [member]}, headers=headers
    )
    assert status == 200
    assert await status_for(lab, ALICE, token) == 404
    await until_another(kept, lambda: status_for(lab, AT_SERVER, token))
    assert kept.other == 403
    assert kept.at_least <= SECONDS <= kept.at_most
