"""How large a header may be at each hop, which connections are kept, and who notices a lost one.

Why it matters: a cookie or token that a server alone takes can be too long for the proxy in front,
in either direction, and the two say so differently. And a laptop that goes away without a word
leaves a WebSocket that the server believes in, for as long as nobody asks the other side.

Sources:
- Node.js documentation, http, `--max-http-header-size`: 16 KiB, 431 above; its client has the same
  limit for answers. tornado, http1connection.py: `max_header_size` 65536.
- configurable-http-proxy 5.3, lib/configproxy.js: an error of the way to a server is 503, and its
  agents are `keepAlive: true`; README: `NODE_OPTIONS` is Node's.
- jupyter_server 2.21, base/websocket.py: `ws_ping_interval`, `ws_ping_timeout` of
  `tornado_settings`, in milliseconds, where `ServerApp.websocket_ping_interval` is in seconds and
  for other WebSockets. `WS_PING_INTERVAL` 30 s; `ping_timeout`: "Default is max of 3 pings or 30
  seconds"; `send_ping` looks at each ping whether that is over.
- jupyter_server, serverapp.py, `last_activity`: requests, kernels and terminals, and no ping.
- RFC 9293, 3.8.3 and 3.6: who does not send learns nothing of a peer that is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import time

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import (
    ETC,
    Case,
    File,
    HubError,
    LiveLab,
    Server,
    Undecided,
    freeze,
    give_routes_back,
    last_activity,
    partition,
    until,
)

from .pages import cookies_of, direct, new_kernel, page, visit
from .user_application import application, place

pytestmark = pytest.mark.topology("lab", "payloads")

SHORT, LONG, LONGER = 15_000, 17_000, 66_000
"""Bytes: below and above the 16 KiB of Node, above the 64 KiB of tornado."""
CUT = 0
"""In place of a status: the connection was closed without an answer."""
HEADERS = {"max_line_size": 2 * LONGER, "max_field_size": 2 * LONGER}
"""What this client itself takes of an answer."""
NODE_OPTIONS = File("NODE_OPTIONS", b"--max-http-header-size=32768")
PINGED = {"ws_ping_interval": 1000, "ws_ping_timeout": 2000}
TORNADO = "server.ServerApp.tornado_settings"
AT_ONCE = 3.0
"""Seconds. A connection whose answer was read to its end is kept, and so never one less."""
GONE, NOTICED = 12.0, 30.0
"""Seconds: four times what these pings need to notice it, and what they may need at most."""
EARLIEST, LATEST = 90.0, 125.0
"""Seconds after the last pong: three pings of 30 s, and then the next one; and some to see it."""


async def statuses(lab: LiveLab, url: URL, sizes: tuple[int, ...]) -> list[int]:
    """What requests get whose header has so many bytes; each on a connection of its own."""
    found = []
    for size in sizes:
        async with lab.channel.session() as session:
            try:
                async with session.get(url, headers={"X-Long": "x" * size}) as answer:
                    found.append(answer.status)
            except aiohttp.ServerDisconnectedError:
                found.append(CUT)
    return found


@pytest.mark.issue(
    "configurable-http-proxy#207", happens=True, workaround="NODE_OPTIONS=--max-http-header-size"
)
@pytest.mark.sabotage("hub.JupyterHub.base_url", "/x/")
async def test_the_longest_header_of_a_request(lab: LiveLab) -> None:
    """431 from the proxy above 16 kB, where hub and server take 64 kB and then say nothing.

    An option of Node's in the proxy's environment makes it 32 kB.
    """
    _, server = await visit(lab, "alice")
    path, sizes = "/user/alice/api", (SHORT, LONG, LONGER)
    through, hub = lab.origin.with_path(path), URL("http://hub:8081/hub/api")
    assert await statuses(lab, through, sizes) == [200, 431, 431]
    assert await statuses(lab, direct(server).with_path(path), sizes) == [200, 200, CUT]
    assert await statuses(lab, hub, sizes) == [200, 200, CUT]
    await lab.put_files("proxy", f"{ETC}/env", [NODE_OPTIONS])
    try:
        await lab.programs.restart("proxy")
        await give_routes_back(await lab.hub())
        assert await statuses(lab, through, sizes) == [200, 200, 431]
    finally:
        await lab.run("proxy", "rm", f"{ETC}/env/{NODE_OPTIONS.name}")
        await lab.programs.restart("proxy")
        await give_routes_back(await lab.hub())


@pytest.mark.finding(
    "A header above 16 kB in a server's answer is 503 for the user",
    project="configurable-http-proxy",
    steps="An application behind jupyter-server-proxy answers with a header of 17,000 bytes, such "
    "as a policy or many cookies.",
    expected="The answer; or words that say what is too long, as a request gets by 431.",
    seen="503 and the hub's page 'Service Unavailable', while the server sends the answer and logs "
    "200. The proxy's log has HPE_HEADER_OVERFLOW.",
)
@pytest.mark.sabotage("server.ServerApp.jpserver_extensions", {"jupyter_server_proxy": False})
async def test_the_longest_header_of_an_answer(lab: LiveLab) -> None:
    """503 from the proxy above 16 kB, where the server has answered 200."""
    begun = time.time()
    alice, server = await visit(lab, "alice")
    seen = {}
    async with application(lab):
        for size in (SHORT, LONG):
            for origin in (alice.origin, direct(server)):
                path = place(alice) / "long"
                url = origin.with_path(path.path).with_query(header=size)
                cookies = cookies_of(alice, server)
                async with (
                    lab.channel.session(headers=cookies, **HEADERS) as session,
                    session.get(url) as answer,
                ):
                    got = len(answer.headers.get("X-Long", ""))
                    seen[size, origin == alice.origin] = (answer.status, got)
    assert seen == {
        (SHORT, True): (200, SHORT),
        (SHORT, False): (200, SHORT),
        (LONG, True): (503, 0),
        (LONG, False): (200, LONG),
    }
    assert "HPE_HEADER_OVERFLOW" in await lab.logs("proxy", since=begun)


async def connections(lab: LiveLab, server: Server) -> set[str]:
    """The proxy's ends of its established connections to a server (proc(5), net/tcp)."""
    address = bytes(map(int, str(lab.host("node1").address).split(".")))[::-1].hex().upper()
    table = await lab.run("proxy", "cat", "/proc/net/tcp")
    rows = [line.split()[1:4] for line in table.splitlines()[1:]]
    return {
        own for own, peer, state in rows if state == "01" and peer == f"{address}:{server.port:04X}"
    }


