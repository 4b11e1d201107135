"""A hub of some version on the hub's host, beside the lab's own, with a database that it keeps."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from hublab.scenario import PYTHON, File, LiveLab, until

HOST, FOLDER, PORT = "hub", "/tmp/older", 8990
CONFIG = Path(__file__).parent / "snippets" / "hub_alone.py"
DATABASE, COPY = f"{FOLDER}/hub.sqlite", f"{FOLDER}/copy"
UPGRADES = "hub.JupyterHub.upgrade_db"
NOW = "6.1.1"
"""The version of the lab's hub. The others have a folder below /opt/older."""
START = 'cd "$1" && shift && nohup "$@" >log 2>&1 </dev/null & echo $!'
STATE = 'kill -0 "$1" 2>/dev/null && echo runs; cat log'
END = 'kill -9 "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'
FORM = re.compile(r'name="_xsrf" value="([^"]*)"')
COLUMNS = (
    "import json, sqlite3, sys; db = sqlite3.connect(sys.argv[1]); "
    "print(json.dumps([db.execute('select version_num from alembic_version').fetchone()[0], "
    "[row[1] for row in db.execute('pragma table_info(api_tokens)')]]))"
)


@dataclass(frozen=True, slots=True)
class Deployment:
    """A folder with a configuration, a database and a secret for cookies, whatever hub runs."""

    lab: LiveLab
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(), repr=False)

    @property
    def url(self) -> URL:
        return URL.build(scheme="http", host=HOST, port=PORT, path="/hub/")

    async def prepare(self) -> None:
        """An empty folder. The lab's `upgrade_db` is the deployment's, too."""
        for secret in (self.token, self.password):
            self.lab.hide(secret)
        await self.lab.run(HOST, "sh", "-c", 'rm -rf "$1" && mkdir -m 700 "$1"', "-", FOLDER)
        given = {
            "port": PORT,
            "token": self.token,
            "password": self.password,
            "upgrade_db": dict(await self.lab.settings()).get(UPGRADES, False),
        }
        files = [
            File(CONFIG.name, CONFIG.read_bytes()),
            File("given.json", json.dumps(given).encode(), 0o600),
        ]
        await self.lab.put_files(HOST, FOLDER, files)

    @contextlib.asynccontextmanager
    async def running(self, version: str) -> AsyncIterator[str]:
        """A hub of a version, from when it answers or has ended; yields what it said until then.

        It is killed at the end, which users' servers outlive.
        """
        command = (PYTHON, "-m", "jupyterhub", "-f", CONFIG.name)
        argv = ("sh", "-c", START, "-", FOLDER, *command)
        started = await self.lab.exec(HOST, *argv, environment=surroundings(version))
        pid = started.stdout.strip()

        async def decided() -> str:
            state = await self.lab.run(HOST, "sh", "-c", f"cd {FOLDER}; {STATE}", "-", pid)
            if state.startswith("runs\n") and not await self.answers():
                return ""
            return state

        try:
            yield await until(decided, what=f"JupyterHub {version} answers, or has ended")
        finally:
            await self.lab.run(HOST, "sh", "-c", END, "-", pid)

    async def answers(self) -> bool:
        """Whether a hub runs."""
        done = await self.lab.exec(
            "client", "curl", "--silent", "--fail", "--max-time", "2", str(self.url / "api/")
        )
        return done.exit_code == 0

    async def upgrade(self, version: str, path: str | None = None) -> tuple[int, str]:
        """`jupyterhub upgrade-db` of a version, with a PATH; its exit code and what it says."""
        around = surroundings(version)
        command = (PYTHON, "-m", "jupyterhub", "upgrade-db", "-f", CONFIG.name)
        argv = ("sh", "-c", 'cd "$1" && shift && exec "$@"', "-", FOLDER, *command)
        done = await self.lab.exec(
            HOST, *argv, environment=around | ({"PATH": path} if path else {})
        )
        return done.exit_code, done.stdout + done.stderr

    async def schema(self) -> tuple[str, list[str]]:
        """The version of the database as it says itself, and the columns of its tokens."""
        version, columns = json.loads(await self.lab.run(HOST, PYTHON, "-c", COLUMNS, DATABASE))
        return version, columns

    async def api(self, method: str, path: str, token: str = "", **body: Any) -> Any:
        """Ask the hub's REST API, as an administrator or with a token; raises for a refusal."""
        headers = {"Authorization": f"token {token or self.token}"}
        async with (
            self.lab.channel.session(headers=headers) as session,
            session.request(method, self.url / f"api/{path}", json=body or None) as answer,
        ):
            answer.raise_for_status()
            return await answer.json(content_type=None)

    async def sign_in(self, session: aiohttp.ClientSession, user: str) -> bool:
        """Fill in the hub's form; whether that leads home. 2.3 has no XSRF token in it.

        Home is asked for, because else the hub starts the user's server.
        """
        login = (self.url / "login").with_query(next="/hub/home")
        async with session.get(login) as page:
            found = FORM.search(await page.text())
        form = {"username": user, "password": self.password, "_xsrf": found[1] if found else ""}
        async with session.post(login, data=form, headers={"Referer": str(login)}) as answer:
            await answer.read()
        return await self.knows(session)

    async def knows(self, session: aiohttp.ClientSession) -> bool:
        """Whether the hub knows a browser by its cookies."""
        async with session.get(self.url / "home", allow_redirects=False) as answer:
            return answer.status == 200

    async def start_server(self, user: str) -> int:
        """Start a user's server; returns its pid."""
        await self.api("POST", f"users/{user}/server")

        async def ready() -> int:
            server = (await self.api("GET", f"users/{user}"))["servers"].get("", {})
            return int(server["state"]["pid"]) if server.get("ready") else 0

        return await until(ready, what="the server is ready")


def surroundings(version: str) -> dict[str, str]:
    """The environment in which a version is the one that is imported."""
    found = {"PATH": "/opt/jupyter/bin:/usr/bin:/bin", "HOME": FOLDER}
    return found if version == NOW else found | {"PYTHONPATH": f"/opt/older/{version}"}
