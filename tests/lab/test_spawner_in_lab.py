"""SSHSpawner between hosts: what one machine with a loopback cannot show.

Sources:
- jupyterhub#824, kubespawner#786: servers were reported down after the hub was restarted.
- jupyterhub#3171 (open): a spawner that cannot ask and says "ended" makes orphans.
- jupyterhub#3263: a check that stays pending after a restart while the network is down.
- jupyterhub/app.py 6.1.1, `check_spawner`: a hub that starts stops a server that runs but does not
  answer over HTTP for `Spawner.http_timeout`, whatever its spawner says.
- jupyterhub/user.py 6.1.1, `User.stop`: after a restart the hub has forgotten a server's token.
- batchspawner#82, #160, #227, GHSA-cg54-gpgr-4rm6: tokens in arguments, logs, readable files.
- sshspawner signs in 14 times for a spawn, ten polls and a stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from hublab.errors import HubError
from hublab.faults import partition
from hublab.probes.processes import UserProcess, processes_on
from hublab.probes.server_states import until_ready
from hublab.probes.table_rows import table_rows
from hublab.probes.waiting import until
from hublab.running.kernel import Kernel
from hublab.running.live import LiveLab
from hublab.running.reset import DATABASE
from hublab.running.servers import Server, SpawnMessage
from hublab.running.visitor import Visitor

pytestmark = [pytest.mark.topology("lab"), pytest.mark.matrix("hub.snippet", ["spawner_haste.py"])]
PYTHON = "/opt/jupyter/bin/python"
SHORT = 4.0
"""Seconds of a cut that the hub's patience outlasts."""
LONG = 60.0
"""Seconds of one that outlasts the hub's patience."""
JUPYTER_S_OWN = "/home/alice/.local/share/jupyter/runtime/jpserver-"
REAPED = 120
"""Seconds after which an orphan is gone: tried again after 5, 10, 20, 40 s (orphans.py)."""


# -- the hub goes and comes back -----------------------------------------------------------


async def end_hub(lab: LiveLab, how: str) -> None:
    """End the hub's program: killed as by a crash, or asked to end as by a service manager."""
    await (lab.programs.kill("hub") if how == "killed" else lab.programs.stop("hub"))
    await lab.forget_hub()

    async def down() -> bool:
        return (await lab.programs.status("hub")).ended

    await until(down, what="the end of the hub's program")


async def start_hub(lab: LiveLab) -> None:
    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")


async def kernel_of(lab: LiveLab, user: str) -> tuple[Visitor, Kernel]:
    visitor = await lab.sign_in(user)
    await visitor.open_server()
    return visitor, await lab.enter(visitor.kernel())


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_servers_on_two_nodes_outlive_the_hub(lab: LiveLab, how: str) -> None:
    """All ready again, the same processes, and a kernel's variable, read through the proxy."""
    places = {"alice": "node1", "bob": "node2"}
    before = {
        s.user: s for s in await asyncio.gather(*(lab.spawn(u, on=n) for u, n in places.items()))
    }
    visits = {user: await kernel_of(lab, user) for user in places}
    for user, (_, kernel) in visits.items():
        await kernel.run(f"import os, socket; x = [{user!r}]")

    await end_hub(lab, how)
    for _, kernel in visits.values():  # the proxy and the servers go on without the hub
        await kernel.run("x.append(socket.gethostname())")
    await start_hub(lab)

    for user, node in places.items():
        after = await until_ready(lab, user)
        assert (after.pid, after.port, after.host) == (before[user].pid, before[user].port, node)
        visitor, kernel = visits[user]
        async with visitor.connect(kernel.id) as again:
            assert (await again.run("x")).result == str([user, node])
        assert len(await servers_of(lab, user, node)) == 1
        await lab.stop(user)
        await until_nothing_left(lab, user, node)


# -- hub and node lose each other ----------------------------------------------------------


async def servers_of(lab: LiveLab, user: str, node: str) -> list[int]:
    """Pids of the single-user servers that run on a node."""
    return [
        process.pid
        for process in await processes_on(lab, node, user)
        if "jupyterhub-singleuser" in process.command and not process.state.startswith("Z")
    ]


