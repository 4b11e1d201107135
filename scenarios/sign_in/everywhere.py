"""All places that one sign-in at the identity provider opens, each on a host of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from yarl import URL

from hublab.scenario import Credentials, LiveLab, Undecided, fresh_browser, look, until

from .boards import KEPT, Board, access_for_all, running
from .identity_provider import (
    HOME,
    PROVIDER,
    address,
    end_session,
    heard,
    provider_knows,
    sign_in,
)
from .oauth_steps import PAGE, open_page, visit

TOPOLOGY = ("lab", "identity-provider", "other-hub", "standalone")
OTHER = "other"
B = URL(f"http://{OTHER}:8000")
HOST = "standalone"
"""The services' host, which is none of the hub's nodes."""
INSIDE = Board("inside", HOST, 9001)
OUTSIDE = Board("outside", HOST, 9002, behind_proxy=False)
BOTH = [INSIDE.spec, OUTSIDE.spec]
MAY = access_for_all(INSIDE, OUTSIDE)
OUT, SERVERS_OUT = "/hub/logout", "/user/alice/logout"


@dataclass(frozen=True, slots=True)
class Place:
    """A page that wants to know its visitor."""

    target: str
    at: URL | None = None
    """Where it is; None for the lab's own hub and what is behind its proxy."""

    async def status(self, lab: LiveLab, who: Credentials) -> int:
        """What a browser is answered there, wherever that would lead."""
        return (await open_page(lab, who, self.target, self.at)).status

    async def opened(self, lab: LiveLab, who: Credentials) -> int:
        """The same at the end of the way that a browser goes from there, if that ends there."""
        answer = await visit(lab, who, self.target, self.at)
        assert URL(answer.url).path == self.target, answer.url
        return answer.status


PLACES = {
    "hub A": Place(HOME),
    "server": Place(PAGE),
    "second server": Place("/user/alice/second/lab"),
    "inside": Place(INSIDE.prefix),
    "outside": Place(OUTSIDE.prefix, OUTSIDE.at),
    "hub B": Place(HOME, B),
}
BY_HUB_A = ("server", "second server", "inside", "outside")
"""The places that ask hub A who their visitor is."""


async def until_b_answers(lab: LiveLab) -> None:
    """Hub B starts beside the lab's own hub, for which the lab waits."""

    async def answers() -> bool:
        try:
            return (await look(lab, B / "hub/login")).status == 200
        except Undecided:
            return False

    await until(answers, what="hub B")


@asynccontextmanager
async def all_run(lab: LiveLab, kept: int = KEPT) -> AsyncIterator[None]:
    """Alice's servers on two nodes, two services on a third host, and hub B, for a block.

    She signs in first: a hub that keeps the provider's tokens may start nothing without them.
    """
    await until_b_answers(lab)
    assert (await sign_in(lab, fresh_browser(lab))).status == 302
    await lab.spawn("alice", on="node1")
    await lab.spawn("alice", "second", on="node2")
    async with AsyncExitStack() as stack:
        for board in (INSIDE, OUTSIDE):
            await stack.enter_async_context(running(lab, board, "nobody", kept))
        yield


async def passwords(lab: LiveLab) -> int:
    """How often somebody has typed a password at the provider."""
    return len([one for one in await heard(lab) if one.request == "POST /interaction"])


async def open_all(lab: LiveLab, who: Credentials) -> int:
    """Sign in at hub A, open what asks it, follow hub B's link; how many passwords that took."""
    before = await passwords(lab)
    assert (await sign_in(lab, who)).status == 302
    for name in BY_HUB_A:
        assert await PLACES[name].opened(lab, who) == 200
    assert (await sign_in(lab, who, at=B)).status == 302
    return await passwords(lab) - before


async def open_to(lab: LiveLab, who: Credentials) -> set[str]:
    """The places that let a browser in as it comes; the provider, if it would not ask it."""
    found = {name for name, place in PLACES.items() if await place.status(lab, who) == 200}
    return found | ({PROVIDER} if await provider_knows(lab, who) else set())


async def leave(lab: LiveLab, who: Credentials, where: str) -> None:
    """Log out at one of the places, as its own page or button does."""
    match where:
        case "hub A":
            await open_page(lab, who, OUT)
        case "hub B":
            await open_page(lab, who, OUT, B)
        case "server":
            await visit(lab, who, SERVERS_OUT)
        case "inside":
            await open_page(lab, who, f"{INSIDE.prefix}leave")
        case "outside":
            await open_page(lab, who, f"{OUTSIDE.prefix}leave", OUTSIDE.at)
        case _:
            asks = await open_page(lab, who, "/session/end", address(lab))
            assert await end_session(lab, who, asks) in (200, 303)
