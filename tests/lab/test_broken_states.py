"""Labs that broke: each command says what is broken, and `up` makes the lab whole again."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import lifecycle
import pytest

from hublab.deployment.removal import down
from hublab.engine import Engine
from hublab.errors import HubError
from hublab.running import programs
from hublab.running.lab import Lab
from hublab.running.live import connect

NAME = "broken"


def hublab(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command on the lab of these tests."""
    return lifecycle.hublab(*argv, "--name", NAME, environment=environment)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine.connect()
    yield engine
    down(NAME, engine)


@pytest.fixture
def lab(engine: Engine) -> Lab:
    """A lab that is whole: what the test before broke is mended by `up`, as a person would."""
    done = hublab("up")
    assert done.returncode == 0, done.stderr
    return Lab.find(NAME, engine)


def kill(lab: Lab, host: str) -> None:
    """A host loses its power."""
    subprocess.run(["docker", "kill", lab.host(host).id], check=True, capture_output=True)


def test_a_dead_node(lab: Lab) -> None:
    kill(lab, "node1")
    done = hublab("spawn", "alice", "--on", "node1")
    assert done.returncode == 1
    assert "alice's server did not start" in done.stderr
    assert "node1" in done.stderr
    hops = hublab("reach")
    assert hops.returncode == 1
    assert "hub -> node1 SSH" in hops.stderr
    assert "governed by hub.SSHSpawner.hosts" in hops.stderr
    for argv in (["fault", "freeze", "node1", "--for", "1s"], ["set", "sshd.MaxSessions=7"]):
        done = hublab(*argv)
        assert done.returncode == 70
        assert done.stderr.startswith("hublab: node1 is exited\n"), done.stderr
        assert f"`hublab up --name {NAME}` starts it again" in done.stderr
    assert hublab("unset", "--all").returncode == 70


def test_a_dead_node_comes_back(lab: Lab) -> None:
    assert all(host.state == "running" for host in lab.hosts.values())
    done = hublab("spawn", "alice", "--on", "node1")
    assert done.returncode == 0, done.stderr
    assert hublab("stop", "alice").returncode == 0


def test_a_dead_client(lab: Lab) -> None:
    kill(lab, "client")
    done = hublab("spawn", "alice")
    assert done.returncode == 70
    assert done.stderr == (
        f"hublab: the client host client is exited\n  hint: `hublab up --name {NAME}`\n"
    )
    listed = hublab("ps")
    assert listed.returncode == 0
    assert "exited" in listed.stdout
    assert "the servers are unknown" in listed.stderr


async def test_a_client_that_dies_in_the_midst_of_work(lab: Lab) -> None:
    async with connect(lab) as live:
        hub = await live.hub()
        assert "version" in await hub.get("")
        kill(lab, "client")
        with pytest.raises(HubError, match="hub's API does not answer"):
            await hub.get("")


def test_a_dead_hub_program(lab: Lab) -> None:
    programs.kill(lab, "hub")
    done = hublab("spawn", "alice")
    assert done.returncode == 70
    assert done.stderr.startswith("hublab: the hub does not listen")
    assert "hub ended by signal 9" in done.stderr


def test_up_starts_a_program_that_ended(lab: Lab) -> None:
    assert programs.status(lab, "hub").up


