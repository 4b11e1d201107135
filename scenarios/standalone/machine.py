"""Notebook servers on the machine of the recipes, each with a home folder of its own."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import aiohttp
from yarl import URL

from hublab.scenario import File, LiveLab, listening, look, until

MACHINE = "machine"
USER, UID = "alice", 2001
PROGRAMS = "/opt/jupyter/bin"
CONFIG = "jupyter_notebook_config.py"
"""The file of the recipes, in ~/.jupyter; `jupyter notebook --generate-config` still makes it."""
WORD = "open sesame"
"""A password of the machine's user; the lab is thrown away, and so is it."""
START = 'cd "$HOME" && : >log; nohup "$@" >log 2>&1 </dev/null & echo $!'
"""The log is emptied first: what the server before it said is not this one's word."""
STATE = 'kill -0 "$1" 2>/dev/null || echo ended; cat "$2"'
END = 'kill -9 "$1" 2>/dev/null; while kill -0 "$1" 2>/dev/null; do sleep 0.02; done'
BROWSER = b'#!/bin/sh\necho "$@" > "$HOME/opened"\n'
"""What Python's webbrowser starts in place of a browser (its documentation, BROWSER)."""
RUNS = "is running at:"
"""What a server says that listens."""
MOVED = re.compile(r"'(\w+)' has moved from NotebookApp to ServerApp")


@dataclass(frozen=True, slots=True)
class NotebookServer:
    """A server that was started, which may have ended since."""

    lab: LiveLab
    pid: str
    home: str

    async def log(self) -> str:
        return await self.lab.run(MACHINE, "cat", f"{self.home}/log")

    async def announced(self) -> bool:
        """Whether it says that it runs, or has ended without."""
        state = await self.lab.run(MACHINE, "sh", "-c", STATE, "-", self.pid, f"{self.home}/log")
        return RUNS in state or state.startswith("ended\n")

    async def opened_a_browser(self) -> bool:
        done = await self.lab.exec(MACHINE, "test", "-e", f"{self.home}/opened")
        return done.exit_code == 0

    async def warned_of(self) -> set[str]:
        """The traits of NotebookApp that it says have moved to ServerApp."""
        return set(MOVED.findall(await self.log()))


async def new_home(lab: LiveLab, name: str, files: Mapping[str, str]) -> str:
    """A home folder with these files in its ~/.jupyter, and nothing else."""
    home = f"/home/{USER}/{name}"
    await lab.run(MACHINE, "rm", "-rf", home)
    await lab.run(MACHINE, "mkdir", "-p", f"{home}/.jupyter", user=USER)
    await lab.put_files(MACHINE, home, [File("browser", BROWSER, 0o755, UID)])
    contents = [File(one, text.encode(), 0o600, UID) for one, text in files.items()]
    await lab.put_files(MACHINE, f"{home}/.jupyter", contents)
    return home


def surroundings(home: str) -> dict[str, str]:
    """The environment of whoever sits at the machine."""
    return {"HOME": home, "PATH": f"{PROGRAMS}:/usr/bin:/bin", "BROWSER": f"{home}/browser"}


@contextlib.asynccontextmanager
async def serving(lab: LiveLab, *argv: str, home: str) -> AsyncIterator[NotebookServer]:
    """A server, from the moment in which it says that it runs, or has ended by itself."""
    started = ("sh", "-c", START, "-", *argv)
    done = await lab.exec(MACHINE, *started, user=USER, environment=surroundings(home))
    server = NotebookServer(lab, done.stdout.strip(), home)
    try:
        await until(server.announced, what=f"{' '.join(argv)} runs, or has ended")
        yield server
    finally:
        await lab.run(MACHINE, "sh", "-c", END, "-", server.pid)


async def places(lab: LiveLab, port: int) -> set[str]:
    """The addresses of the machine at which somebody listens on a port."""
    return {one.address for one in await listening(lab, MACHINE) if one.port == port}


async def status(lab: LiveLab, origin: str) -> int:
    """What anybody at the client host gets of the server's API."""
    return (await look(lab, URL(origin) / "api" / "status")).status


async def send_word(session: aiohttp.ClientSession, origin: str, word: str) -> int:
    """Fill in the form: 302 leads on to where one wanted to go, 401 is a wrong password."""
    login = URL(origin) / "login"
    async with session.get(login) as page:
        await page.read()
    cookie = session.cookie_jar.filter_cookies(login)["_xsrf"].value
    form = {"password": word, "_xsrf": cookie}
    async with session.post(login, data=form, allow_redirects=False) as answer:
        return answer.status


async def sign_in(lab: LiveLab, origin: str, word: str) -> int:
    """What the form answers to a password of somebody at the client host."""
    async with lab.channel.session() as session:
        return await send_word(session, origin, word)


@contextlib.asynccontextmanager
async def signed_in(lab: LiveLab, origin: str, word: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser at the client host that has signed in by the form."""
    async with lab.channel.session() as session:
        assert await send_word(session, origin, word) == 302
        yield session


def sha1(word: str) -> str:
    """A password's hash as `IPython.lib.passwd` made it: SHA-1 over word and salt."""
    salt = "1f2e3d4c5b6a"
    return f"sha1:{salt}:{hashlib.sha1((word + salt).encode()).hexdigest()}"


async def argon2(lab: LiveLab, word: str) -> str:
    """A password's hash by the function that is left, `jupyter_server.auth.passwd`."""
    code = "import os; from jupyter_server.auth import passwd; print(passwd(os.environ['WORD']))"
    done = await lab.exec(
        MACHINE, f"{PROGRAMS}/python", "-c", code, user=USER, environment={"WORD": word}
    )
    return done.stdout.strip()
