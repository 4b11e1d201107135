"""Files of 64 MB through the chain: who sets a limit, and what the user is told.

Why it matters: the proxy has no limit for a body, the server one of 512 MB, and above it the user
is told nothing of a size. In chunks, as JupyterLab's page sends files, there is no limit.

Sources:
- jupyter_server 2.21, `ServerApp.max_body_size`: 512 MiB, "If the size in a request exceeds the
  configured value, a malformed HTTP message is returned to the client"; tornado,
  http1connection.py, "Content-Length too long": 400, and the connection is closed.
- configurable-http-proxy 5.3: bodies are streamed; an error on the way to a server is 503.
- jupyter_server, services/contents/largefilemanager.py: `chunk` 1, 2, … and -1 for the last.
- nbgitpuller 1.3, documentation, "Automatic merging behavior": the user's own change is kept.
- git-daemon(1).
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from yarl import URL

from hublab.scenario import Case, LiveLab, Server, Visitor, listening, until

from .pages import cookies_of, direct, new_kernel, page, visit

pytestmark = pytest.mark.topology("lab", "payloads")

MiB = 1024 * 1024
LIMIT = "server.ServerApp.max_body_size"
DEFAULT = 512 * MiB
SMALL_LIMIT = 8 * MiB
CHUNK = MiB
"""JupyterLab, packages/filebrowser/src/model.ts, CHUNK_SIZE."""
SIZE = 64 * MiB


async def put(visitor: Visitor, server: Server, origin: URL, name: str, **model: object) -> int:
    """Send a file's model to the API; the status of the answer."""
    place = visitor.server_url(server.name)
    url = origin.with_path(f"{place.path}api/contents/{name}")
    headers = {**visitor.xsrf(place), **cookies_of(visitor, server)}
    model = {"type": "file", "format": "base64", **model}
    async with visitor.session.put(url, json=model, headers=headers) as answer:
        await answer.read()
        return answer.status


async def upload_in_chunks(
    visitor: Visitor, server: Server, origin: URL, name: str, data: bytes
) -> int:
    """Send a file as JupyterLab's page does; the last status."""
    starts = range(0, len(data), CHUNK)
    for number, start in enumerate(starts, 1):
        content = base64.b64encode(data[start : start + CHUNK]).decode()
        chunk = -1 if start == starts[-1] else number
        status = await put(visitor, server, origin, name, content=content, chunk=chunk)
        if status >= 400:
            return status
    return status


async def download(visitor: Visitor, server: Server, origin: URL, name: str) -> tuple[int, str]:
    """Size and digest of what the page `/files/NAME` gives."""
    url = origin.with_path(f"{visitor.server_url(server.name).path}files/{name}")
    digest, size = hashlib.sha256(), 0
    async with visitor.session.get(url, headers=cookies_of(visitor, server)) as answer:
        assert answer.status == 200
        async for part in answer.content.iter_chunked(MiB):
            digest.update(part)
            size += len(part)
    return size, digest.hexdigest()


@pytest.mark.finding(
    "A file that is too large for a server is 400 without a word, or 503 Service Unavailable",
    project="jupyter_server",
    steps="Through the hub's proxy PUT a file larger than ServerApp.max_body_size, several times.",
    expected="413, Content Too Large (RFC 9110, 15.5.14), which the proxy would pass on.",
    seen="tornado answers 400 without a body as soon as it has read Content-Length, and closes the "
    "connection. Whether the proxy, which is still sending, reads that answer first or finds the "
    "connection reset is a race: 400 or 503.",
)
@pytest.mark.side_by_side
@pytest.mark.matrix(LIMIT, [DEFAULT, SMALL_LIMIT])
async def test_up_and_down(lab: LiveLab, case: Case) -> None:
    """64 MB at once, and down again through the chain and past it; above a limit in chunks alone.

    At once the user is then told 400, or 503, but not 413; past the proxy it is 400.
    """
    alice, server = await visit(lab, "alice")
    past, data = direct(server), os.urandom(SIZE)
    digest, content = hashlib.sha256(data).hexdigest(), base64.b64encode(data).decode()
    status = await put(alice, server, alice.origin, "whole", content=content)
    if case[LIMIT] == SMALL_LIMIT:
        assert status in (400, 503)
        assert await put(alice, server, past, "whole", content=content) == 400
        assert await upload_in_chunks(alice, server, alice.origin, "parts", data) == 200
        assert await download(alice, server, alice.origin, "parts") == (SIZE, digest)
    else:
        assert status == 201
        for origin in (alice.origin, past):
            assert await download(alice, server, origin, "whole") == (SIZE, digest)