def told(*argv: str) -> dict[str, Any]:
    """What a command answers as JSON."""
    done = hublab(*argv, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def program(host: str) -> str:
    hosts = {one["name"]: one for one in told("ps")["hosts"]}
    return str(hosts[host]["program"]["state"])


def test_what_a_kill_costs(lab: Lab) -> None:
    """A proxy its routes, a hub no server, a node its servers: each is seen, and told."""
    assert hublab("spawn", "alice", "--on", "node1").returncode == 0
    restarted = told("restart", "proxy")
    assert {"/", "/user/alice"} <= set(restarted["lost"]["routes"])
    assert restarted["lost"]["servers"] == []
    assert hublab("routes", "--check").returncode == 0
    killed = told("kill", "hub")
    assert (killed["lost"]["servers"], killed["lost"]["routes"]) == ([], [])
    assert program("hub") == "ended"
    assert "the program of hub does not run" in hublab("kill", "hub").stderr
    assert told("start", "hub")["done"] == "started hub on hub"
    assert program("hub") == "up"
    assert [one["user"] for one in told("ps")["servers"]] == ["alice"]
    assert told("kill", "node1", "--container")["lost"]["servers"] == ["alice"]
    assert program("node1") == "down"
    assert told("start", "node1")["done"] == "started node1"
    assert program("node1") == "up"
    assert hublab("stop", "alice").returncode == 0


def test_a_dead_proxy_program(lab: Lab) -> None:
    programs.kill(lab, "proxy")
    done = hublab("cell", "alice", "1")
    assert done.returncode == 1
    assert done.stderr.startswith("hublab: the proxy did not answer")
    assert "http://proxy:8000/hub/login" in done.stderr


def test_a_proxy_that_was_restarted_from_outside(lab: Lab) -> None:
    """Its table is empty, and the hub would look at it in five minutes: `up` has it look now."""
    assert hublab("spawn", "alice", "--on", "node1").returncode == 0
    restarted = ["docker", "restart", lab.one("proxy").id]
    subprocess.run(restarted, check=True, capture_output=True)
    done = hublab("up")
    assert done.returncode == 0, done.stderr
    assert "the hub checks its routes" in done.stderr
    assert hublab("reach").returncode == 0
    assert hublab("stop", "alice").returncode == 0


def test_two_at_once(engine: Engine) -> None:
    """Both find one lab; only one of them made it."""
    down(NAME, engine)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: hublab("up", "--json"), range(2)))
    assert [done.returncode for done in both] == [0, 0], [done.stderr for done in both]
    assert len([thing for thing in engine.leftovers(NAME) if thing.startswith("network")]) == 1


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system on which nothing more can be written."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small tmpfs needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=True)
    try:
        with contextlib.suppress(OSError), (tmp_path / "filling").open("wb", 0) as file:
            while True:
                file.write(bytes(4096))
        yield tmp_path
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_a_full_disk(lab: Lab, full_disk: Path) -> None:
    done = hublab("spawn", "alice", XDG_STATE_HOME=str(full_disk))
    assert done.returncode == 3
    assert "No space left on device" in done.stderr
    assert str(full_disk) in done.stderr
    assert "Traceback" not in done.stderr


class Relay:
    """A socket in front of the engine's, that can vanish as an engine does."""

    def __init__(self, path: Path, engine: str) -> None:
        self.path, self.engine = path, engine
        self.ready = threading.Event()
        self.requests = 0
        self.vanish_after: int | None = None
        self._loop = asyncio.new_event_loop()
        self._writers: list[asyncio.StreamWriter] = []
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=[self._run()])
        self._thread.start()
        assert self.ready.wait(10)

    async def _run(self) -> None:
        self._gone = asyncio.Event()
        server = await asyncio.start_unix_server(self._accept, self.path)
        self.ready.set()
        await self._gone.wait()
        server.close()
        self.path.unlink()
        for writer in self._writers:
            writer.transport.abort()

    async def _accept(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_unix_connection(self.engine)
        self._writers += [back, forth]
        await asyncio.gather(
            self._pass(near, forth, counted=True), self._pass(far, back, counted=False)
        )

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, counted: bool
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if counted and b"/containers/create" in data:
                    self.requests += 1
                    if self.requests == self.vanish_after:
                        self._gone.set()
                        return
                writer.write(data)
                await writer.drain()
            writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._gone.set)
        self._thread.join()


def test_an_engine_that_vanishes(engine: Engine, tmp_path: Path) -> None:
    """In the middle of `up`: the message says so, and the engine's return finds `down` able."""
    if not engine.host.startswith("unix://"):
        pytest.skip("the engine is not on a socket of this machine")
    down(NAME, engine)
    relay = Relay(tmp_path / "docker.sock", engine.host.removeprefix("unix://"))
    relay.vanish_after = 3
    try:
        done = hublab("up", DOCKER_HOST=f"unix://{relay.path}")
    finally:
        relay.close()
    assert relay.requests >= 3
    assert done.returncode == 70, done.stderr
    assert "the lab did not come up" in done.stderr
    assert "Traceback" not in done.stderr
    assert hublab("down").returncode == 0
    assert engine.leftovers(NAME) == []
