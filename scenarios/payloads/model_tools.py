"""A client of the Model Context Protocol on another host, and a server of a user's own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from yarl import URL

from hublab.scenario import PYTHON, File, LiveLab, listening, until

SNIPPETS = Path(__file__).parent / "snippets"
CLIENT = "node2"
"""The host on which the model's side runs, as bob. It has the package `mcp`."""
PORT = 9300
SERVER = """\
import sys, time
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
hosts = sys.argv[1:]
security = TransportSecuritySettings(allowed_hosts=hosts) if hosts else None
server = MCPServer('own')

@server.tool()
def wait(seconds: float) -> str:
    time.sleep(seconds)
    return f'waited {seconds:g}'

server.run('streamable-http', port=9300, transport_security=security)
"""
"""A server as the package's README has it, where jupyter-mcp-server brings that package along."""
START = 'cd "$HOME" && nohup "$@" >own.log 2>&1 </dev/null & echo $!'


def endpoint(lab: LiveLab, user: str, path: str) -> URL:
    """Where a server of a user's stands for a client on another host."""
    return lab.origin.with_path(f"/user/{user}/{path}")


async def ask_model_side(
    lab: LiveLab, url: URL, authorization: str, *calls: Sequence[object]
) -> dict[str, Any]:
    """What the package's client sees: tools and answers, or a refusal."""
    code = (SNIPPETS / "model_client.py").read_bytes()
    await lab.put_files(CLIENT, "/home/bob", [File("model_client.py", code)])
    environment = {"AUTHORIZATION": authorization, "CALLS": json.dumps(calls), "HOME": "/home/bob"}
    argv = (PYTHON, "/home/bob/model_client.py", str(url))
    done = await lab.exec(CLIENT, *argv, user="bob", environment=environment)
    assert done.exit_code == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@contextlib.asynccontextmanager
async def own_server(lab: LiveLab, *hosts: str) -> AsyncIterator[None]:
    """A server that alice has made with the SDK, on node1, for these values of Host."""
    await lab.put_files("node1", "/home/alice", [File("own.py", SERVER.encode())])
    argv = ("sh", "-c", START, "-", PYTHON, "own.py", *hosts)
    done = await lab.exec("node1", *argv, user="alice", environment={"HOME": "/home/alice"})

    async def listens() -> bool:
        return PORT in {one.port for one in await listening(lab, "node1")}

    try:
        await until(listens, what="the server of her own listens", seconds=60)
        yield
    finally:
        await lab.run("node1", "kill", "-9", done.stdout.strip())
