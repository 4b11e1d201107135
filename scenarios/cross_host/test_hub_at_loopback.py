"""A hub that gives out 127.0.0.1: each server looks for it on its own node, for most of a minute.

Why it matters: on one machine 127.0.0.1 works for everybody, and it is what a hub gives out by
default. On several hosts each server tries itself and tells nobody but its own log, while the hub
reports that it is running and the user sees a spawn that takes long.

Sources:
- JupyterHub documentation, `hub_ip`: 127.0.0.1 by default; "This address must be accessible from
  the proxy and user servers"; `hub_connect_ip`: without it `hub_ip` is given out.
- jupyterhub/singleuser/extension.py, `check_hub_version`: five attempts with pauses of 2, 4, 8,
  16 and 16 s, then exit code 1; nothing is served before that ends.
- jupyterhub/user.py, `_wait_up`: the hub waits for `http_timeout`, 30 s by default.
- `SSHSpawner.preflight_hub_check`: the node tries the hub before it starts a server.
- batchspawner#63: "Failed to connect to my Hub at http://127.0.0.1:8081/hub/api (attempt 1/5)";
  jupyterhub#1135: the same below a base_url.
"""

from __future__ import annotations

import asyncio
import itertools
import re
from datetime import UTC, datetime

import pytest

from hublab.scenario import Case, HubError, LiveLab, diagnose, last_server_log, reach, until

CONNECT = "hub.JupyterHub.hub_connect_ip"
BASE = "hub.JupyterHub.base_url"
CHECK = "hub.SSHSpawner.preflight_hub_check"
ATTEMPT = re.compile(r"\[E ([-\d]+ [:\d]+\.\d+) [^\]]*\] Failed to connect .*\(attempt (\d)/5\)")
PAUSES, SLACK = (2, 4, 8, 16, 16), 1.9
"""Seconds after each attempt, and less than by which any two of them differ."""

pytestmark = [
    pytest.mark.topology("lab"),
    # Not by hub_ip, its default source: then our own way to the hub's API would be shut, too.
    pytest.mark.matrix(CONNECT, ["127.0.0.1"]),
]


@pytest.mark.issue(
    "batchspawner#63", "jupyterhub#1135", happens=True, workaround="hub_ip, hub_connect_ip"
)
@pytest.mark.matrix(BASE, ["/", "/jh/"])
@pytest.mark.matrix(CHECK, [False])
async def test_only_the_servers_own_log_has_the_reason(lab: LiveLab, case: Case) -> None:
    """A spawn hangs without a reason: without a check on the node only the server's log has it.

    The hub sees a spawn that takes long. Its end is not awaited here: see the slow test below.
    """
    api = f"http://127.0.0.1:8081{case[BASE]}hub/api"
    spawning = asyncio.create_task(lab.spawn("alice", on="node1"))

    async def first_attempt() -> str:
        log = await last_server_log(lab, "alice", "node1")
        return log if "(attempt 1/5)" in log else ""

    try:
        log = await until(first_attempt, seconds=120, what="the server's first attempt in its log")
        assert f"Failed to connect to my Hub at {api} (attempt 1/5). Is it running?" in log
        assert "is running at" not in log  # what it says once it listens
        server = await lab.server("alice")
        assert server is not None
        assert not server.ready
        assert "Failed to connect to my Hub" not in await lab.hub_log()
        broken = [hop for hop in diagnose(await reach(lab)) if not hop.ok]
        assert {hop.source for hop in broken} == {"proxy", "node1", "node2"}
        assert {hop.setting for hop in broken} == {CONNECT}
    finally:
        spawning.cancel()
        await asyncio.gather(spawning, return_exceptions=True)


@pytest.mark.slow
@pytest.mark.matrix(CHECK, [False])
# The start itself must not end it: 60 s by default, which a busy machine needs more of.
@pytest.mark.matrix("hub.Spawner.start_timeout", [180])
@pytest.mark.sabotage(CONNECT, "hub")
async def test_the_server_tries_for_most_of_a_minute(lab: LiveLab) -> None:
    """Unshortened: the server pauses 2 + 4 + 8 + 16 + 16 s and ends with exit code 1."""
    with pytest.raises(HubError, match="ended with status 1"):
        await lab.spawn("alice", on="node1")
    end = datetime.now(UTC)
    log = await last_server_log(lab, "alice", "node1")
    tried = ATTEMPT.findall(log)
    assert [int(number) for _, number in tried] == [1, 2, 3, 4, 5]
    moments = [datetime.fromisoformat(stamp).replace(tzinfo=UTC) for stamp, _ in tried]
    took = [(b - a).total_seconds() for a, b in itertools.pairwise([*moments, end])]
    assert [pause <= seconds < pause + SLACK for pause, seconds in zip(PAUSES, took, strict=True)]
