"""A way to a gateway that is cut: output that comes after all, and a page that waits for ever.

Why it matters: a restarted firewall or a moved address cuts what is between a user's server and the
host of the kernels. A short cut costs nothing. After a longer one the server has given up, and its
page, whose connection is open, shows a cell that never ends.

Sources:
- jupyter_server 2.21, gateway/gateway_client.py: `gateway_retry_interval` 1 s, doubled each time up
  to `gateway_retry_interval_max` (30 s), `gateway_retry_max` 5: 1 + 2 + 4 + 8 + 16 = 31 s;
  gateway/connections.py, `_connection_done`: no more after that.
- jupyter_server, services/kernels/kernelmanager.py, `start_buffering`: what a kernel says while
  nobody is connected is kept, here by the gateway.

Shortened: a tenth of the first interval, so that the server gives up after 3 s.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hublab.scenario import PYTHON, Case, File, LiveLab, listening, until

from .kernel_gateway import HOST, PORT, USER, gateway
from .pages import Page, new_kernel, page, visit

RELAY, CODE = 8890, (Path(__file__).parent / "snippets" / "relay.py").read_bytes()
START = 'cd "$HOME" && nohup "$@" >relay.log 2>&1 </dev/null & echo $!'
END = 'kill -9 "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'
RETRIES = "server.GatewayClient.gateway_retry_max"
SHORT, LONG = 1.0, 8.0
"""Seconds of a cut: less than the first three tries need, and twice what all five do."""
LINES = 60
CELL = f"import time\nfor n in range({LINES}): print(n, flush=True); time.sleep(0.2)"
ENOUGH = 25.0
"""Seconds, twice the cell's: for what still comes."""

pytestmark = [
    pytest.mark.topology("lab", "payloads"),
    pytest.mark.matrix("server.GatewayClient.url", [f"http://{HOST}:{RELAY}"]),
    pytest.mark.matrix("server.GatewayClient.gateway_retry_interval", [0.1]),
    pytest.mark.matrix("server.GatewayClient.gateway_retry_interval_max", [1.0]),
]


@dataclass(slots=True)
class Way:
    """The relay on the gateway's host. Use `way`."""

    lab: LiveLab
    pid: str = ""

    async def open(self) -> None:
        home = f"/home/{USER}"
        argv = ("sh", "-c", START, "-", PYTHON, "relay.py", str(RELAY), str(PORT))
        done = await self.lab.exec(HOST, *argv, user=USER, environment={"HOME": home})
        self.pid = done.stdout.strip()

        async def listens() -> bool:
            return RELAY in {one.port for one in await listening(self.lab, HOST)}

        await until(listens, what="the relay listens")

    async def cut(self) -> None:
        await self.lab.run(HOST, "sh", "-c", END, "-", self.pid)


@contextlib.asynccontextmanager
async def way(lab: LiveLab) -> AsyncIterator[Way]:
    """A way to the gateway for as long as the block, unless it is cut."""
    await lab.put_files(HOST, f"/home/{USER}", [File("relay.py", CODE)])
    one = Way(lab)
    await one.open()
    try:
        yield one
    finally:
        await one.cut()


async def lines_of(tab: Page, asked: str) -> list[str]:
    """The lines of the cell that come, until it has ended or nothing can come any more."""
    text = ""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(ENOUGH):
            while True:
                message = await tab.message()
                if message["parent_header"].get("msg_id") != asked:
                    continue
                if message["header"]["msg_type"] == "execute_reply":
                    break
                text += message["content"].get("text", "")
    return text.split()


@pytest.mark.matrix(RETRIES, [5, 1000])
async def test_a_cut_that_heals(lab: LiveLab, case: Case) -> None:
    """After a short one all output comes; after one longer than the tries none, and nobody says so.

    The page's connection stays open. With more tries all of it comes.
    """
    seen = {}
    async with gateway(lab), way(lab) as there:
        alice, server = await visit(lab, "alice")
        for seconds in (SHORT, LONG):
            kernel = await new_kernel(alice, server)
            async with page(alice, server, kernel) as tab:
                asked = await tab.request("execute_request", {"code": CELL, "allow_stdin": False})
                while (await tab.message())["content"].get("text") != "0\n":
                    pass
                await there.cut()
                await asyncio.sleep(seconds)  # the cut's length is what is varied
                await there.open()
                seen[seconds] = await lines_of(tab, asked)
                assert not tab.socket.closed
    rest = [str(number) for number in range(1, LINES)]
    assert seen == {SHORT: rest, LONG: rest if case[RETRIES] == 1000 else []}
