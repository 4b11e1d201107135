"""Kernels on a third host: what a gateway in between changes, and what does not come through it.

Why it matters: to a page a kernel of a gateway looks like any other. But it is not its user's, nor
in the folder of its notebook, the limits of the user's own server do not reach it, an output of
more than 10 MB is lost without a word, and after a widget with a picture the page waits for ever.

Sources:
- jupyter_server 2.21, gateway/connections.py: `websocket_connect(request)` without a size, for
  which tornado, websocket.py, has `_default_max_message_size`, 10 MiB; `message.decode("utf8")` of
  what is bytes; gateway/gateway_client.py, `gateway_retry_max`: 5.
- jupyter_server, gateway/managers.py: `GatewayKernelSpecManager`, whose kinds are the gateway's;
  `start_kernel`, which asks for a kernel by its kind and an environment, without a folder.
- jupyter_kernel_gateway 3.0, documentation, "Configuration options": `list_kernels` False.
- jupyter_server, services/kernels/connection/channels.py: the limits are those of the server whose
  WebSocket has the kernel's channels behind it, here the gateway's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

from hublab.scenario import PYTHON, Case, File, HubError, LiveLab, last_server_log, until

from .kernel_gateway import ADDRESS, HOST, LISTS, Place, gateway, where
from .large_outputs import BINARY, DATA_LIMIT, EXCEEDED, PRINTED, PRINTS, SHOWN, SHOWS
from .pages import Page, new_kernel, page, visit

pytestmark = pytest.mark.topology("lab", "payloads")

URL = "server.GatewayClient.url"
FOLDER = "/home/alice/week1"
KIND = json.dumps(
    {
        "argv": [PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "a kind of a user's own",
        "language": "python",
    }
)
SILENCE = 2.0
"""Seconds without a message. With a kernel of its own the server passes each on within 0.1 s."""
RAN = "/home/bob/ran"
SMALL = BINARY.replace(str(SHOWN), "1000")


async def messages(tab: Page, seconds: float = SILENCE) -> list[str]:
    """What comes to a page that waits for so many seconds, by its kinds; of states the state."""
    seen: list[str] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                message = await tab.message()
                kind = message["header"]["msg_type"]
                seen.append(message["content"].get("execution_state", kind))
    return seen


async def add_kind(lab: LiveLab, host: str, user: str, name: str) -> None:
    """Install a kind of kernel in a user's home."""
    folder = f"/home/{user}/.local/share/jupyter/kernels/{name}"
    await lab.run(host, "mkdir", "-p", folder, user=user)
    await lab.put_files(host, folder, [File("kernel.json", KIND.encode())])


@pytest.mark.matrix(URL, ["", ADDRESS])
async def test_whose_kernels_they_are(lab: LiveLab, case: Case) -> None:
    """The gateway's user's, in that user's folder on its host; and lists of kernels are refused.

    The kinds to choose from are the gateway's alone. Its option `list_kernels` mends the lists.
    """
    await add_kind(lab, HOST, "bob", "bobs")
    await add_kind(lab, "node1", "alice", "alices")
    await lab.run("node1", "mkdir", FOLDER, user="alice")
    async with gateway(lab) as other:
        alice, server = await visit(lab, "alice")
        kinds = set((await alice.api("GET", "kernelspecs"))["kernelspecs"])
        notebook = {"name": "bobs" if case[URL] else "alices", "path": "week1/notebook.ipynb"}
        kernel = str((await alice.api("POST", "kernels", json=notebook))["id"])
        async with page(alice, server, kernel) as tab:
            seen = await where(tab)
        answers = {}
        for path in ("kernels", "status", "contents"):
            try:
                answers[path] = bool(await alice.api("GET", path))
            except HubError as error:
                answers[path] = "403" not in str(error)
        await other.kill()
        await other.start(LISTS)
        await new_kernel(alice, server)
        assert len(await alice.api("GET", "kernels")) == (1 if case[URL] else 2)
    if case[URL]:
        assert kinds == {"python3", "bobs"}
        assert seen == Place("bob", HOST, "/home/bob", {})
        assert answers == {"kernels": False, "status": False, "contents": True}
    else:
        assert kinds == {"python3", "alices"}
        assert seen == Place("alice", "node1", FOLDER, {})
        assert answers == {"kernels": True, "status": True, "contents": True}