@pytest.mark.slow
@pytest.mark.sabotage(LIMIT, MiB)
async def test_a_gigabyte(lab: LiveLab) -> None:
    """In chunks it goes up, past no limit, and comes down again as it was."""
    alice, server = await visit(lab, "alice")
    data = os.urandom(MiB) * 1024
    assert await upload_in_chunks(alice, server, alice.origin, "large", data) == 200
    found = await download(alice, server, alice.origin, "large")
    assert found == (len(data), hashlib.sha256(data).hexdigest())


COURSE = """\
set -e
cd "$HOME"; rm -rf course; git init -q -b main course; cd course
git config user.name bob; git config user.email bob@node2
printf '1\\n2\\n3\\n' >lesson; git add lesson; git commit -q -m one; touch .git/git-daemon-export-ok
exec git daemon --reuseaddr --base-path="$HOME" --detach --pid-file="$HOME/git.pid"
"""
CHANGED = """\
cd "$HOME/course" && printf 'one\\n2\\n3\\n' >lesson && echo new >another \\
  && git add . && git commit -q -m two
"""
ADDRESS = "git://node2/course"


@asynccontextmanager
async def course(lab: LiveLab) -> AsyncIterator[None]:
    """A repository of bob's and a git server on node2."""
    home = {"HOME": "/home/bob"}
    done = await lab.exec("node2", "sh", "-c", COURSE, user="bob", environment=home)
    assert done.exit_code == 0, done.stderr

    async def serves() -> bool:
        return 9418 in {one.port for one in await listening(lab, "node2")}

    await until(serves, what="the git server listens")
    try:
        yield
    finally:
        await lab.run("node2", "sh", "-c", "kill $(cat /home/bob/git.pid)")


async def pull(visitor: Visitor) -> str:
    """What nbgitpuller says to its page, a stream of events, when somebody follows its link."""
    url = visitor.server_url() / "git-pull" / "api"
    query = {"repo": ADDRESS, "branch": "main", "targetpath": "pulled"}
    headers = {**visitor.xsrf(url), "Accept": "text/event-stream"}
    async with visitor.session.get(url, params=query, headers=headers) as answer:
        assert answer.status == 200
        return await answer.text()


@pytest.mark.sabotage("server.ServerApp.jpserver_extensions", {"nbgitpuller": False})
async def test_a_course_from_another_host(lab: LiveLab) -> None:
    """A cell clones it from the node as the user; a link fetches it, and again without losing what
    the user has written over what its teacher has changed since.
    """
    alice, server = await visit(lab, "alice")
    lesson = "/home/alice/pulled/lesson"
    async with course(lab):
        async with page(alice, server, await new_kernel(alice, server)) as tab:
            assert (await tab.show(f"!git clone -q {ADDRESS} mine && cat mine/lesson")).status
            output = await tab.show("print(open('mine/lesson').read(), end='')")
            assert output.stdout == "1\n2\n3\n"
        assert '"phase": "finished"' in await pull(alice)
        assert await lab.run("node1", "cat", lesson) == "1\n2\n3\n"
        write = 'printf "mine\\n2\\n3\\n" >"$1"'
        await lab.run("node1", "sh", "-c", write, "-", lesson, user="alice")
        home = {"HOME": "/home/bob"}
        done = await lab.exec("node2", "sh", "-c", CHANGED, user="bob", environment=home)
        assert done.exit_code == 0, done.stderr
        assert '"phase": "finished"' in await pull(alice)
        assert await lab.run("node1", "cat", lesson) == "mine\n2\n3\n"
        assert await lab.run("node1", "cat", "/home/alice/pulled/another") == "new\n"
        assert await lab.run("node1", "stat", "-c", "%U", lesson) == "alice\n"
