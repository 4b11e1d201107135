"""Files on node2, shown over HTTP (S3, WebDAV), and alice's server as their client."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from hublab.scenario import LiveLab, Visitor, listening, until

HOST, BUCKETS, WEBDAV = "node2", 9500, 9501
FOLDER = "/home/bob/shared"
"""What WebDAV shows. moto keeps its buckets in memory."""
STORE = f"http://{HOST}:{BUCKETS}/shared"
MANAGER = "server.ServerApp.contents_manager_class"
EXTENSIONS = "server.ServerApp.jpserver_extensions"
META = "jupyterfs.metamanager.MetaManager"
OWN = "jupyter_server.services.contents.largefilemanager.AsyncLargeFileManager"
"""The server's, which knows no folder on another host."""
S3: dict[str, Any] = {
    "name": "bucket",
    "url": "s3://shared",
    "type": "fsspec",
    "auth": "none",
    # moto takes any.
    "kwargs": {"endpoint_url": f"http://{HOST}:{BUCKETS}", "key": "any", "secret": "any"},
}
OVER_WEBDAV: dict[str, Any] = {
    "name": "folder",
    "url": "webdav://",
    "type": "fsspec",
    "auth": "none",
    "kwargs": {"base_url": f"http://{HOST}:{WEBDAV}/"},
}
"""jupyter-fs's, for webdav4 below fsspec: its address does not stand in the URL."""
BIN = "/opt/jupyter/bin"
PREPARE = 'rm -rf "$1" && mkdir "$1"'
START = 'cd "$HOME" && nohup "$@" >shared.log 2>&1 </dev/null & echo $!'
S3_SERVER = (f"{BIN}/moto_server", "--host=0.0.0.0", f"--port={BUCKETS}")
WEBDAV_SERVER = (
    f"{BIN}/wsgidav",
    "--host=0.0.0.0",
    f"--port={WEBDAV}",
    f"--root={FOLDER}",
    "--auth=anonymous",
)


@contextlib.asynccontextmanager
async def serving(lab: LiveLab, port: int, *argv: str) -> AsyncIterator[None]:
    """A program of bob's on node2, from when it listens."""
    home = {"HOME": "/home/bob"}
    command = ("sh", "-c", START, "-", *argv)
    done = await lab.exec(HOST, *command, user="bob", environment=home)

    async def listens() -> bool:
        return port in {one.port for one in await listening(lab, HOST)}

    try:
        await until(listens, what=f"{argv[0]} listens", seconds=60)
        yield
    finally:
        await lab.run(HOST, "kill", "-9", done.stdout.strip())


@contextlib.asynccontextmanager
async def bucket(lab: LiveLab) -> AsyncIterator[None]:
    """An S3 server with an empty bucket."""
    async with serving(lab, BUCKETS, *S3_SERVER):
        await lab.run("client", "curl", "--silent", "--fail", "--request", "PUT", STORE)
        yield


@contextlib.asynccontextmanager
async def folder(lab: LiveLab) -> AsyncIterator[None]:
    """A WebDAV server with an empty folder."""
    await lab.run(HOST, "sh", "-c", PREPARE, "-", FOLDER, user="bob")
    async with serving(lab, WEBDAV, *WEBDAV_SERVER):
        yield


async def stored(lab: LiveLab, path: str) -> str:
    """What the bucket has at a path, asked past the user's server."""
    signed = ("--aws-sigv4", "aws:amz:us-east-1:s3", "--user", "any:any")
    return await lab.run("client", "curl", "--silent", "--fail", *signed, f"{STORE}/{path}")


async def drive(visitor: Visitor, resource: dict[str, Any]) -> str:
    """Add it, as the settings of JupyterLab's page do; how paths name it from now on."""
    url = visitor.server_url() / "jupyterfs" / "resources"
    body = {"resources": [resource], "options": {}}
    async with visitor.session.post(url, json=body, headers=visitor.xsrf(url)) as answer:
        assert answer.status == 200
        (found,) = await answer.json()
    assert found["init"]
    return f"{found['drive']}:"
