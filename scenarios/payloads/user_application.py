"""An application that a user runs on a node, and where it stands in the user's server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from yarl import URL

from hublab.scenario import File, LiveLab, Visitor, listening, until

from .snippets.application import PORT

CODE = (Path(__file__).parent / "snippets" / "application.py").read_bytes()
START = 'cd "$HOME" && nohup "$@" >application.log 2>&1 </dev/null & echo $!'


@contextlib.asynccontextmanager
async def application(lab: LiveLab) -> AsyncIterator[None]:
    """Alice's application on node1, from when it listens."""
    await lab.put_files("node1", "/home/alice", [File("application.py", CODE)])
    argv = ("sh", "-c", START, "-", "/opt/jupyter/bin/python", "application.py")
    done = await lab.exec("node1", *argv, user="alice", environment={"HOME": "/home/alice"})

    async def listens() -> bool:
        return PORT in {one.port for one in await listening(lab, "node1")}

    try:
        await until(listens, what="the application listens")
        yield
    finally:
        await lab.run("node1", "kill", "-9", done.stdout.strip())


def place(visitor: Visitor, owner: str = "alice", *, absolute: bool = False) -> URL:
    """Where the application stands in a user's server."""
    prefix = "proxy/absolute" if absolute else "proxy"
    return visitor.origin.with_path(f"{visitor.base}user/{owner}/{prefix}/{PORT}")
