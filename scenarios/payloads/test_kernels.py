"""What a kernel says on its way to a page: what is lost of a large output, and what is not.

Why it matters: a page, the proxy and the server on a node each could cut an output short. It is the
server alone that does, by a rate, and by the form in which something is shown rather than by its
size: a long print is cut after 3 MB, and 16 MB that are displayed are not. And what a kernel says
while nobody looks is kept for one reader only, the connection that has gone.

Sources:
- jupyter_server 2.21, services/kernels/connection/channels.py, `_limit_rate`: messages of any kind
  but three, bytes of `stream` alone, over `rate_limit_window`; 0 is no limit. serverapp.py,
  `_warn_deprecated_config`: the old name, `ServerApp.iopub_data_rate_limit`, still counts.
- services/kernels/kernelmanager.py, `start_buffering`: kept for the session of the last page;
  `get_buffer`: for another session it is thrown away. `buffer_offline_messages` turns it off.
- jupyter_server documentation, "WebSocket kernel wire protocols"; jupyter_client documentation,
  "Messaging in Jupyter": buffers are raw bytes.
- configurable-http-proxy passes a WebSocket on as a stream of bytes: it has no limit of its own.
"""

from __future__ import annotations

import hashlib
import time

import pytest

from hublab.scenario import Case, LiveLab, Server, Visitor, last_server_log, until

from .large_outputs import BINARY, DATA_LIMIT, EXCEEDED, MB, PRINTED, PRINTS, SHOWN, SHOWS
from .pages import direct, new_kernel, page, visit

pytestmark = pytest.mark.topology("lab", "payloads")

WINDOW = 3
"""Seconds, `rate_limit_window`: a cell may print three seconds' worth at once."""
DEFAULT = 1 * MB
"""Bytes a second, `ZMQChannelsWebsocketConnection.iopub_data_rate_limit`."""
PICTURES = 1000
SHOWS_MANY = f"for n in range({PICTURES}): display({{'text/plain': str(n)}}, raw=True)"
MANY = "IOPub message rate exceeded"
GOES_ON = """\
import pathlib, time
print('begun', flush=True)
while not pathlib.Path('go').exists(): time.sleep(0.02)
for n in range(3): print(n, flush=True)
x = 42
"""
OLD_DATA_LIMIT = "server.ServerApp.iopub_data_rate_limit"
MESSAGE_LIMIT = "server.ZMQChannelsWebsocketConnection.iopub_msg_rate_limit"
BUFFERS = "server.MappingKernelManager.buffer_offline_messages"


@pytest.mark.issue(
    "jupyterlab/jupyterlab#8769",
    "microsoft/AzureNotebooks#286",
    happens=True,
    workaround="ZMQChannelsWebsocketConnection.iopub_data_rate_limit = 0, or display, not print",
)
@pytest.mark.finding(
    "ServerApp.iopub_data_rate_limit = 0 does not turn the limit off",
    project="jupyter_server",
    steps="c.ServerApp.iopub_data_rate_limit = 0; a cell prints 8 MB at once.",
    expected="All of it: 'DEPRECATED. Use ZMQChannelsWebsocketConnection.iopub_data_rate_limit', "
    "where 0 is no limit, as maintainers advised; other values of the old name count.",
    seen="3 MB and 'IOPub data rate exceeded', as without the line, and no word of it in the log: "
    "0 is the old name's default, so that nothing observes a change. The other two old limits have "
    "the same default.",
)
@pytest.mark.side_by_side
@pytest.mark.matrix(OLD_DATA_LIMIT, [200_000, 400_000, 0])
async def test_a_long_print_is_cut(lab: LiveLab, case: Case) -> None:
    """After three seconds' worth the rest is gone, and the cell ends well; 0 is as if not set.

    What is displayed is complete. It is so through the chain and past the proxy.
    """
    given = case[OLD_DATA_LIMIT]
    assert isinstance(given, int)
    alice, server = await visit(lab, "alice")
    limit = given or DEFAULT
    for at in (None, direct(server)):
        async with page(alice, server, await new_kernel(alice, server), at=at) as tab:
            begun = time.monotonic()
            output = await tab.show(PRINTS)
            seconds = time.monotonic() - begun
            assert output.status == "ok"
            assert limit * WINDOW * 0.9 < len(output.stdout) <= limit * (WINDOW + seconds)
            assert EXCEEDED in output.stderr
            output = await tab.show(SHOWS)
            assert [len(one["text/plain"]) for one in output.data] == [SHOWN]
            assert output.stderr == ""
    log = await last_server_log(lab, "alice", "node1")
    assert ("iopub_data_rate_limit config is deprecated in 2.0" in log) == bool(given)


@pytest.mark.side_by_side
@pytest.mark.matrix(DATA_LIMIT, [0])
@pytest.mark.matrix(MESSAGE_LIMIT, [100, 0])
async def test_too_many_messages_are_cut(lab: LiveLab, case: Case) -> None:
    """Displayed ones too, from the first that is too many; with 0 nothing is, nor any print."""
    limit = case[MESSAGE_LIMIT]
    assert isinstance(limit, int)
    alice, server = await visit(lab, "alice")
    async with page(alice, server, await new_kernel(alice, server)) as tab:
        output = await tab.show(SHOWS_MANY)
        numbers = [int(one["text/plain"]) for one in output.data]
        assert output.status == "ok"
        if limit:
            assert numbers[: WINDOW * limit] == list(range(WINDOW * limit))
            assert len(numbers) < PICTURES
            assert MANY in output.stderr
        else:
            assert (numbers, output.stderr) == (list(range(PICTURES)), "")
        output = await tab.show(PRINTS)
        assert (len(output.stdout), output.stderr) == (PRINTED, "") or limit


