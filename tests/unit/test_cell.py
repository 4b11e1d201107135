"""What a kernel's messages make of a cell: also where the message of its error is lost."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from hublab.cli.cell import cell
from hublab.errors import HubError
from hublab.running.kernel import CellResult, Kernel

BUSY = ("status", {"execution_state": "busy"})
IDLE = ("status", {"execution_state": "idle"})


class Socket:
    """Answers the first message with those of a list, and then is silent."""

    def __init__(self, *answers: tuple[str, dict[str, Any]], ours: bool = True) -> None:
        self.answers = list(answers)
        self.ours = ours
        self.asked = ""

    async def send_json(self, message: dict[str, Any]) -> None:
        self.asked = message["header"]["msg_id"]

    async def receive(self) -> Any:
        if not self.answers:
            await asyncio.sleep(60)
        kind, content = self.answers.pop(0)
        parent = {"msg_id": self.asked} if self.ours else {}
        reply = {"header": {"msg_type": kind}, "parent_header": parent, "content": content}
        return SimpleNamespace(type=aiohttp.WSMsgType.TEXT, data=json.dumps(reply))


def run(socket: Any) -> CellResult:
    return asyncio.run(Kernel(socket, "k").run("code", 5))


def test_a_cell_that_ran() -> None:
    assert run(Socket(BUSY, ("execute_reply", {"status": "ok"}), IDLE)).error is None


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"status": "error", "ename": "ValueError", "evalue": "x"}, "ValueError: x"),
        ({"status": "error", "ename": "KeyboardInterrupt", "evalue": ""}, "KeyboardInterrupt"),
        ({"status": "aborted"}, "aborted"),
    ],
)
def test_the_reply_alone_tells_of_the_error(reply: dict[str, Any], error: str) -> None:
    assert run(Socket(BUSY, ("execute_reply", reply), IDLE)).error == error


@pytest.mark.parametrize("state", ["restarting", "dead"])
def test_a_kernel_that_dies(state: str) -> None:
    """The server tells it in a message of its own, an answer to none of ours."""
    with pytest.raises(HubError, match="the kernel died"):
        run(Socket(("status", {"execution_state": state}), ours=False))


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_no_time_at_all_is_wrong_use(seconds: str) -> None:
    done = CliRunner().invoke(cell, ["alice", "1", "--timeout", seconds])
    assert done.exit_code == 2  # click's own, which `main` makes 64
    assert "is not a positive, finite number of seconds" in done.output