@pytest.mark.sabotage("proxy.custom-header", "Connection: close")
async def test_connections_are_kept(lab: LiveLab) -> None:
    """Twenty requests one after the other take one to the server; twenty at once more, for later.

    The proxy keeps them when the clients are gone.
    """
    _, server = await visit(lab, "alice")
    url = lab.origin.with_path("/user/alice/api")

    async def ask() -> None:
        async with lab.channel.session() as client, client.get(url) as answer:
            assert answer.status == 200

    await ask()
    before = await connections(lab, server)
    assert before
    for _ in range(20):
        await ask()
    assert await connections(lab, server) == before

    async def twenty() -> bool:
        return len(await connections(lab, server)) == 20

    async with freeze(lab, "node1", seconds=60):  # so that none is answered before the last is sent
        asked = asyncio.gather(*(ask() for _ in range(20)))
        await until(twenty, what="a connection for each of twenty requests")
    await asked
    assert before <= await connections(lab, server)
    assert await twenty()


LARGE = "head -c 268435456 /dev/zero >/home/alice/large"


@pytest.mark.sabotage("hub.JupyterHub.base_url", "/x/")
async def test_a_download_that_its_client_leaves(lab: LiveLab) -> None:
    """It is cut between proxy and server at once, where another request's connection is kept."""
    alice, server = await visit(lab, "alice")
    await lab.run("node1", "sh", "-c", LARGE, user="alice")
    url = lab.origin.with_path("/user/alice/files/large")

    async def one_less() -> bool:
        return len(await connections(lab, server)) == len(before) - 1

    async with alice.session.get(url.with_path("/user/alice/api")) as answer:
        await answer.read()
    before = await connections(lab, server)
    async with alice.session.get(url) as answer:
        assert answer.status == 200
        await answer.content.readexactly(1000)
        assert await connections(lab, server) == before
        answer.close()
    await until(one_less, what="the way to the server is cut", seconds=AT_ONCE)


