"""The end of a running server's log, for its user: by a token, in a browser, after a restart."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until
from test_spawn_page import Browser

from jupyterhub_sshspawner.launcher.instance import Instance
from jupyterhub_sshspawner.launcher.server_log import FITS, SIZE, environment_of, fitted, read_log
from jupyterhub_sshspawner.server.server_log import read_once

RESTARTED = """
c.SSHSpawner.environment = {"DATABASE_URL": "postgres://lab:hunter2222@db/lab", "PLAIN": "shown"}
c.SSHSpawner.shell_cmd = ["sh", "-c"]
c.SSHSpawner.prologue = "printenv; export OWN_PASSWORD=of-the-prologue; echo $OWN_PASSWORD"
c.JupyterHub.load_roles.append({"name": "operator", "services": ["operator"],
    "scopes": ["admin:servers", "read:users"]})
c.JupyterHub.services.append({"name": "operator", "api_token": "operators-own-token"})
"""


@pytest.mark.sshd
def test_the_user_reads_it_and_nobody_else(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The scope is ``access:servers`` (JupyterHub, "Available scopes"): a user's own server, an
    administrator's role; not what starts and stops servers. After a restart the hub does not know
    the token that the server printed; the node does."""
    alice, bob = account(), account()
    one = hub(TINY + RESTARTED)
    one.add_user(bob.name)
    assert one.api("GET", f"/users/{bob.name}/server/log")[0] == 404
    one.spawn(alice.name)
    one.spawn(alice.name, "second")
    token = alice.environment()[b"JUPYTERHUB_API_TOKEN"].decode()
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    own, others = (
        one.api("POST", f"/users/{name}/tokens", {})[1]["token"] for name in (alice.name, bob.name)
    )
    for path in ("server/log", "servers/second/log"):
        status, text = one.api("GET", f"/users/{alice.name}/{path}", token=own)
        assert status == 200
        assert "PLAIN=shown" in text
        assert "JUPYTERHUB_API_TOKEN=[redacted]" in text
        assert "DATABASE_URL=postgres://lab[redacted]db/lab" in text
        for secret in (token, "hunter2222", "of-the-prologue"):
            assert secret not in text
    assert one.api("GET", f"/users/{alice.name}/server/log")[0] == 200  # access:servers of all
    for stranger in (others, "operators-own-token", "no-token"):
        status, reply = one.api("GET", f"/users/{alice.name}/server/log", token=stranger)
        assert status in (403, 404), reply
        assert "PLAIN" not in str(reply)
    status, text = Browser(one, alice.name).get(f"/api/users/{alice.name}/server/log")
    assert (status, "PLAIN=shown" in text) == (200, True)
    assert "PLAIN" not in one.log.read_text()


@pytest.mark.sshd
def test_why_it_cannot_be_read_is_told_in_words(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    alice = account()
    one = hub(
        TINY + "c.Spawner.poll_interval = 600\nc.SSHSpawner.poll_timeout = 5\n", node=own_sshd
    )
    one.spawn(alice.name)
    path = f"/users/{alice.name}/server/log"
    (folder,) = (alice.home / ".jupyterhub-ssh").iterdir()
    (folder / "server.log").rename(folder / "moved")
    status, reply = one.api("GET", path)
    assert status == 500
    assert "server.log is not there any more" in reply["message"]
    (folder / "moved").rename(folder / "server.log")
    own_sshd.cut()
    status, reply = one.api("GET", path)
    assert (status, reply["message"]) == (503, "node1 cannot be reached")
    own_sshd.start()
    assert one.api("GET", path)[0] == 200
    os.kill(one.state(alice.name)["pid"], 9)
    wait_until(lambda: not alice.servers())
    wait_until(lambda: one.api("GET", path)[0] == 404)


@pytest.mark.parametrize("filling", ["x", "\n", "\x1b", "ö", "🚀", "a line\n", "\x1b[0m\n"])
def test_what_is_sent_fits_into_a_line(filling: str) -> None:
    """``protocol.MAX_LINE``: a longer line is no reply. A character may take six bytes of JSON."""
    text = fitted((filling * SIZE)[:SIZE] + "the end")
    assert len(json.dumps(text)) <= FITS
    assert text.endswith("the end")


def test_a_log_is_read_from_its_end(tmp_path: Path) -> None:
    """From a whole line on: half a line may be half a secret."""
    instance = Instance([str(tmp_path)], "abc")
    instance.create()
    lines = [f"line {number} {'x' * 50}" for number in range(2000)]
    Path(instance.file("server.log")).write_text("\n".join(lines))
    found = instance.tail(size=SIZE).splitlines()
    assert found == lines[-len(found) :]
    assert SIZE - 100 < len("\n".join(found)) <= SIZE


def test_without_a_running_server_nothing_is_shown(tmp_path: Path) -> None:
    """What it printed may be secret, and nothing is left that says what was."""
    instance = Instance([str(tmp_path)], "abc")
    instance.create()
    Path(instance.file("server.log")).write_text("token 123456")
    assert read_log({}, instance, print) == {"state": "absent"}


def test_an_environment_that_is_not_for_us_is_empty() -> None:
    assert environment_of(os.getpid())["PATH"] == os.environ["PATH"]
    assert environment_of(2**22 + 1) == {}


def test_who_asks_meanwhile_gets_the_same_answer() -> None:
    """Nobody floods a node; and who gives up does not take the answer from the others."""

    class Spawner:
        asked = 0

        def __init__(self) -> None:
            self.answers = asyncio.Event()

        async def read_log(self) -> str:
            self.asked += 1
            await self.answers.wait()
            return "the log"

    async def story() -> None:
        spawner = Spawner()
        first, *others = (asyncio.ensure_future(read_once(spawner)) for _ in range(5))
        await asyncio.sleep(0)  # a turn for each to ask
        first.cancel()
        spawner.answers.set()
        assert await asyncio.gather(*others) == ["the log"] * 4
        assert spawner.asked == 1
        assert await read_once(spawner) == "the log"
        assert spawner.asked == 2

    asyncio.run(story())
