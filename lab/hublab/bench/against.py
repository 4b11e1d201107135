"""Two builds of the spawner in one lab, in turn: what each costs a node.

The hub is restarted with the one, then with the other. Both start the same servers on one node.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hublab.bench.measure import Figure, spread
from hublab.bench.servers import NODE, USER
from hublab.engine.records import File
from hublab.paths import ETC
from hublab.progress import Progress
from hublab.running.hub_api import server_path
from hublab.running.live import LiveLab
from hublab.running.switching import restart

OTHER = "/opt/other"
EXEC_TRUE = Path(__file__).with_name("exec_true.py")
SERVERS = 3
POLLS = 60
IDLE = 5.0
"""Seconds in which nobody polls, to know what the servers alone cost."""
MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Cost:
    """What one build costs, in one round."""

    supervisor: float
    """Megabytes (PSS) of the process beside a server, the mean of those servers."""
    poll: float
    """Seconds of CPU time on the node, the mean of many."""
    spawn: float
    """Seconds from the request to ready, the least of those servers."""

    def __str__(self) -> str:
        return f"{self.supervisor:.2f} MB, poll {self.poll * 1000:.1f} ms, spawn {self.spawn:.1f} s"


@dataclass(frozen=True, slots=True)
class Round:
    """What both builds cost, and an exec of `true` in seconds of CPU time."""

    this: Cost
    other: Cost
    floor: float


class Builds:
    """The spawner of the images, and another one that is put beside it."""

    def __init__(self, live: LiveLab, other: Sequence[File]) -> None:
        self.live = live
        self.other = other
        self._node = live.host(NODE).id

    async def measure(self, rounds: int, revision: str, progress: Progress) -> list[Figure]:
        """Measure both in turn, each first in every other round; one more round is not counted."""
        await self.live.put_files("hub", "/opt", [_below_other(file) for file in self.other])
        await self.live.run("hub", "python", "-m", "compileall", "-q", OTHER)
        found: list[Round] = []
        try:
            for number in range(rounds + 1):
                order = ("", OTHER) if number % 2 else (OTHER, "")
                cost = {folder: await self.cost_of(folder) for folder in order}
                found.append(Round(cost[""], cost[OTHER], await self.floor()))
                progress(f"round {number}/{rounds}: {cost['']}; {revision}: {cost[OTHER]}")
        finally:
            await self.use("")
        return figures(found[1:], revision)

    async def use(self, folder: str) -> None:
        """Restart the hub with the build in a folder; '' is that of the images."""
        # s6-envdir removes a variable whose file is empty
        await self.live.put_files("hub", f"{ETC}/env", [File("PYTHONPATH", folder.encode())])
        await restart(self.live.lab, "hub")
        await self.live.forget_hub()

    async def cost_of(self, folder: str) -> Cost:
        await self.use(folder)
        names = [f"bench{number}" for number in range(SERVERS)]
        started = [(await self.live.spawn(USER, name, on=NODE)).seconds for name in names]
        memory = [await self.memory(name) for name in names]
        idle = await self.cpu(asyncio.sleep(IDLE)) / IDLE
        loop = asyncio.get_running_loop()
        begun = loop.time()
        busy = await self.cpu(self.polls(names))
        poll = (busy - idle * (loop.time() - begun)) / POLLS
        for name in names:
            await self.live.stop(USER, name)
        return Cost(sum(memory) / len(memory), poll, min(started))

    async def memory(self, name: str) -> float:
        """Megabytes of a server's supervisor."""
        model = await (await self.live.hub()).server(USER, name)
        assert model is not None
        path = f"/proc/{model['state']['leader']}/smaps_rollup"
        text = await self.live.run(NODE, "cat", path, user=USER)
        line = next(line for line in text.splitlines() if line.startswith("Pss:"))
        return int(line.split()[1]) * 1024 / MEGABYTE

    async def polls(self, names: Sequence[str]) -> None:
        """Have the hub poll: it does so when it is asked for a server that it has (users.py)."""
        hub = await self.live.hub()
        for number in range(POLLS):
            status, body = await hub.request("POST", server_path(USER, names[number % len(names)]))
            if status != 400 or "already running" not in str(body):
                raise RuntimeError(f"a poll was answered by {status}: {body}")

    async def cpu(self, work: Awaitable[object]) -> float:
        """Seconds of CPU time that the node uses while something is done."""
        engine = self.live.lab.engine
        before = await asyncio.to_thread(engine.cpu_seconds, self._node)
        await work
        return await asyncio.to_thread(engine.cpu_seconds, self._node) - before

    async def floor(self) -> float:
        """Seconds of CPU time of an exec of `true` on an open connection, the mean of many."""
        program = ("python", "-c", EXEC_TRUE.read_text(), NODE, USER, str(POLLS))
        with_login = await self.cpu(self.live.run("hub", *program, user="jupyterhub"))
        program = (*program[:-1], "0")
        return (
            with_login - await self.cpu(self.live.run("hub", *program, user="jupyterhub"))
        ) / POLLS


def _below_other(file: File) -> File:
    return File(f"{OTHER.removeprefix('/opt/')}/{file.name}", file.content)


def figures(rounds: Sequence[Round], revision: str) -> list[Figure]:
    """What both cost, from the rounds: the other build's, this one's, and a bare exec's."""
    that = f"the spawner of {revision}"
    poll = "seconds of CPU time of a poll on the node"
    return [
        figure(
            "supervisor", "MB (PSS) of the process beside a server", that,
            [(one.this.supervisor, one.other.supervisor) for one in rounds], 0.6,
        ),
        figure("poll", poll, that, [(one.this.poll, one.other.poll) for one in rounds], 0.5),
        figure(
            "poll-floor", poll, "an exec of `true` on an open connection",
            [(one.this.poll, one.floor) for one in rounds], None,
        ),
        figure(
            "spawn", "seconds of a spawn, request to ready", that,
            [(one.this.spawn, one.other.spawn) for one in rounds], 1.1,
        ),
    ]  # fmt: skip


def figure(
    part: str, what: str, floor_is: str, pairs: Sequence[tuple[float, float]], bound: float | None
) -> Figure:
    """The figure of a part from what was measured of it and of its floor, round by round."""
    own, floor = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    ratios = spread([pair[0] / pair[1] for pair in pairs])
    return Figure(part, what, floor_is, len(pairs), spread(own), spread(floor), ratios, bound)
