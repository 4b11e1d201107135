"""How large one message of a kernel's WebSocket may be: 10 MiB to it, and any size from it.

Why it matters: a cell with a large text, or a widget that sends a picture back, costs its page the
connection above 10 MiB. The server says so, with 1009. Behind the proxy a page may see a broken
frame in its place, and people look for the fault there. In the other direction nobody has a limit.

Sources:
- tornado 6.6, websocket.py, `websocket_max_message_size`: "Messages larger than the
  websocket_max_message_size application setting (default 10MiB) will not be accepted"; of messages
  that come, so that what a server sends has no limit.
- jupyter_server documentation, `ServerApp.tornado_settings`.
- RFC 6455, 7.4.1: 1009 is "a message that is too big for it to process"; 1002 a protocol error.
- tornado's websocket.py: `close(1009)`, then `_abort`: what still comes is not read, and the
  connection is reset. configurable-http-proxy 5.3, lib/configproxy.js, `handleProxyError`: for a
  WebSocket it writes an HTTP response to the client's socket, whether or not one was upgraded.
- Applications behind a user's server: test_shared_application.py.
"""

from __future__ import annotations

import asyncio
import hashlib

import aiohttp
import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, Server, Visitor

from .large_outputs import BINARY, SHOWN
from .pages import LONGEST, direct, new_kernel, page, visit, while_sending

pytestmark = pytest.mark.topology("lab", "payloads")

MIB = 1024 * 1024
BELOW, ABOVE = 9 * MIB, 11 * MIB
TORNADO = "server.ServerApp.tornado_settings"
MORE = {"websocket_max_message_size": 64 * MIB}
TOO_BIG, PROTOCOL_ERROR = aiohttp.WSCloseCode.MESSAGE_TOO_BIG, aiohttp.WSCloseCode.PROTOCOL_ERROR
TRIES = 20
"""Whose frame is first is a matter of milliseconds: of six tries four had the proxy's."""
WORDS = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
LARGEST = 300 * MIB


def cell(size: int) -> str:
    """A cell with so many characters, which prints how many there are."""
    return f"print(len('{'x' * size}'))"


async def close_code(alice: Visitor, server: Server, kernel: str, at: URL | None) -> int | None:
    """With which code a page's connection ends when it sends a cell above the limit.

    Raises TimeoutError if it does not end.
    """
    content = {"code": cell(ABOVE), "silent": False, "store_history": True, "allow_stdin": False}
    async with page(alice, server, kernel, at=at) as tab:
        async with while_sending(tab.request("execute_request", content)), asyncio.timeout(LONGEST):
            while (await tab.socket.receive()).type in WORDS:
                pass
        return tab.socket.close_code


@pytest.mark.finding(
    "The proxy writes an HTTP response into an open WebSocket whose server has reset it",
    project="configurable-http-proxy",
    steps="Through the proxy a page sends its kernel a cell of 11 MiB, several times; then to the "
    "server's own address.",
    expected="1009, 'message too big', as the server says at its own address; where its close "
    "frame is lost, the end of the connection (1006).",
    seen="In some tries 1009, in others a frame that is none ('non-zero reserved bits', 1002): the "
    "server resets the connection after its close frame, and handleProxyError writes "
    "'HTTP/1.1 503' to the page's socket, which has long been a WebSocket. The proxy logs "
    "'503 GET … write EPIPE' or 'read ECONNRESET'.",
)
@pytest.mark.matrix(TORNADO, [{}, MORE])
async def test_a_large_cell(lab: LiveLab, case: Case) -> None:
    """Above 10 MiB the server closes its page's connection with 1009, unless a setting says more.

    Behind the proxy a page may see a protocol error instead. Below the limit the cell runs. A new
    page of the same kernel works.
    """
    alice, server = await visit(lab, "alice")
    kernel = await new_kernel(alice, server)
    async with page(alice, server, kernel) as tab:
        assert (await tab.show(cell(BELOW))).stdout == f"{BELOW}\n"
    if case[TORNADO] == MORE:
        for at in (None, direct(server)):
            async with page(alice, server, kernel, at=at) as tab:
                assert (await tab.show(cell(ABOVE))).stdout == f"{ABOVE}\n"
    else:
        assert await close_code(alice, server, kernel, direct(server)) == TOO_BIG
        behind: set[int | None] = set()
        for _ in range(TRIES):
            behind.add(await close_code(alice, server, kernel, None))
            if PROTOCOL_ERROR in behind:
                break
        assert behind - {TOO_BIG} == {PROTOCOL_ERROR}
    async with page(alice, server, kernel) as tab:
        assert (await tab.show("print(1)")).stdout == "1\n"


@pytest.mark.slow
@pytest.mark.sabotage("server.ZMQChannelsWebsocketConnection.iopub_msg_rate_limit", 0.1)
async def test_a_message_of_300_mb(lab: LiveLab) -> None:
    """From a kernel it comes to its page through the whole chain, byte for byte."""
    alice, server = await visit(lab, "alice")
    async with page(alice, server, await new_kernel(alice, server)) as tab:
        output = await tab.show(BINARY.replace(str(SHOWN), str(LARGEST)))
        assert [len(one) for one in output.buffers] == [LARGEST]
        assert hashlib.sha256(output.buffers[0]).hexdigest() == output.stdout
