"""A visit to a lab whose every step the captures on its hosts are to show, with planted secrets."""

from __future__ import annotations

import asyncio
import base64
import ipaddress
import secrets
from dataclasses import dataclass, field
from urllib.parse import quote, quote_plus

from hublab.faults import partition
from hublab.probes.access_log import LoggedRequest, hub_accesses
from hublab.probes.routes import proxy_routes
from hublab.probes.waiting import until
from hublab.running.lab import Lab
from hublab.running.live import LiveLab, connect
from hublab.running.servers import Server

CLOSED = 9999
"""A port at which no program of the hub's host listens."""
TRY = """
import errno, socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=float(sys.argv[3]))
except TimeoutError:
    print("silence")
except ConnectionRefusedError:
    print("refused")
except OSError as error:
    print(errno.errorcode[error.errno])
"""
BODY = "what nobody but alice is to read"


@dataclass
class Visit:
    """What the visit used and saw."""

    server: Server
    planted: dict[str, str]
    """What must not be seen anywhere, by what it is."""
    logged: list[LoggedRequest] = field(default_factory=list)
    """What the hub logged of it."""


async def visit(lab: Lab) -> Visit:
    """Start alice's server on node1 by her own token through the proxy, and use it."""
    async with connect(lab) as live:
        before = len(await hub_accesses(live))
        hub = await live.hub()
        await hub.ensure_user("alice")
        token = str((await hub.make_token("alice", 600))["token"])
        server = await spawned(live, token)
        visitor = await live.sign_in("alice")
        await visitor.open_server()
        own = visitor.server_url() / "api" / "contents"
        planted = {name: f"Kanarie/{secrets.token_hex(12)}+x=1" for name in ("query", "header")}
        planted |= {"token": token, "password": live.lab.secret("password"), "body": BODY}
        async with visitor.session.get(
            own, params={"token": planted["query"]}, headers={"X-Secret": planted["header"]}
        ) as answer:
            await answer.read()
        model = {"type": "file", "format": "text", "content": BODY}
        await visitor.api("PUT", "contents/note.txt", json=model)
        async with visitor.kernel() as kernel:
            await kernel.run(f"print({BODY!r})")
        for cookie in visitor.session.cookie_jar:
            planted[f"cookie {cookie.key} of {cookie['path']}"] = cookie.value
        await proxy_routes(live)
        hub_address, node2 = str(live.host("hub").address), str(live.host("node2").address)
        assert await tried(live, "client", hub_address, CLOSED) == "refused"
        assert await tried(live, "client", nobody(live.lab), 22, timeout=20) == "EHOSTUNREACH"
        async with partition(live, "hub", "node2", seconds=20):
            assert await tried(live, "hub", node2, 22) == "silence"
        return Visit(server, planted, (await hub_accesses(live))[before:])


async def spawned(live: LiveLab, token: str) -> Server:
    """alice's server, once it is ready."""
    url = live.origin / "hub/api/users/alice/server"
    async with (
        live.channel.session(headers={"Authorization": f"token {token}"}) as session,
        session.post(url, json={"host": "node1"}) as answer,
    ):
        assert answer.status in (201, 202)

    async def ready() -> Server | None:
        server = await live.server("alice")
        return server if server and server.ready else None

    return await until(ready, what="alice's server")


async def tried(live: LiveLab, source: str, address: str, port: int, timeout: float = 1.5) -> str:
    """What becomes of a connection: `refused`, `silence`, an error, or nothing if it is made."""
    argv = ["python3", "-c", TRY, address, str(port), str(timeout)]
    done = await asyncio.to_thread(live.lab.engine.exec, live.lab.sidecar(source), argv)
    return done.stdout.strip()


def nobody(lab: Lab) -> str:
    """An address of the lab's network that no host has."""
    return str(ipaddress.ip_network(lab.subnet)[200])


def forms(secret: str) -> set[bytes]:
    """A secret as it may stand in a file: as it is, percent-encoded, in base64 at any offset."""
    found = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}
    for before in range(3):
        coded = base64.b64encode(b"x" * before + secret.encode()).decode()
        # The first and the last characters also depend on what stands beside the secret.
        found.add(coded[4 * bool(before) : len(coded) - 4])
    return {form.encode() for form in found}