@pytest.mark.sabotage(MESSAGE_LIMIT, 0.1)
async def test_a_buffer_comes_as_it_was(lab: LiveLab) -> None:
    """16 MB of a comm's buffer, byte for byte, through the chain and past the proxy."""
    alice, server = await visit(lab, "alice")
    for at in (None, direct(server)):
        async with page(alice, server, await new_kernel(alice, server), at=at) as tab:
            output = await tab.show(BINARY)
            assert [len(one) for one in output.buffers] == [SHOWN]
            assert hashlib.sha256(output.buffers[0]).hexdigest() == output.stdout


async def leave_and_finish(lab: LiveLab, visitor: Visitor, server: Server, kernel: str) -> str:
    """Begin a cell in a page, close it, and let the cell end; returns the cell's message id."""
    await lab.run("node1", "rm", "-f", "/home/alice/go")
    async with page(visitor, server, kernel, session="first") as tab:
        asked = await tab.request("execute_request", {"code": GOES_ON, "allow_stdin": False})
        while (await tab.message())["content"].get("text") != "begun\n":
            pass

    async def nobody_looks() -> bool:
        model = await visitor.api("GET", f"kernels/{kernel}", server.name)
        return bool(model["connections"] == 0)

    async def idle() -> bool:
        model = await visitor.api("GET", f"kernels/{kernel}", server.name)
        return bool(model["execution_state"] == "idle")

    await until(nobody_looks, what="the server has noticed that the page is closed")
    await lab.run("node1", "touch", "/home/alice/go", user="alice")
    await until(idle, what="the cell has ended")
    return asked


@pytest.mark.issue(
    "jupyter/notebook#4105",
    "jupyter/notebook#5243",
    "jupyterlab/jupyterlab#4237",
    happens=True,
    workaround="write what matters into a file",
)
@pytest.mark.side_by_side
@pytest.mark.matrix(BUFFERS, [True, False])
async def test_a_cell_that_outlives_its_page(lab: LiveLab, case: Case) -> None:
    """It ends and leaves its variables; its output is for the session that has gone, once.

    A page that was loaded anew gets none of it, and nor does anybody without the buffer.
    """
    alice, server = await visit(lab, "alice")
    for session in ("first", "second"):
        kernel = await new_kernel(alice, server)
        asked = await leave_and_finish(lab, alice, server, kernel)
        texts = {asked: "", "": ""}
        async with page(alice, server, kernel, session=session) as tab:
            content = {"code": "print(x)", "allow_stdin": False}
            texts[mark := await tab.request("execute_request", content)] = ""
            while texts[mark] != "42\n":
                message = await tab.message()
                about = message["parent_header"].get("msg_id", "")
                texts[about] = texts.get(about, "") + message["content"].get("text", "")
        assert texts[asked] == ("0\n1\n2\n" if case[BUFFERS] and session == "first" else "")
        async with page(alice, server, kernel, session=session) as tab:
            mark = await tab.request("execute_request", content)
            about = ""
            while about != mark:
                message = await tab.message()
                about = message["parent_header"].get("msg_id", "")
                assert about != asked
        log = await last_server_log(lab, "alice", "node1")
        assert ("Discarding " in log) == (case[BUFFERS] is True and session == "second")


INSTALL = ("/opt/jupyter/bin/python", "-m", "bash_kernel.install", "--user")
"""bash_kernel, README: the package alone is no kernel yet."""


@pytest.mark.sabotage("server.KernelSpecManager.allowed_kernelspecs", ["python3"])
async def test_a_second_kind_of_kernel(lab: LiveLab) -> None:
    """One for bash beside Python's, once its user has installed it: both on the node, as the user.

    The server that runs offers it at once.
    """
    alice, server = await visit(lab, "alice")

    async def kinds() -> set[str]:
        return set((await alice.api("GET", "kernelspecs"))["kernelspecs"])

    assert await kinds() == {"python3"}
    home = {"HOME": "/home/alice"}
    done = await lab.exec("node1", *INSTALL, user="alice", environment=home)
    assert done.exit_code == 0, done.stderr
    assert await kinds() == {"bash", "python3"}
    cells = {
        "bash": 'x=bash; echo "$x $(id -un) $(hostname)"',
        "python3": "x = 'python3'; import os, pwd; "
        "print(x, pwd.getpwuid(os.getuid()).pw_name, os.uname().nodename)",
    }
    ids = {kind: await new_kernel(alice, server, kind) for kind in cells}
    for kind, code in cells.items():
        async with page(alice, server, ids[kind]) as tab:
            assert (await tab.show(code)).stdout == f"{kind} alice node1\n"
    async with page(alice, server, ids["bash"]) as tab:
        assert (await tab.show('echo "$x"')).stdout == "bash\n"