async def left_on(lab: LiveLab, user: str, node: str) -> list[UserProcess]:
    """All that a user runs on a node, but for the hub's connection, which is kept for a while."""
    found = await processes_on(lab, node, user)
    return [process for process in found if not process.command.startswith("sshd-session:")]


async def until_nothing_left(lab: LiveLab, user: str, node: str) -> None:
    """What stopped the server has answered before it ends itself."""

    async def gone() -> bool:
        return not await left_on(lab, user, node)

    await until(gone, what=f"nothing of {user} on {node}")


async def settled(lab: LiveLab, user: str, node: str) -> bool:
    """Whether hub and node agree: one server that both know, or none and nothing left of it."""
    server = await lab.server(user)
    if server is not None:
        return server.ready and await servers_of(lab, user, node) == [server.pid]
    return not await left_on(lab, user, node) and not await orphans(lab)


async def wait_until_settled(lab: LiveLab, user: str, node: str) -> Server | None:
    async def seen() -> bool:
        return await settled(lab, user, node)

    await until(seen, seconds=REAPED, what=f"hub and {node} agree on {user}'s server", poll=0.5)
    return await lab.server(user)


async def orphans(lab: LiveLab) -> list[str]:
    """Instances that the database remembers as orphans."""
    states = [row["state"] or {} for row in await table_rows(lab, "spawners")]
    return [orphan["instance"] for state in states for orphan in state.get("orphans", [])]


@pytest.mark.matrix("hub.SSHSpawner.prologue", ["sleep 2"])
@pytest.mark.matrix("hub.Spawner.http_timeout", [5])
@pytest.mark.parametrize(
    ("point", "seconds"),
    [
        pytest.param("Starting the server on", SHORT, id="sent, short"),
        pytest.param("Starting the server on", LONG, id="sent, long", marks=pytest.mark.slow),
        pytest.param("The server process runs", SHORT, id="running, short"),
        pytest.param("The server process runs", LONG, id="running, long"),
    ],
)
async def test_a_cut_during_a_start(lab: LiveLab, point: str, seconds: float) -> None:
    """It succeeds with one server, or fails and leaves none; then the next start works.

    The prologue keeps the start going while the network is cut. A long cut lasts until the hub
    has given up.
    """
    reached = asyncio.Event()

    def watch(progress: SpawnMessage) -> None:
        if progress.message.startswith(point):
            reached.set()

    await asyncio.to_thread(lab.lab.sidecar, "hub")
    await asyncio.to_thread(lab.lab.sidecar, "node1")
    start = asyncio.create_task(lab.spawn("alice", on="node1", watch=watch))
    await asyncio.wait_for(reached.wait(), 60)
    async with partition(lab, "hub", "node1", seconds=seconds) as cut:
        await asyncio.wait({start, asyncio.create_task(cut.wait())}, return_when="FIRST_COMPLETED")
    assert cut.met
    with contextlib.suppress(HubError):
        await start
    assert start.done()
    if await wait_until_settled(lab, "alice", "node1") is None:
        assert (await lab.spawn("alice", on="node1")).ready
    assert len(await servers_of(lab, "alice", "node1")) == 1


async def test_a_cut_during_a_stop(lab: LiveLab) -> None:
    """The stop ends in bounded time; what it could not end is remembered, and ended afterwards."""
    await lab.spawn("alice", on="node1")
    token = await token_of(lab, "alice", "node1")
    assert await whose(lab, token) == "alice"
    async with partition(lab, "hub", "node1", seconds=240) as cut:
        seconds = await lab.stop("alice")
        assert seconds < 20  # a few on a quiet machine
        assert await servers_of(lab, "alice", "node1")
        assert len(await orphans(lab)) == 1
        assert await whose(lab, token) is None
        # The hub's memory of it is the database's: it outlives a crash.
        await end_hub(lab, "killed")
        await start_hub(lab)
        assert len(await orphans(lab)) == 1
    assert cut.met
    await lab.spawn("bob", on="node2")  # anybody's
    assert await wait_until_settled(lab, "alice", "node1") is None
    assert (await lab.spawn("alice", on="node1")).ready


