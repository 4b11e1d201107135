"""What users do to a server, and what goes on in it by itself: shared by the scenarios here."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiohttp

from hublab.scenario import Case, Kernel, LiveLab, Visitor, until

PRINTING = "import time\nwhile True: print('.', flush=True); time.sleep(0.2)"
"""A cell that computes and says so, five times a second."""
BUSY = "import time; time.sleep(600)"
"""A cell that computes and says nothing."""
THREAD_PRINTING = """
import threading
def chatter():
    while not stop.wait(0.2):
        print(".", flush=True)
stop = threading.Event()
threading.Thread(target=chatter, daemon=True).start()
"""
"""A cell that ends at once and leaves a thread that prints until `stop.set()`."""
AT_WORK = "at_work"
"""In the home of a user whose cell is at work: a file that it touches again and again."""
TOUCHING = f"import pathlib, time\nwhile True: pathlib.Path.home().joinpath({AT_WORK!r}).touch()"
SILENT_AT_WORK = f"{TOUCHING}; time.sleep(0.2)"
PRINTING_AT_WORK = f"{TOUCHING}; print('.', flush=True); time.sleep(0.2)"
"""Cells like BUSY and PRINTING of which one can see, on their host alone, that they still run."""
TERMINAL_PRINTING = "while sleep 0.2; do echo .; done\r"
"""What makes a terminal print five lines a second until it ends."""


def reported_every(case: Case) -> int:
    """The seconds between two reports of a server in this case; 0: none."""
    environment = case["hub.Spawner.environment"]
    assert isinstance(environment, dict)
    return int(environment.get("JUPYTERHUB_ACTIVITY_INTERVAL", "300"))


def pings(milliseconds: int) -> dict[str, int]:
    """The settings of servers that ping the browser's end of their WebSockets; 0: never."""
    return {"ws_ping_interval": milliseconds}


async def visit(lab: LiveLab, user: str, server: str = "") -> Visitor:
    """Sign in and open the server's page, as a browser does."""
    visitor = await lab.sign_in(user)
    await visitor.open_server(server)
    return visitor


async def new_kernel(visitor: Visitor) -> str:
    """Start a kernel that no page is connected to; returns its id."""
    model = await visitor.api("POST", "kernels", json={})
    return str(model["id"])


async def leave_running(visitor: Visitor, code: str) -> None:
    """Start a cell in a kernel of its own, see that it has begun, and close the page."""
    async with visitor.connect(await new_kernel(visitor)) as tab:
        await tab.start(code)


async def still_at_work(lab: LiveLab, user: str, node: str) -> None:
    """Wait until a user's cell touches its file again; nothing of this is activity to anybody."""
    path = f"/home/{user}/{AT_WORK}"
    before = await lab.run(node, "stat", "-c", "%y", path)

    async def touched() -> bool:
        return await lab.run(node, "stat", "-c", "%y", path) != before

    await until(touched, what=f"{user}'s cell is still at work")


@contextlib.asynccontextmanager
async def running(visitor: Visitor, kernel_id: str, code: str) -> AsyncIterator[Kernel]:
    """A page with a cell that runs until the block ends, when it is interrupted."""
    async with visitor.connect(kernel_id) as tab:
        await tab.start(code)
        try:
            yield tab
        finally:
            await interrupt(visitor, kernel_id)


async def interrupt(visitor: Visitor, kernel_id: str) -> None:
    """Interrupt a kernel and wait until it is idle: what comes sooner is aborted with the rest."""

    async def idle() -> bool:
        model = await visitor.api("GET", f"kernels/{kernel_id}")
        return bool(model["execution_state"] == "idle")

    await visitor.api("POST", f"kernels/{kernel_id}/interrupt")
    await until(idle, what="the interrupted kernel is idle")


async def new_terminal(visitor: Visitor) -> str:
    """Start a terminal that no page is connected to; returns its name."""
    model = await visitor.api("POST", "terminals", json={})
    return str(model["name"])


@contextlib.asynccontextmanager
async def socket_of(visitor: Visitor, path: str) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A WebSocket as a page of the user's server opens it."""
    headers = {"Sec-Fetch-Mode": "websocket", "Origin": str(visitor.origin)}
    url = visitor.server_url() / path
    async with visitor.session.ws_connect(url, headers=headers, max_msg_size=0) as socket:
        yield socket


@contextlib.asynccontextmanager
async def open_page(visitor: Visitor, path: str) -> AsyncIterator[None]:
    """A page that says nothing: what comes is read, and pings are answered, as by any browser."""
    async with socket_of(visitor, path) as socket:

        async def look() -> None:
            async for _ in socket:
                pass

        looking = asyncio.create_task(look())
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
