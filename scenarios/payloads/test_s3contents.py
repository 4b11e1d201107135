"""Files in a bucket by s3contents: uploads and checkpoints work, and a silent bucket stops it all.

Why it matters: of the packages that show files of another host in the file browser two are kept.
What the other one loses (`test_remote_files`) this one keeps; that the whole server waits for the
bucket, and that kernels do not see the files, they have in common.

Sources:
- s3contents 0.13 (October 2026), README: `S3ContentsManager`; chunks.py; genericmanager.py,
  `_save_file` with `chunk`, calls of fsspec that wait; ipycompat.py, `GenericFileCheckpoints`.
- jupyter_server documentation, "Contents API"; services/contents/largefilemanager.py: `chunk`, of
  which the last is -1.
"""

from __future__ import annotations

import asyncio
import base64

import pytest

from hublab.scenario import Case, File, LiveLab, freeze

from .pages import page, visit
from .remote_files import BUCKETS, HOST, MANAGER, OWN, bucket, stored

MANAGED = "s3contents.S3ContentsManager"
HOME_CONFIG = "/home/alice/.jupyter"
CONFIG = f"""\
c.S3ContentsManager.endpoint_url = "http://{HOST}:{BUCKETS}"
c.S3ContentsManager.bucket = "shared"
c.S3ContentsManager.access_key_id = c.S3ContentsManager.secret_access_key = "any"  # moto takes any
"""
TEXT = {"type": "file", "format": "text"}
NOTEBOOK = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
PARTS = {1: b"one", 2: b"two", -1: b"three"}
SILENCE = 8.0
"""Seconds without an answer. A server that waits for nobody answers within 0.1 s."""

pytestmark = [
    pytest.mark.topology("lab", "remote-files"),
    pytest.mark.matrix(MANAGER, [MANAGED, OWN]),
]


async def configure(lab: LiveLab) -> None:
    """Alice says where the bucket is; the class of her contents manager is the case's."""
    await lab.run("node1", "mkdir", "-p", HOME_CONFIG, user="alice")
    file = File("jupyter_server_config.py", CONFIG.encode())
    await lab.put_files("node1", HOME_CONFIG, [file])


async def test_a_bucket_as_the_home_folder(lab: LiveLab, case: Case) -> None:
    """Files, parts of an upload and checkpoints are in the bucket, of which a kernel knows nothing.

    With the server's own manager they are in the home folder, where the kernel sees them.
    """
    in_bucket = case[MANAGER] == MANAGED
    await configure(lab)
    async with bucket(lab):
        alice, server = await visit(lab, "alice")
        await alice.api("PUT", "contents/folder", json={"type": "directory"})
        await alice.api("PUT", "contents/folder/notes.txt", json={**TEXT, "content": "mine"})
        path = "folder/other.txt"
        await alice.api("PATCH", "contents/folder/notes.txt", json={"path": path})
        book = {"type": "notebook", "content": NOTEBOOK}
        await alice.api("PUT", "contents/folder/book.ipynb", json=book)
        listed = (await alice.api("GET", "contents/folder"))["content"]
        assert {one["name"] for one in listed} == {"other.txt", "book.ipynb"}
        await alice.api("DELETE", "contents/folder/book.ipynb")
        listed = (await alice.api("GET", "contents/folder"))["content"]
        assert [one["name"] for one in listed] == ["other.txt"]
        for number, part in PARTS.items():
            content = base64.b64encode(part).decode()
            model = {"type": "file", "format": "base64", "chunk": number, "content": content}
            await alice.api("PUT", "contents/large", json=model)
        point = await alice.api("POST", f"contents/{path}/checkpoints")
        await alice.api("PUT", f"contents/{path}", json={**TEXT, "content": "changed"})
        await alice.api("POST", f"contents/{path}/checkpoints/{point['id']}")
        assert (await alice.api("GET", f"contents/{path}"))["content"] == "mine"
        assert (await alice.api("GET", "contents/large"))["content"] == "onetwothree"
        session = await alice.api("POST", "kernels", json={})
        async with page(alice, server, session["id"]) as tab:
            shown = await tab.show(
                "import os; print(sorted({'folder', 'large'} & {*os.listdir()}))"
            )
        assert shown.stdout == ("[]\n" if in_bucket else "['folder', 'large']\n")
        if in_bucket:
            assert await stored(lab, path) == "mine"
            assert await stored(lab, "large") == "onetwothree"


@pytest.mark.finding(
    "A bucket that does not answer stops the whole server of whoever looks at its folder",
    project="s3contents",
    steps="S3ContentsManager with a store on another host, which is suspended; list the folder; "
    "then ask the server for anything else.",
    expected="The folder's request waits, or fails; kernels go on.",
    seen="Nothing is answered until the store answers or the request times out: fsspec is called "
    "in the server's event loop.",
)
async def test_a_bucket_that_does_not_answer(lab: LiveLab, case: Case) -> None:
    """Whoever asks for the folder waits until it does, and so does all else of this server."""
    await configure(lab)
    async with bucket(lab):
        alice, _ = await visit(lab, "alice")
        async with freeze(lab, HOST, seconds=60):
            listing = asyncio.create_task(alice.api("GET", "contents/"))
            await asyncio.wait({listing}, timeout=1)
            asking = asyncio.create_task(alice.api("GET", "status"))
            done, _ = await asyncio.wait({listing, asking}, timeout=SILENCE)
            assert bool(done) == (case[MANAGER] == OWN)
        await asyncio.gather(listing, asking)
