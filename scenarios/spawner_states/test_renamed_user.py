"""Who gets the name of a user that was renamed while a server of theirs runs cannot start one.

Why it matters: names are given again, to the next alice of the department or to a test account. On
nodes the server of the former alice runs on, under her account, and nothing shows why the new one
cannot start: the page says "Internal Server Error".

Sources:
- jupyterhub 6.1.1, apihandlers/users.py, `UserAPIHandler.patch`: "name" renames a user, whatever
  runs; REST API documentation, `PATCH /users/{name}`: "updated name or admin status".
- jupyterhub/user.py, `User.spawn`: the server's OAuth client is found by `oauth_client_id`, made
  of the user's name ("jupyterhub-user-alice"), so that of the former alice is found.
- SQLAlchemy documentation, `relationship.single_parent`: an object of a one-to-one relationship
  with delete-orphan has one parent.
"""

from __future__ import annotations

import pytest

from hublab.scenario import Hub, LiveLab, until_state

pytestmark = pytest.mark.topology("lab")


async def start(hub: Hub, user: str) -> int:
    """Ask for the default server; the answer's status."""
    status, _ = await hub.request("POST", f"users/{user}/server")
    return status


@pytest.mark.finding(
    "A renamed user's running server keeps the next owner of the name from starting one",
    project="jupyterhub",
    steps="Start alice's server; PATCH /hub/api/users/alice with another name; add a user alice "
    "and start her server.",
    expected="201 or 202: names are unique, and this one is free.",
    seen="500. The log has sqlalchemy.exc.InvalidRequestError: the OAuth client "
    "jupyterhub-user-alice belongs to the renamed user's server. When that server has stopped the "
    "new alice can start hers.",
)
@pytest.mark.sabotage("hub.snippet", "../changes/no_new_name_while_running.py")
async def test_the_next_owner_of_a_name_waits_for_the_former_one(lab: LiveLab) -> None:
    """The same request, while the renamed user's server runs, and after it has stopped."""
    hub = await lab.hub()
    await hub.ensure_user("alice")
    await lab.spawn("alice")
    assert (await hub.request("PATCH", "users/alice", json={"name": "alicia"}))[0] == 200
    await hub.ensure_user("alice")
    assert await start(hub, "alice") == 500
    assert "is already associated with an instance of" in await lab.hub_log()
    server = await hub.server("alicia")
    assert server is not None
    assert server["ready"]

    await lab.stop("alicia")
    assert await start(hub, "alice") in (201, 202)
    await until_state(lab, "alice", "ready")
