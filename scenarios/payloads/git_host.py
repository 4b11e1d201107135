"""A git server on another host, and the requests that jupyterlab-git's page makes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yarl import URL

from hublab.scenario import PYTHON, File, LiveLab, Visitor, listening, until

HOST, PORT = "node2", 9418
WORD = "a word for git"
"""The password of the lab's git server, which is thrown away with it."""
USER = {"username": "alice", "password": WORD}
CODE = (Path(__file__).parent / "snippets" / "git_server.py").read_bytes()
MAKE = """\
set -e
rm -rf "$HOME/git" && mkdir "$HOME/git"
for name in home work; do
  git init -q --bare -b main "$HOME/git/$name" && git -C "$HOME/git/$name" config \
    http.receivepack true
done
"""
START = 'cd "$HOME" && nohup "$@" >git.log 2>&1 </dev/null & echo $!'
HOME = "/home/bob"
Answer = tuple[int, dict[str, Any]]


def address(name: str) -> str:
    """A repository, as a user names it."""
    return str(URL.build(scheme="http", host=HOST, port=PORT, path=f"/{name}"))


@dataclass(frozen=True, slots=True)
class GitHost:
    """The server, and what it has. Use `git_host`."""

    lab: LiveLab

    async def git(self, name: str, *argv: str) -> str:
        """What git on its host says of a repository."""
        return await self.lab.run(HOST, "git", "-C", f"{HOME}/git/{name}", *argv, user="bob")


@contextlib.asynccontextmanager
async def git_host(lab: LiveLab) -> AsyncIterator[GitHost]:
    """Two empty repositories of bob's, `home` and `work`, from when their server listens."""
    surroundings = {"HOME": HOME, "PATH": "/usr/bin:/bin", "WORD": WORD}
    await lab.exec(HOST, "sh", "-c", MAKE, user="bob", environment=surroundings)
    await lab.put_files(HOST, HOME, [File("git_server.py", CODE)])
    argv = ("sh", "-c", START, "-", PYTHON, "git_server.py", str(PORT), f"{HOME}/git")
    done = await lab.exec(HOST, *argv, user="bob", environment=surroundings)

    async def listens() -> bool:
        return PORT in {one.port for one in await listening(lab, HOST)}

    try:
        await until(listens, what="the git server listens")
        yield GitHost(lab)
    finally:
        await lab.run(HOST, "kill", "-9", done.stdout.strip())


async def ask_git(visitor: Visitor, path: str, **body: object) -> Answer:
    """One request of the extension's page; status and answer."""
    url = visitor.server_url() / "git" / path
    headers = visitor.xsrf(visitor.server_url())
    async with visitor.session.post(url, json=body, headers=headers) as answer:
        found: dict[str, Any] = await answer.json(content_type=None)
        return answer.status, found
