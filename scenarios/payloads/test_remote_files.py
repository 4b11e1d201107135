"""Files on another host over HTTP, by a contents manager: what follows, and what does not.

Why it matters: users of several nodes want the same files on each. A contents manager gives them to
the file browser and to nobody else. A kernel does not see them, a large upload leaves its last part
alone, there are no checkpoints, and a file server that does not answer stops the user's whole
server.

Sources:
- jupyter-fs 1.2.1 (May 2026), README; manager/fsspec.py, `save` (no `chunk`), calls of fsspec that
  wait; manager/checkpoints.py, `NullCheckpoints`. webdav4 0.11, fsspec.py. Of other packages on
  PyPI s3contents (S3 alone) is kept; jupyterlab-remote-contents, hdfscontents, pgcontents are not.
- jupyter_server documentation, "Contents API": "Checkpoints", and that kernels have files of their
  own; services/contents/largefilemanager.py: `chunk`.
- JupyterLab, packages/filebrowser/src/model.ts: above 1 MB files are sent in chunks.
- RFC 4918 (WebDAV).
"""

from __future__ import annotations

import asyncio
import base64
import json

import pytest

from hublab.scenario import HubError, LiveLab, freeze

from .pages import page, visit
from .remote_files import (
    EXTENSIONS,
    FOLDER,
    HOST,
    MANAGER,
    META,
    OVER_WEBDAV,
    OWN,
    S3,
    bucket,
    drive,
    folder,
    stored,
)

pytestmark = [
    pytest.mark.topology("lab", "remote-files"),
    pytest.mark.matrix(MANAGER, [META]),
    pytest.mark.matrix(EXTENSIONS, [{"jupyterfs.extension": True}]),
    pytest.mark.sabotage(MANAGER, OWN),
]

TEXT = {"type": "file", "format": "text"}
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
SILENCE = 8.0
"""Seconds without an answer. A server that waits for nobody answers within 0.1 s."""
PARTS = [b"one", b"two", b"three"]


async def test_what_follows(lab: LiveLab) -> None:
    """Files and notebooks are made, read, renamed and deleted in a folder of the bucket."""
    async with bucket(lab):
        alice, _ = await visit(lab, "alice")
        at = f"contents/{await drive(alice, S3)}"
        await alice.api("PUT", f"{at}folder", json={"type": "directory"})
        await alice.api("PUT", f"{at}folder/notes.txt", json={**TEXT, "content": "mine"})
        model = {"type": "notebook", "content": NOTEBOOK}
        await alice.api("PUT", f"{at}folder/book.ipynb", json=model)
        listed = await alice.api("GET", f"{at}folder")
        assert {one["name"] for one in listed["content"]} == {"notes.txt", "book.ipynb"}
        assert (await alice.api("GET", f"{at}folder/notes.txt"))["content"] == "mine"
        assert (await alice.api("GET", f"{at}folder/book.ipynb"))["content"]["nbformat"] == 4
        path = f"{at}folder/other.txt".removeprefix("contents/")
        await alice.api("PATCH", f"{at}folder/notes.txt", json={"path": path})
        assert await stored(lab, "folder/other.txt") == "mine"
        await alice.api("DELETE", f"{at}folder/other.txt")
        listed = await alice.api("GET", f"{at}folder")
        assert [one["name"] for one in listed["content"]] == ["book.ipynb"]
        path = f"{at}folder/other.ipynb".removeprefix("contents/")
        await alice.api("PATCH", f"{at}folder/book.ipynb", json={"path": path})
        assert json.loads(await stored(lab, "folder/other.ipynb"))["nbformat"] == 4
        await alice.api("DELETE", f"{at}folder/other.ipynb")
        listed = await alice.api("GET", f"{at}folder")
        assert listed["content"] == []


