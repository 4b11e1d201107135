"""A tunnel to a server at loopback: closed to the network, and open to everybody at both ends.

Why it matters: it is what a cluster's page tells people to do, with a wide-open `allow_origin` so
that "it works". Nothing of the network reaches the server then. But a loopback address belongs to
a host and not to a person: each account of the login node gets to the sign-in page, and so does a
page of any origin in the browser.

Sources:
- The recipe: argon2 password, one-file certificate, ip = 'localhost', port = 8889, allow_origin =
  '*', sshd on 9135, `ssh -N -f -L localhost:8787:localhost:8889 -p 9135 USER@HOST`.
- ssh(1), -L: "connections to the given TCP port … on the local (client) host are to be forwarded".
- jupyter_server, `ServerApp.allow_origin`: "Set the Access-Control-Allow-Origin header";
  base/handlers.py, `check_origin`: with it any origin passes, for WebSockets too; without it
  `APIHandler.prepare` answers a page of another origin with 404.
- RFC 6454, 4: an origin is scheme, host and port; of those the tunnel's page is
  https://localhost:8787.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import LiveLab, Undecided, look, until

from .gate import HOME, PORT, VISITOR, copy_key, gate
from .machine import (
    CONFIG,
    MACHINE,
    START,
    USER,
    WORD,
    argon2,
    new_home,
    places,
    serving,
    sign_in,
    signed_in,
)

pytestmark = pytest.mark.topology("lab", "recipes")

LINES = """\
c.ServerApp.ip = 'localhost'
c.ServerApp.port = 8889
c.ServerApp.open_browser = False
c.ServerApp.password = u'{password}'
{more}
"""
ANY_ORIGIN = "c.ServerApp.allow_origin = '*'"
ELSEWHERE = "http://app.example"
NEAR = "http://localhost:8787"
SSH = ("ssh", "-N", "-L", "localhost:8787:localhost:8889", "-p", str(PORT), f"{USER}@{MACHINE}")


@contextlib.asynccontextmanager
async def tunnel(lab: LiveLab) -> AsyncIterator[None]:
    """The recipe's ssh at the client host, from when its port is open."""
    argv = ("sh", "-c", START, "-", *SSH)
    done = await lab.exec("client", *argv, user=VISITOR, environment={"HOME": HOME})
    try:
        await until(lambda: reached(lab, NEAR), what="the tunnel")
        yield
    finally:
        await lab.run("client", "kill", done.stdout.strip())


async def reached(lab: LiveLab, origin: str) -> bool:
    """Whether a server answers somebody at the client host."""
    try:
        return (await look(lab, URL(origin) / "api")).status == 200
    except Undecided:
        return False


async def upgrade(session: aiohttp.ClientSession, origin: str) -> int:
    """What a WebSocket gets that a page of another origin opens with the browser's cookies."""
    url = URL(NEAR) / "api" / "events" / "subscribe"
    try:
        async with session.ws_connect(url, headers={"Origin": origin}):
            return 101
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status


@pytest.mark.sabotage("server.ServerApp.ip", "0.0.0.0")
async def test_who_gets_through_the_tunnel(lab: LiveLab) -> None:
    """Nobody without it; with it every account of the client's host, and the password counts."""
    lines = LINES.format(password=await argon2(lab, WORD), more="")
    home = await new_home(lab, "private", {CONFIG: lines})
    async with serving(lab, "jupyter", "lab", home=home), gate(lab, MACHINE):
        assert await places(lab, 8889) <= {"127.0.0.1", "[::1]"}
        assert not await reached(lab, f"http://{MACHINE}:8889")
        assert not await reached(lab, NEAR)
        await copy_key(lab, MACHINE, USER)
        async with tunnel(lab):
            answers = [await sign_in(lab, NEAR, word) for word in (WORD, "x")]
            assert answers == [302, 401]
            for account in (VISITOR, "nobody", "root"):
                await lab.run("client", "curl", "--fail", "--silent", f"{NEAR}/api", user=account)
            assert not await reached(lab, f"http://{MACHINE}:8889")
        assert not await reached(lab, NEAR)


@pytest.mark.sabotage("server.ServerApp.allow_origin_pat", ".*")
async def test_what_allow_origin_opens(lab: LiveLab) -> None:
    """Answers to any page, and WebSockets with the browser's cookie; without the line neither."""
    hashed = await argon2(lab, WORD)
    seen = {}
    for name, more in (("any", ANY_ORIGIN), ("own", "")):
        home = await new_home(lab, name, {CONFIG: LINES.format(password=hashed, more=more)})
        async with serving(lab, "jupyter", "lab", home=home), gate(lab, MACHINE):
            await copy_key(lab, MACHINE, USER)
            async with tunnel(lab), signed_in(lab, NEAR, WORD) as session:
                url = URL(NEAR) / "api" / "contents"
                async with session.get(url, headers={"Origin": ELSEWHERE}) as answer:
                    status = answer.status
                    header = answer.headers.get("Access-Control-Allow-Origin")
                    assert "Access-Control-Allow-Credentials" not in answer.headers
                upgrades = [await upgrade(session, origin) for origin in (ELSEWHERE, NEAR)]
                async with lab.channel.session() as stranger:
                    upgrades.append(await upgrade(stranger, ELSEWHERE))
                seen[name] = (status, header, *upgrades)
    assert seen == {"any": (200, "*", 101, 101, 403), "own": (404, None, 403, 101, 403)}