@pytest.mark.parametrize("how", ["killed", "stopped"])
async def test_a_cut_during_a_restart(lab: LiveLab, how: str) -> None:
    """The hub comes back while the node is away, and waits for it: same process, same kernel."""
    before = await lab.spawn("alice", on="node1")
    visitor, kernel = await kernel_of(lab, "alice")
    await kernel.run("x = 41")

    async def missed() -> bool:
        return "Cannot tell whether alice" in await lab.hub_log()

    async with partition(lab, "hub", "node1", seconds=240) as cut:
        await end_hub(lab, how)
        await lab.programs.start("hub")
        await until(missed, what="the new hub's first poll, which fails")
    assert cut.met
    await lab.programs.until_ready("hub")
    after = await until_ready(lab, "alice")
    assert (after.pid, after.port) == (before.pid, before.port)
    async with visitor.connect(kernel.id) as again:
        assert (await again.run("x + 1")).result == "42"
    assert await settled(lab, "alice", "node1")


@pytest.mark.slow
@pytest.mark.matrix("hub.Spawner.http_timeout", [3])
async def test_a_restart_during_a_cut_longer_than_the_hub_waits(lab: LiveLab) -> None:
    """JupyterHub itself then stops the server: it is reaped afterwards, and no check is pending."""
    await lab.spawn("alice", on="node1")
    token = await token_of(lab, "alice", "node1")
    async with partition(lab, "hub", "node1", seconds=240) as cut:
        await end_hub(lab, "killed")
        await start_hub(lab)

        async def given_up() -> bool:
            return await lab.server("alice") is None

        await until(given_up, what="the hub gives the server up")
        assert len(await orphans(lab)) == 1
        assert await whose(lab, token) is None
    assert cut.met
    assert await wait_until_settled(lab, "alice", "node1") is None
    assert (await lab.spawn("alice", on="node1")).ready


# -- the token -----------------------------------------------------------------------------

ENVIRONMENT = "import sys; print(open(f'/proc/{sys.argv[1]}/environ').read())"
SAMPLER = """
import glob, json, os, sys, time
flag, pause = sys.argv[1], 0.05
seen, rounds, begun = set(), 0, time.monotonic()
open(flag, "w").close()
while os.path.exists(flag):
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            seen.add(open(path, "rb").read().replace(b"\\0", b" ").decode(errors="replace"))
        except OSError:
            pass
    rounds += 1
    time.sleep(max(0, begun + rounds * pause - time.monotonic()))
print(json.dumps({"rate": rounds / (time.monotonic() - begun), "argv": sorted(seen)}))
"""
SEARCH = """
import os, sys
needle = os.environ["BACKWARDS"][::-1].encode()
found, read = [], 0
def look(path):
    global read
    try:
        with open(path, "rb") as file:
            read += 1
            if needle in file.read(1 << 24):
                found.append(path)
    except OSError:
        pass
since = float(sys.argv[1])
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys")]
    for path in (os.path.join(folder, name) for name in files):
        try:
            if os.path.isfile(path) and os.stat(path).st_ctime > since:
                look(path)
        except OSError:
            pass
for process in os.listdir("/proc"):
    if process.isdigit():
        for name in ("environ", "cmdline", "status", "maps"):
            look(f"/proc/{process}/{name}")
        try:
            for fd in os.listdir(f"/proc/{process}/fd"):
                if os.path.isfile(f"/proc/{process}/fd/{fd}"):
                    look(f"/proc/{process}/fd/{fd}")
        except OSError:
            pass
print(read, *found, sep="\\n")
"""


@dataclass
class Samples:
    """Every command line that a host showed while it was sampled, and how often a second."""

    rate: float = 0.0
    argv: list[str] = field(default_factory=list)


@contextlib.asynccontextmanager
async def sampled(lab: LiveLab, host: str) -> AsyncIterator[Samples]:
    """Sample the command lines of all processes of a host at 20 Hz for a block of code."""
    flag, samples = "/tmp/sampling", Samples()
    running = asyncio.create_task(lab.run(host, PYTHON, "-c", SAMPLER, flag))

    async def begun() -> bool:
        if running.done():
            running.result()
        return (await lab.exec(host, "test", "-e", flag)).exit_code == 0

    try:
        await until(begun, what=f"sampling on {host}")
        yield samples
    finally:
        await lab.run(host, "rm", "-f", flag)
        told = json.loads(await running)
        samples.rate, samples.argv = told["rate"], told["argv"]