@pytest.mark.issue(
    "jupyter-widgets/ipywidgets#3798",
    happens=True,
    workaround="none: a plain connection to the host of the kernels",
)
@pytest.mark.finding(
    "An output of more than 10 MB is lost on its way from a gateway, and nobody is told",
    project="jupyter_server",
    steps="GatewayClient.url; a cell displays 16 MB.",
    expected="It comes, as it does with a kernel of the server's own, or the page is told.",
    seen="'Lost connection to Gateway' in the server's log, then a new connection without it. "
    "The page's WebSocket stays open. tornado's client takes 10 MiB in one message, and "
    "gateway/connections.py sets no other size.",
)
@pytest.mark.matrix(DATA_LIMIT, [0])
@pytest.mark.matrix(URL, ["", ADDRESS])
async def test_what_does_not_come_through(lab: LiveLab, case: Case) -> None:
    """A long print, by a limit that the server has turned off; 16 MB at once; a small buffer.

    After the buffer nothing comes to that page any more, while its cells run; a new page works.
    """
    there = case[URL]

    async def logged(words: str) -> bool:
        return words in await last_server_log(lab, "alice", "node1")

    async def has_run() -> bool:
        return (await lab.exec(HOST, "test", "-e", RAN)).exit_code == 0

    async with gateway(lab):
        await lab.run(HOST, "rm", "-f", RAN)
        alice, server = await visit(lab, "alice")
        kernel = await new_kernel(alice, server)
        async with page(alice, server, kernel) as tab:
            output = await tab.show(PRINTS)
            assert (EXCEEDED in output.stderr) == bool(there)
            assert (len(output.stdout) == PRINTED) == (not there)
            if there:
                await tab.request("execute_request", {"code": SHOWS, "allow_stdin": False})
                await until(lambda: logged("Lost connection to Gateway"), what="the lost one")
                assert "display_data" not in await messages(tab)
                assert not tab.socket.closed
            else:
                output = await tab.show(SHOWS)
                assert [len(one["text/plain"]) for one in output.data] == [SHOWN]
        async with page(alice, server, kernel) as tab:
            if there:
                await tab.request("execute_request", {"code": SMALL, "allow_stdin": False})
                await until(lambda: logged("UnicodeDecodeError"), what="the error of the buffer")
                assert "comm_open" not in await messages(tab)
                marks = {"code": f"open({RAN!r}, 'w')", "allow_stdin": False}
                await tab.request("execute_request", marks)
                await until(has_run, what="the next cell has run")
                assert await messages(tab) == []
                assert not tab.socket.closed
            else:
                assert [len(one) for one in (await tab.show(SMALL)).buffers] == [1000]
        async with page(alice, server, kernel) as tab:
            assert (await tab.show("print(1)")).stdout == "1\n"


@pytest.mark.sabotage(URL, "")
@pytest.mark.matrix(URL, [ADDRESS])
async def test_a_gateway_that_goes_away(lab: LiveLab) -> None:
    """The page is not told, nor after the gateway has come back without the kernel.

    Its WebSocket stays open, and its cells are ignored although the server lists no such kernel; a
    new kernel works. What a gateway's kernel does is no activity of the server.
    """
    async with gateway(lab, LISTS) as other:
        alice, server = await visit(lab, "alice")
        kernel = await new_kernel(alice, server)
        async with page(alice, server, kernel) as tab:
            before = (await alice.api("GET", "status"))["last_activity"]
            assert (await tab.show("print(1)")).stdout == "1\n"
            assert (await alice.api("GET", "status"))["last_activity"] == before
            await other.kill()
            assert await messages(tab) == []
            with pytest.raises(HubError, match="503"):
                await alice.api("GET", "kernels")
            await other.start(LISTS)
            assert await alice.api("GET", "kernels") == []
            await tab.request("execute_request", {"code": "1", "allow_stdin": False})
            assert await messages(tab) == []
            assert not tab.socket.closed
            log = await last_server_log(lab, "alice", "node1")
            assert "Ignoring message on failed connection" in log
        async with page(alice, server, await new_kernel(alice, server)) as tab:
            assert (await tab.show("print(1)")).stdout == "1\n"
