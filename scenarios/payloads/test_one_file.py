"""Two people and one file: who overwrites whom, and who is told.

Why it matters: it is why people want a hub. On one server the last who saves wins, and the server
tells nobody; it is JupyterLab's page that looks at the time of the file first. With real-time
collaboration two pages share a document, but whatever writes the file past it, such as a script or
`git pull`, replaces what has been typed and not saved, for everybody.

Sources:
- jupyter_server 2.21, services/contents/handlers.py, `put`: no condition is read, neither If-Match
  (RFC 9110, 13.1.1) nor the model's `hash` or `last_modified`.
- JupyterLab, packages/services/src/contents/index.ts and docregistry/context.ts,
  `lastModifiedCheckMargin`: the page asks for the model first and compares.
- jupyter-collaboration 5.0, documentation, "Configuration": `file_poll_interval` 1 s,
  `document_save_delay` 1 s; jupyter_server_ydoc/rooms.py, `_on_outofband_change`, and
  events/session.yaml, the action `overwrite`, for those who ask at `/api/events/subscribe`.
  `YDocExtension.disable_rtc`: "Whether to disable real time collaboration."
- jupyterhub documentation, "Technical overview": a server for each user.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hublab.scenario import File, LiveLab, Visitor, credentials, last_server_log

from .pages import direct, visit

pytestmark = pytest.mark.topology("lab", "collaboration")

RTC_OFF = "server.YDocExtension.disable_rtc"
CODE = (Path(__file__).parent / "snippets" / "collaborators.py").read_bytes()
NOTES = "contents/notes.txt"
LONG_AGO = "Sat, 29 Oct 1994 19:43:31 GMT"


async def save(visitor: Visitor, text: str, **more: object) -> dict[str, Any]:
    """Save the file as a page does; raises HubError when it is refused."""
    model = {"type": "file", "format": "text", "content": text, **more}
    found: dict[str, Any] = await visitor.api("PUT", NOTES, json=model)
    return found


async def load(visitor: Visitor) -> dict[str, Any]:
    """The file as a page gets it."""
    found: dict[str, Any] = await visitor.api("GET", NOTES, params={"hash": 1})
    return found


@pytest.mark.issue(
    "ipython/ipython#6750",
    happens=True,
    workaround="JupyterLab's page asks first; a script has to compare last_modified itself",
)
@pytest.mark.sabotage("server.ServerApp.root_dir", "/")
async def test_the_last_who_saves_wins(lab: LiveLab) -> None:
    """Both saves succeed, also one that says which file it was made from; on two servers of a hub
    there are two files.
    """
    alice, _ = await visit(lab, "alice")
    also_alice = await lab.sign_in("alice")
    await also_alice.open_server()
    await save(alice, "start")
    seen = [await load(one) for one in (alice, also_alice)]
    assert seen[0]["hash"] == seen[1]["hash"]
    await save(alice, "mine")
    stale = {key: seen[1][key] for key in ("hash", "hash_algorithm", "last_modified")}
    await save(also_alice, "yours", **stale)
    assert (await load(alice))["content"] == "yours"
    url = alice.server_url() / "api" / NOTES
    model = {"type": "file", "format": "text", "content": "mine again"}
    conditional = {**alice.xsrf(url), "If-Match": '"none"', "If-Unmodified-Since": LONG_AGO}
    async with alice.session.put(url, json=model, headers=conditional) as answer:
        assert answer.status == 200
    assert (await load(also_alice))["content"] == "mine again"
    assert (await load(also_alice))["last_modified"] > seen[1]["last_modified"]
    bob, _ = await visit(lab, "bob")
    await save(bob, "bob's")
    assert [(await load(one))["content"] for one in (alice, bob)] == ["mine again", "bob's"]


@pytest.mark.issue(
    "jupyterlab/jupyter-collaboration#243",
    happens=True,
    workaround="change a shared document in its page alone",
)
@pytest.mark.finding(
    "YDocExtension.disable_rtc hides collaboration from pages; the server goes on with it",
    project="jupyter-collaboration",
    steps="c.YDocExtension.disable_rtc = True; a client that is not JupyterLab's page asks for a "
    "session of a file and opens its room.",
    expected="'Whether to disable real time collaboration.': the server refuses.",
    seen="Two such clients share the document, and it is saved. The option sets `disableRTC` in "
    "the page's configuration (jupyter_server_ydoc/app.py) and nothing else.",
)
@pytest.mark.sabotage("server.ServerApp.jpserver_extensions", {"jupyter_server_ydoc": False})
@pytest.mark.sabotage(
    "server.snippet",
    "../changes/rooms_announce_nothing.py",
    sentence="of which an event of the server is the only word",
)
@pytest.mark.side_by_side
@pytest.mark.matrix(RTC_OFF, [False, True])
async def test_a_document_that_is_shared(lab: LiveLab) -> None:
    """Each has what the other types, and it is saved; a write past them replaces it for both,
    of which an event of the server is the only word.

    What was typed and not saved is gone, and what is typed later is saved again. `disable_rtc`
    changes nothing of it.
    """
    _, server = await visit(lab, "alice")
    await lab.put_files("node2", "/home/bob", [File("collaborators.py", CODE)])
    async with credentials(lab, "alice", token=True) as who:
        base = str(direct(server).with_path(f"/{server.path}"))
        argv = ("/opt/jupyter/bin/python", "/home/bob/collaborators.py", base, "notes.txt")
        environment = {"TOKEN": str(who.token)}
        done = await lab.exec("node2", *argv, user="bob", environment=environment)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {
        "together": ["start\none\nother\n"] * 2,
        "in the end": ["outside\nafter\n"] * 2,
        "overwritten": ["notes.txt"],
    }
    text = await lab.run("node1", "cat", "/home/alice/notes.txt")
    assert text == "outside\nafter\n"
    assert "Out-of-band changes. Overwriting the content" in await last_server_log(
        lab, "alice", "node1"
    )
