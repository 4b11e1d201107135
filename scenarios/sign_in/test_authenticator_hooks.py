"""An authenticator's hooks surround each server on the hub's host, and the last one knows no node.

Why it matters: `pre_spawn_start` and `post_spawn_stop` are where PAM sessions are opened and
closed, tickets fetched and given back. They are given user and spawner, run where the hub runs, and
the second one comes when the spawner has forgotten on which node the server was.

Sources:
- JupyterHub documentation, `Authenticator.pre_spawn_start`: "Hook called before spawning a user's
  server. Can be used to do auth-related startup, e.g. opening PAM sessions";
  `post_spawn_stop`: "Hook called after stopping a user container".
- jupyterhub 6.1.1, user.py, `User.spawn`: it comes before the spawner's own pre_spawn_hook, and an
  error in it fails the start, which is 500 at the API (tornado) and which `User.stop` cleans up;
  `User.stop`: after post_stop_hook and `clear_state`; "Error in Authenticator.post_spawn_stop" is
  logged and stops nothing.
- `Spawner.environment`: what is put there reaches the server.
"""

from __future__ import annotations

import pytest

from hublab.scenario import HookRun, LiveLab, flag_file, hook_runs, server_parts, until, until_state

BEFORE, AFTER = ("pre_spawn_start", "pre_spawn_hook"), ("post_stop_hook", "post_spawn_stop")

pytestmark = [
    pytest.mark.topology("lab"),
    pytest.mark.matrix("hub.snippet", ["authenticator_hooks.py"]),
]


async def runs(lab: LiveLab, user: str, *, after: int = 0) -> list[HookRun]:
    """The hooks that ran for a user's servers, in order, without the first so many."""
    return [run for run in await hook_runs(lab) if run.user == user][after:]


async def until_ended(lab: LiveLab, user: str, hook: str) -> None:
    """Until a hook has run, the last of a server's."""

    async def ran() -> bool:
        return hook in [run.hook for run in await runs(lab, user)]

    await until(ran, what=f"{hook} of {user}")


@pytest.mark.sabotage("hub.SSHSpawner.pre_spawn_hook", False)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/hooks_change_no_environment.py",
    sentence="what a hook sets reaches the server",
)
async def test_what_each_hook_is_given(lab: LiveLab) -> None:
    """User, spawner and their server, on the hub's host as the hub's user; the node is known to
    post_stop_hook and to no other, and what a hook sets reaches the server.
    """
    await lab.spawn("alice", "course", on="node1")
    before = await runs(lab, "alice")
    assert tuple(run.hook for run in before) == BEFORE
    visitor = await lab.sign_in("alice")
    await visitor.open_server("course")
    async with visitor.kernel("course") as kernel:
        cell = await kernel.run("import os; print(os.environ['OPENED_BY'])")
    assert cell.stdout == "hub\n"

    await lab.stop("alice", "course")
    await until_ended(lab, "alice", AFTER[-1])
    after = await runs(lab, "alice", after=len(before))
    assert tuple(run.hook for run in after) == AFTER
    hub_user = int(await lab.run("hub", "id", "-u", "jupyterhub"))
    for run in (*before, *after):
        assert (run.server, run.printed["of_spawner"]) == ("course", True)
        assert (run.printed["host"], run.printed["uid"]) == ("hub", hub_user)
    nodes = {run.hook: run.printed["node"] for run in (*before, *after)}
    assert nodes == {**dict.fromkeys((*BEFORE, *AFTER)), "post_stop_hook": "node1"}


@pytest.mark.sabotage("hub.SSHSpawner.post_stop_hook", False)
@pytest.mark.sabotage(
    "hub.snippet",
    "../changes/no_hook_after_the_stop.py",
    sentence="is followed by both hooks of an end",
)
async def test_a_hook_that_fails(lab: LiveLab) -> None:
    """An error before the start fails it, and is followed by both hooks of an end; one after the
    stop is logged, and the server is stopped.
    """
    hub = await lab.hub()
    await hub.ensure_user("alice")
    async with flag_file(lab, "hub", "pre_spawn_start-alice"):
        status, _ = await hub.request("POST", "users/alice/server")
        await until_ended(lab, "alice", AFTER[-1])
    assert [run.hook for run in await runs(lab, "alice")] == [BEFORE[0], *AFTER]
    assert status == 500
    await until_state(lab, "alice", "stopped")
    parts = await server_parts(lab, "alice")
    assert not any((parts.row, parts.token, parts.client, parts.route, parts.process))

    await lab.spawn("bob", on="node2")
    async with flag_file(lab, "hub", "post_spawn_stop-bob"):
        await lab.stop("bob")
        await until_ended(lab, "bob", AFTER[-1])
    assert "Error in Authenticator.post_spawn_stop" in await lab.hub_log()
    await until_state(lab, "bob", "stopped")
    parts = await server_parts(lab, "bob")
    assert not any((parts.row, parts.token, parts.client, parts.route, parts.process))