async def token_of(lab: LiveLab, user: str, node: str) -> str:
    """A server's API token, taken by its user from the server's own environment."""
    server = await lab.server(user)
    assert server is not None
    environment = await lab.run(node, PYTHON, "-c", ENVIRONMENT, str(server.pid), user=user)
    found = re.search(r"(?:^|\0)JUPYTERHUB_API_TOKEN=(\w{20,})", environment)
    assert found
    return found[1]


async def whose(lab: LiveLab, token: str) -> str | None:
    """Whom a token identifies to the hub; None: nobody."""
    url = (await lab.hub()).url / "user"
    headers = {"Authorization": f"token {token}"}
    async with lab.channel.session(headers=headers) as session, session.get(url) as answer:
        return str((await answer.json())["name"]) if answer.status == 200 else None


async def search(lab: LiveLab, host: str, user: str, token: str, since: float) -> list[str]:
    """Files that changed since then, and files of processes, in which a user finds a token.

    It goes there backwards, so that the search does not find itself.
    """
    argv, backwards = (PYTHON, "-c", SEARCH, str(since)), {"BACKWARDS": token[::-1]}
    done = await lab.exec(host, *argv, user=user, environment=backwards)
    assert done.exit_code == 0, done.stderr
    read, *found = done.stdout.split()
    assert int(read) > 10
    return found


def polls(log: str) -> int:
    """Polls that reached the node and were answered."""
    return log.count("TRACE poll.complete")


async def wait_for_polls(lab: LiveLab, number: int, since: float) -> None:
    async def enough() -> bool:
        return polls(await lab.logs("hub", since=since)) >= number

    await until(enough, seconds=number * 10.0, what=f"{number} polls")


@pytest.mark.matrix("hub.snippet", ["spawner_talk.py"])
async def test_the_token_is_seen_nowhere(lab: LiveLab) -> None:
    """Not in arguments, logs, the database, or files that another user can read."""
    since = time.time() - 1
    async with sampled(lab, "hub") as on_hub, sampled(lab, "node1") as on_node:
        server = await lab.spawn("alice", on="node1")
        token = await token_of(lab, "alice", "node1")
        _, kernel = await kernel_of(lab, "alice")
        assert (await kernel.run("1 + 1")).result == "2"
        await wait_for_polls(lab, 3, since)

        assert await search(lab, "node1", "bob", token, since) == []
        own = await search(lab, "node1", "alice", token, since)
        assert f"/proc/{server.pid}/environ" in own  # so the search would find it
        # Jupyter Server writes it into files of its own (0600); the spawner into none.
        assert not [path for path in own if not path.startswith(("/proc/", JUPYTER_S_OWN))]
        assert await search(lab, "hub", "nobody", token, since) == []
        stored = await lab.read_file("hub", DATABASE)
        assert stored is not None
        assert b"token_check" in stored  # the spawner's state is among it
        assert token.encode() not in stored
        await lab.stop("alice")

    assert await whose(lab, token) is None
    for samples, proof in ((on_hub, "jupyterhub"), (on_node, "jupyterhub-singleuser")):
        assert samples.rate > 15
        assert any(proof in argv for argv in samples.argv)
        assert not [argv for argv in samples.argv if token in argv]
    for host in lab.hosts:
        log = await lab.logs(host, since=since)
        assert token not in log, host
        if host == "hub":
            assert re.search(r"^\[D ", log, re.MULTILINE)
            assert "DEBUG:asyncssh" in log
            assert "TRACE start.launch.complete" in log


async def test_one_sign_in_for_a_server_s_life(lab: LiveLab) -> None:
    """One "Accepted" of the node's sshd for a spawn, ten polls and a stop."""
    since = time.time()
    await lab.spawn("alice", on="node1")
    await wait_for_polls(lab, 10, since)
    await lab.stop("alice")
    log = await lab.logs("node1", since=since)
    assert len(re.findall(r"^Accepted \w+ for alice from", log, re.MULTILINE)) == 1
