"""Hooks run where the hub runs, as the hub's own user; the environment alone reaches the node.

Why it matters: a hook that makes a home directory or fetches a course's files works while hub and
servers share a host. With nodes it makes them where no server ever looks. And a hook that cleans
up must know for which ends it is called.

Sources:
- jupyterhub 6.1.1, spawner.py, `pre_spawn_hook`: "bootstrapping work before the spawner starts. For
  example, create a directory for your user or load initial content"; its example sets
  `spawner.environment`. user.py, `User.spawn`, calls it in the hub's own process.
- `post_stop_hook`: "work after the spawner stops"; user.py, `User.stop`, calls it whoever asked for
  the stop, after a start that failed too ("cleanup ... server that failed to start"), and
  handlers/base.py, `user_stopped`, after a death that a poll noticed.
- jupyterhub#4519, fixed by jupyterhub#4562: app.py, `check_spawner`, calls `User.stop` for a server
  that ended while the hub was down.
"""

from __future__ import annotations

import pytest

from hublab.scenario import LiveLab, flag_file, hook_runs, server_parts, until, until_state

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["../spawner_states/hooks.py"]),
    pytest.mark.matrix("hub.Spawner.poll_interval", [1]),
]
MADE = "/tmp/made-for-alice"


async def there(lab: LiveLab, host: str, path: str) -> bool:
    """Whether a host has a file."""
    done = await lab.exec(host, "test", "-e", path)
    return done.exit_code == 0


@pytest.mark.sabotage("hub.snippet", "../changes/hooks_change_no_environment.py")
async def test_a_hook_runs_on_the_hubs_host(lab: LiveLab) -> None:
    """What the hook made stands on the hub's host; what it set is in the node's kernel."""
    await lab.run("hub", "rm", "-f", MADE)
    await lab.spawn("alice", on="node1")
    (run,) = await hook_runs(lab, "pre_spawn_hook")
    hub_user = await lab.run("hub", "id", "-u", "jupyterhub")
    assert (run.printed["host"], run.printed["uid"]) == ("hub", int(hub_user))
    assert [await there(lab, host, MADE) for host in ("hub", "node1")] == [True, False]

    visitor = await lab.sign_in("alice")
    await visitor.open_server()
    kernel = await lab.enter(visitor.kernel())
    cell = await kernel.run("import os, socket; print(socket.gethostname(), os.environ['MADE_BY'])")
    assert cell.stdout == "node1 hub\n"


@pytest.mark.issue("jupyterhub#4519", happens=False, workaround="jupyterhub#4562")
@pytest.mark.sabotage("hub.SSHSpawner.post_stop_hook", False)
@pytest.mark.sabotage("hub.snippet", "../changes/hooks_run_twice.py", sentence="Once for each")
async def test_the_stop_hook_runs_after_each_end(lab: LiveLab) -> None:
    """Once for each: a start that fails, a stop, a death that a poll notices, a death while the hub
    is down.
    """

    async def ends() -> list[str]:
        return [run.user for run in await hook_runs(lab, "post_stop_hook")]

    async def ran(user: str) -> bool:
        return user in await ends()

    hub = await lab.hub()
    await hub.ensure_user("carol")
    async with flag_file(lab, "hub", "pre_spawn_hook-carol", "ValueError"):
        await hub.request("POST", "users/carol/server")
    await until(lambda: ran("carol"), what="the hook after a failed start")

    await lab.spawn("dave", on="node2")
    await lab.stop("dave")
    await until(lambda: ran("dave"), what="the hook after a stop")

    bob = await lab.spawn("bob", on="node2")
    alice = await lab.spawn("alice", on="node1")
    await lab.run("node2", "sh", "-c", f"kill -KILL {bob.pid}", user="bob")
    await until(lambda: ran("bob"), what="the hook after a death")
    assert await ends() == ["carol", "dave", "bob"]

    await lab.programs.kill("hub")
    await lab.forget_hub()
    await lab.run("node1", "sh", "-c", f"kill -KILL {alice.pid}", user="alice")
    await lab.programs.end("hub")
    await lab.programs.start("hub")
    await lab.programs.until_ready("hub")
    await until(lambda: ran("alice"), what="the hook after a death without a hub")
    await until_state(lab, "alice", "stopped")
    parts = await server_parts(lab, "alice")
    assert not any((parts.row, parts.client, parts.route, parts.process))
    assert await ends() == ["alice"]  # in the log of the hub that was started anew
