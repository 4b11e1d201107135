"""Services of the hub on other hosts, which all run board.py: behind the hub's proxy, or not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yarl import URL

from hublab.scenario import PYTHON, File, LiveLab, Undecided, look, until

SERVICES, ROLES = "hub.JupyterHub.services", "hub.JupyterHub.load_roles"
SECRET = "a-secret-of-no-use-elsewhere"
KEPT = 300
"""Seconds for which a service keeps the hub's answers by default (`HubAuth.cache_max_age`)."""
START = 'setsid "$@" >/dev/null 2>&1 </dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class Board:
    """A service by the name under which the hub knows it, and where its program is to run."""

    name: str
    host: str
    port: int
    behind_proxy: bool = True
    """Else browsers open it at its own host's address."""

    @property
    def prefix(self) -> str:
        """The path of its page."""
        return f"/services/{self.name}/"

    @property
    def origin(self) -> str:
        """Its own host's address, which the hub's proxy has to reach, or each browser."""
        return f"http://{self.host}:{self.port}"

    @property
    def at(self) -> URL | None:
        """Where browsers open it; None for the hub's own address."""
        return None if self.behind_proxy else URL(self.origin)

    @property
    def callback(self) -> str:
        """Where the hub sends browsers back to, if that is not below its own address."""
        return "" if self.behind_proxy else f"{self.origin}{self.prefix}oauth_callback"

    @property
    def spec(self) -> dict[str, Any]:
        """The service in the hub's settings; the hub waits a second for it when it starts."""
        spec = {"name": self.name, "api_token": f"{SECRET}-{self.name}", "oauth_no_confirm": True}
        if self.behind_proxy:
            return {**spec, "url": self.origin, "timeout": 1}
        return {**spec, "oauth_redirect_uri": self.callback}


def access_for_all(*boards: Board) -> list[dict[str, object]]:
    """The roles by which each user may use these services."""
    scopes = [f"access:services!service={board.name}" for board in boards]
    return [{"name": "user", "scopes": ["self", *scopes]}]


@asynccontextmanager
async def running(lab: LiveLab, board: Board, user: str, kept: int = KEPT) -> AsyncIterator[None]:
    """A service's program on its host, as one of that host's users, for a block."""
    program = (Path(__file__).parent / "board.py").read_bytes()
    await lab.put_files(board.host, "/tmp", [File("board.py", program)])
    environment = {
        "BOARD_KEPT": str(kept),
        "BOARD_PORT": str(board.port),
        "JUPYTERHUB_API_TOKEN": str(board.spec["api_token"]),
        "JUPYTERHUB_API_URL": "http://hub:8081/hub/api",
        "JUPYTERHUB_BASE_URL": "/",
        "JUPYTERHUB_CLIENT_ID": f"service-{board.name}",
        "JUPYTERHUB_SERVICE_NAME": board.name,
        "JUPYTERHUB_SERVICE_PREFIX": board.prefix,
    }
    if not board.behind_proxy:
        environment["JUPYTERHUB_HOST"] = str(lab.origin.origin())
        environment["JUPYTERHUB_OAUTH_CALLBACK_URL"] = board.callback
    argv = ("sh", "-c", START, "-", PYTHON, "/tmp/board.py")
    done = await lab.exec(board.host, *argv, user=user, environment=environment)

    async def listens() -> bool:
        try:
            return (await look(lab, URL(board.origin + board.prefix))).status == 302
        except Undecided:
            return False

    try:
        await until(listens, what=f"the service {board.name} on {board.host}")
        yield
    finally:
        await lab.run(board.host, "kill", done.stdout.strip())
