"""How large one message of a kernel's WebSocket may be: 10 MiB to it, and any size from it.

Why it matters: a cell with a large text, or a widget that sends a picture back, cuts its page's
connection above 10 MiB, and neither page nor log says why. It is not the proxy, which people
suspect first: past it the same happens. In the other direction nobody has a limit.

Sources:
- tornado 6.6, websocket.py, `websocket_max_message_size`: "Messages larger than the
  websocket_max_message_size application setting (default 10MiB) will not be accepted"; of messages
  that come, so that what a server sends has no limit.
- jupyter_server documentation, `ServerApp.tornado_settings`.
- configurable-http-proxy passes a WebSocket on as a stream of bytes.
- Applications behind a user's server: test_shared_application.py.
"""

from __future__ import annotations

import hashlib

import aiohttp
import pytest

from hublab.scenario import Case, LiveLab, Undecided, last_server_log

from .pages import direct, new_kernel, page, visit
from .test_kernels import BINARY, SHOWN

pytestmark = pytest.mark.topology("lab", "payloads")

MIB = 1024 * 1024
BELOW, ABOVE = 9 * MIB, 11 * MIB
TORNADO = "server.ServerApp.tornado_settings"
MORE = {"websocket_max_message_size": 64 * MIB}
CUT = (Undecided, ConnectionError, aiohttp.ClientError)
"""What a page sees of a connection that is cut, while it still sends or when it reads."""
LARGEST = 300 * MIB


def cell(size: int) -> str:
    """A cell with so many characters, which prints how many there are."""
    return f"print(len('{'x' * size}'))"


@pytest.mark.finding(
    "A message above 10 MiB cuts its page's connection, and nobody says why",
    project="jupyter_server",
    steps="A page sends its kernel a cell of 11 MiB, through the proxy or to the server's address.",
    expected="The connection is closed with 1009, 'message too big', as tornado's websocket.py has "
    "it, or the server's log names the limit.",
    seen="It is reset while the page still sends (1006 in its browser): tornado's `close` is "
    "followed by `_abort`, which leaves what was not read. The server's log has nothing.",
)
@pytest.mark.matrix(TORNADO, [{}, MORE])
async def test_a_large_cell(lab: LiveLab, case: Case) -> None:
    """Above 10 MiB its page's connection is cut, also past the proxy, unless a setting says more.

    Below it the cell runs. A new page of the same kernel works.
    """
    alice, server = await visit(lab, "alice")
    kernel = await new_kernel(alice, server)
    async with page(alice, server, kernel) as tab:
        assert (await tab.show(cell(BELOW))).stdout == f"{BELOW}\n"
    for at in (None, direct(server)):
        async with page(alice, server, kernel, at=at) as tab:
            if case[TORNADO] == MORE:
                assert (await tab.show(cell(ABOVE))).stdout == f"{ABOVE}\n"
            else:
                with pytest.raises(CUT):
                    await tab.show(cell(ABOVE))
                assert tab.socket.close_code != aiohttp.WSCloseCode.MESSAGE_TOO_BIG
    async with page(alice, server, kernel) as tab:
        assert (await tab.show("print(1)")).stdout == "1\n"
    assert "too big" not in await last_server_log(lab, "alice", "node1")


@pytest.mark.slow
@pytest.mark.sabotage("server.ZMQChannelsWebsocketConnection.iopub_msg_rate_limit", 0.1)
async def test_a_message_of_300_mb(lab: LiveLab) -> None:
    """From a kernel it comes to its page through the whole chain, byte for byte."""
    alice, server = await visit(lab, "alice")
    async with page(alice, server, await new_kernel(alice, server)) as tab:
        output = await tab.show(BINARY.replace(str(SHOWN), str(LARGEST)))
        assert [len(one) for one in output.buffers] == [LARGEST]
        assert hashlib.sha256(output.buffers[0]).hexdigest() == output.stdout