async def pages_of(lab: LiveLab, server: Server, kernel: str) -> int:
    """How many pages a server believes to be connected to a kernel.

    It is asked past the proxy, where nothing is cut, and so that the question is no activity.
    """
    url = direct(server).with_path(f"/{server.path}api/kernels/{kernel}")
    token = {"Authorization": f"token {await lab.secret('api_token')}"}
    async with (
        lab.channel.session(headers=token) as session,
        session.get(url.with_query(no_track_activity="1")) as answer,
    ):
        return int((await answer.json())["connections"])


@pytest.mark.slow
@pytest.mark.sabotage(TORNADO, PINGED)
async def test_a_lost_client_by_default(lab: LiveLab) -> None:
    """The server notices it 90 to 120 seconds after its last pong: three pings, and a look."""
    alice, server = await visit(lab, "alice")
    kernel = await new_kernel(alice, server)

    async def nobody() -> bool:
        return await pages_of(lab, server, kernel) == 0

    async with page(alice, server, kernel) as tab:
        connected = time.monotonic()  # counts as a pong, and no ping is due for 30 s
        reading = asyncio.create_task(tab.message())
        async with partition(lab, "client", "proxy", seconds=2 * LATEST):
            await until(nobody, what="the server has noticed it", seconds=2 * LATEST)
            took = time.monotonic() - connected
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert EARLIEST <= took <= LATEST


@pytest.mark.issue(
    "jupyter/notebook#3474",
    happens=True,
    workaround="ws_ping_interval, ws_ping_timeout of ServerApp.tornado_settings",
)
@pytest.mark.finding(
    "ServerApp.websocket_ping_interval and _timeout change nothing for kernels' WebSockets",
    project="jupyter_server",
    steps="c.ServerApp.websocket_ping_interval = 1 and websocket_ping_timeout = 1; a page with a "
    "kernel loses its network.",
    expected="'the client has websocket_ping_timeout seconds to respond. If no response is "
    "received within this period, the connection will be closed from the server side.'",
    seen="The connection counts 12 s later: these WebSockets have an interval of their own "
    "(base/websocket.py, WebSocketMixin: 30 s), which ws_ping_interval alone sets.",
)
@pytest.mark.matrix("server.ServerApp.websocket_ping_interval", [1])
@pytest.mark.matrix("server.ServerApp.websocket_ping_timeout", [1])
@pytest.mark.matrix(TORNADO, [{}, PINGED])
@pytest.mark.sabotage(
    "server.snippet",
    "../changes/pings_are_activity.py",
    sentence="Neither its pings nor a lost connection are activity",
)
async def test_who_notices_a_lost_client(lab: LiveLab, case: Case) -> None:
    """The client and the proxy do not; the server does by pings, if they are the right ones.
    Neither its pings nor a lost connection are activity of the server.

    Then the page's WebSocket is closed when the network is back; else it goes on as if nothing was.
    """
    alice, server = await visit(lab, "alice")
    kernel = await new_kernel(alice, server)

    async def nobody() -> bool:
        return await pages_of(lab, server, kernel) == 0

    pinged = case[TORNADO] == PINGED
    async with page(alice, server, kernel) as tab:
        assert (await tab.show("print(1)")).stdout == "1\n"
        assert await pages_of(lab, server, kernel) == 1
        reading = asyncio.create_task(tab.message())
        noticed = False
        times = await last_activity(lab, server)
        before = await times.of_server()
        async with partition(lab, "client", "proxy", seconds=60):
            with contextlib.suppress(Undecided):
                patience = NOTICED if pinged else GONE
                noticed = await until(nobody, what="the server has noticed it", seconds=patience)
            assert not reading.done()
            assert not tab.socket.closed
            assert await times.of_server() == before
        assert noticed == pinged
        if noticed:
            with pytest.raises((Undecided, HubError)):
                await asyncio.wait_for(reading, 30)
        else:
            asked = await tab.request("execute_request", {"code": "1+1", "allow_stdin": False})
            found = await asyncio.wait_for(reading, 30)
            assert found["parent_header"]["msg_id"] == asked
