"""Hub and node lose each other while a kernel runs: the kernel does not notice.

Why it matters: networks between hosts fail for seconds. The hub polls its servers, and a server
that it cannot reach must not be taken for one that has ended, or a cable that was pulled costs
everybody their work.

Sources:
- jupyterhub/spawner.py, `Spawner.poll`: None means running, anything else that it has ended, and
  then jupyterhub/user.py stops the server and deletes its route.
- jupyterhub#3171 (open) asks for an answer that means "unknown": spawners that cannot ask and say
  that the server has ended make orphans. `SSHSpawner.unreachable_limit` (0): never taken for dead.
- JupyterHub documentation, "Technical overview": once a route stands, requests for a server pass
  the proxy and not the hub.
"""

from __future__ import annotations

import re

import pytest

from hublab.scenario import LiveLab, partition, proxy_routes, until, user_processes

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.issue(
        "jupyterhub#3171",
        happens=False,
        workaround="SSHSpawner.unreachable_limit = 0: not known, goes on",
    ),
    # Shortened: by default the hub polls every 30 s and waits 10 s for an answer.
    pytest.mark.matrix("hub.Spawner.poll_interval", [1]),
    pytest.mark.matrix("hub.SSHSpawner.poll_timeout", [1.0]),
]
MISSED_POLL = re.compile(r"Cannot tell whether alice\S* runs")


@pytest.mark.sabotage("hub.SSHSpawner.unreachable_limit", 1)
async def test_kernel_outlives_a_partition(lab: LiveLab) -> None:
    """Polls fail while the fault bites; the kernel keeps its process and its state."""
    server = await lab.spawn("alice", on="node1")
    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    kernel = await lab.enter(visitor.kernel())
    before = await kernel.run("import os; x = 41; os.getpid()")

    async def missed() -> list[str]:
        return MISSED_POLL.findall(await lab.hub_log())

    async with partition(lab, "hub", "node1", seconds=30) as fault:
        await until(missed, what="a poll that the partition made fail")
        during = await kernel.run("x += 1; os.getpid()")
        model = await lab.server("alice")
        assert model is not None
        assert model.ready
    assert fault.counters["hub->node1"] > 0

    after = await kernel.run("print(x); os.getpid()")
    assert before.result == during.result == after.result
    assert after.stdout == "42\n"
    assert [route.target for route in await proxy_routes(lab) if route.user == "alice"] == [
        f"http://{server.address}:{server.port}"
    ]
    again = await lab.server("alice")
    assert again is not None
    assert (again.ready, again.pid, again.started) == (True, server.pid, server.started)

    # The hub has its node back: what it could not do while they were apart it can do now.
    await lab.stop("alice")
    assert not [p for p in await user_processes(lab, "alice") if "jupyter" in p.command]
