"""People who ask for URLs, and the servers that they have in the case `four_states.py`."""

from __future__ import annotations

from collections.abc import Mapping

import pytest_asyncio

from hublab.scenario import Credentials, LiveLab, credentials, until

USERS = ("alice", "bob", "carol", "dave", "admin")


async def sign_all_in(lab: LiveLab) -> dict[str, Credentials]:
    """Nobody, each user with the cookies of the hub, and alice once more with a token."""
    people = {user: await lab.enter(credentials(lab, user)) for user in USERS}
    people["nobody"] = await lab.enter(credentials(lab, None))
    people["alice's token"] = await lab.enter(credentials(lab, "alice", token=True))
    people["bob's token"] = await lab.enter(credentials(lab, "bob", token=True))
    return people


@pytest_asyncio.fixture(loop_scope="session")
async def people(lab: LiveLab) -> Mapping[str, Credentials]:
    """Signed in, and no server was ever asked for."""
    return await sign_all_in(lab)


@pytest_asyncio.fixture(loop_scope="session")
async def four_states(lab: LiveLab) -> Mapping[str, Credentials]:
    """Signed in; bob has no server, carol's is pending, dave's has failed, alice's is ready."""
    people = await sign_all_in(lab)
    hub = await lab.hub()
    await lab.spawn("alice", on="node1")
    for user in ("carol", "dave"):
        await hub.request("POST", f"users/{user}/server")

    async def settled() -> bool:
        carol, dave = await hub.server("carol"), await hub.server("dave")
        return bool(carol and carol["pending"] == "spawn" and not (dave and dave["pending"]))

    await until(settled, what="carol's spawn pending and dave's failed")
    return people