@pytest.mark.finding(
    "With webdav4 every answer of the contents API is 400, after the file was written",
    project="jupyter-fs",
    steps="A resource with the URL webdav:// and kwargs base_url, type fsspec; save a file.",
    expected="'built on top of PyFilesystem and fsspec': as with other file systems of fsspec.",
    seen="The file is there, and the page is told 400, \"'datetime.datetime' object cannot be "
    'interpreted as an integer": _base_model takes `created` for seconds.',
)
async def test_over_webdav(lab: LiveLab) -> None:
    """A file that is saved is there, and its user is told 400; so is whoever lists the folder."""
    async with folder(lab):
        alice, _ = await visit(lab, "alice")
        at = f"contents/{await drive(alice, OVER_WEBDAV)}"
        with pytest.raises(HubError, match="400"):
            await alice.api("PUT", f"{at}notes.txt", json={**TEXT, "content": "mine"})
        assert await lab.run(HOST, "cat", f"{FOLDER}/notes.txt") == "mine"
        with pytest.raises(HubError, match="400"):
            await alice.api("GET", at)


@pytest.mark.issue(
    "jupyter/notebook#2646",
    "jpmorganchase/jupyter-fs#13",
    happens=True,
    workaround="mount the folder on the nodes, or read it in the cell with fsspec",
)
@pytest.mark.finding(
    "An upload above 1 MB leaves its last part, and every part is answered with 201",
    project="jupyter-fs",
    steps="A resource of type fsspec; upload a file of 3 MB in JupyterLab's page, which sends "
    "it in three chunks.",
    expected="The file, as with the server's own contents manager; or a refusal.",
    seen="The last chunk is the whole file: FSSpecManager.save writes each over the one before.",
)
async def test_what_does_not_follow(lab: LiveLab) -> None:
    """A kernel, a terminal's folder, checkpoints, the parts of a large upload."""
    async with bucket(lab):
        alice, server = await visit(lab, "alice")
        at = f"contents/{await drive(alice, S3)}"
        await alice.api("PUT", f"{at}notes.txt", json={**TEXT, "content": "mine"})
        session = {
            "type": "notebook",
            "name": "",
            "path": f"{at}book.ipynb".removeprefix("contents/"),
            "kernel": {"name": "python3"},
        }
        kernel = (await alice.api("POST", "sessions", json=session))["kernel"]["id"]
        async with page(alice, server, kernel) as tab:
            shown = await tab.show("import os; print(os.getcwd(), os.path.exists('notes.txt'))")
        assert shown.stdout == "/home/alice False\n"
        for number, part in zip((1, 2, -1), PARTS, strict=True):
            model = {
                "type": "file",
                "format": "base64",
                "chunk": number,
                "content": base64.b64encode(part).decode(),
            }
            await alice.api("PUT", f"{at}large", json=model)
        assert await stored(lab, "large") == PARTS[-1].decode()
        point = await alice.api("POST", f"{at}notes.txt/checkpoints")
        await alice.api("PUT", f"{at}notes.txt", json={**TEXT, "content": "changed"})
        await alice.api("POST", f"{at}notes.txt/checkpoints/{point['id']}")
        assert await stored(lab, "notes.txt") == "changed"


@pytest.mark.finding(
    "A file server that does not answer stops the whole server of whoever looks at its folder",
    project="jupyter-fs",
    steps="A resource of type fsspec on another host, which is suspended; list its folder; then "
    "ask the server for anything else.",
    expected="The folder's request waits, or fails; kernels and other files go on.",
    seen="Nothing is answered until the file server answers or the request times out: fsspec is "
    "called in the server's event loop.",
)
async def test_a_file_server_that_does_not_answer(lab: LiveLab) -> None:
    """Whoever asks for the folder waits until it does, and so does all else of this server."""
    async with bucket(lab):
        alice, _ = await visit(lab, "alice")
        at = f"contents/{await drive(alice, S3)}"
        async with freeze(lab, HOST, seconds=60):
            listing = asyncio.create_task(alice.api("GET", at))
            await asyncio.wait({listing}, timeout=1)
            asking = asyncio.create_task(alice.api("GET", "status"))
            done, _ = await asyncio.wait({listing, asking}, timeout=SILENCE)
            assert not done
        assert (await asking)["kernels"] == 0
        assert (await listing)["content"] == []
