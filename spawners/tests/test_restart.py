"""The hub comes and goes, the servers do not (issue 4, "Truth about state", rows 7 and 8)."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing, suppress

import pytest
from machinery import SMALL, TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd

# every step that a start tells of; the hub is killed when it is told
STEPS = [
    "start.place.started", "start.connect.started", "start.connect.complete",
    "start.place.complete", "start.commit.started", "start.commit.complete",
    "start.launch.started", "start.spawned.started", "start.spawned.complete",
    "start.launch.complete", "start.confirm.started", "start.confirm.complete",
]  # fmt: skip
KILL_AT = """
import os
def trace(name, info):
    if name == {step!r} and not os.path.exists("killed"):
        open("killed", "w").close()
        os.kill(os.getpid(), 9)
c.SSHSpawner.trace = trace
"""
PRINT = "c.SSHSpawner.trace = lambda name, info: print('TRACE', name, flush=True)\n"


REVERSE, TUNNEL = "c.SSHSpawner.reverse_tunnel = True\n", "c.SSHSpawner.transport = 'tunnel'\n"
MORE = ["start.reverse_tunnel.started", "start.reverse_tunnel.complete"]


@pytest.mark.parametrize(
    ("settings", "steps"),
    [("", STEPS), (TUNNEL, STEPS), (REVERSE, STEPS + MORE)],
    ids=["direct", "tunnel", "reverse"],
)
def test_steps_are_all_there_are(
    hub: Callable[..., Hub], account: Callable[..., Account], settings: str, steps: list[str]
) -> None:
    """The lists above are complete, so that no point of a start is left out below."""
    alice = account()
    one = hub(TINY + PRINT + settings)
    one.spawn(alice.name)
    told = [line[6:] for line in one.log.read_text().splitlines() if line.startswith("TRACE start")]
    assert sorted(told) == sorted(steps)


def settled(one: Hub, alice: Account) -> bool:
    """The hub is not busy with the server, and what it says agrees with the processes."""
    server = one.server(alice.name)
    running = alice.servers()
    if server:
        return bool(server["ready"] and len(running) == 1)
    return not alice.processes()


@pytest.mark.parametrize(
    ("step", "settings"),
    [
        *((step, "") for step in STEPS),
        *((step, REVERSE) for step in [*MORE, "start.spawned.complete"]),
        *((step, TUNNEL) for step in ("start.confirm.started", "start.confirm.complete")),
    ],
)
def test_a_hub_killed_at_any_step_doubles_and_loses_nothing(
    hub: Callable[..., Hub], account: Callable[..., Account], step: str, settings: str
) -> None:
    """Row 8: afterwards one server that the hub knows, or none; then the next start works."""
    alice = account()
    one = hub(TINY + settings + KILL_AT.format(step=step))
    with suppress(OSError):  # it may die before it can answer
        one.request_start(alice.name)
    one.wait_dead()
    one.start()
    wait_until(lambda: settled(one, alice), message=lambda: f"{alice.processes()}\n{one.tail(60)}")
    if one.server(alice.name):
        pid = one.state(alice.name)["pid"]
        assert pid in alice.servers()
    else:
        one.spawn(alice.name)
    assert len(alice.servers()) == 1
    one.stop(alice.name)
    alice.check_gone()


@pytest.mark.parametrize("step", ["stop.started", "stop.complete"])
def test_a_hub_killed_during_a_stop(
    hub: Callable[..., Hub], account: Callable[..., Account], step: str
) -> None:
    """The server is there and known, or gone and forgotten."""
    alice = account()
    one = hub(TINY + KILL_AT.format(step=step))
    one.spawn(alice.name)
    with suppress(OSError):
        one.api("DELETE", f"/users/{alice.name}/server")
    one.wait_dead()
    one.start()
    wait_until(lambda: settled(one, alice), message=lambda: f"{alice.processes()}\n{one.tail(60)}")
    assert bool(one.server(alice.name)) == (step == "stop.started")
    if one.server(alice.name):
        one.stop(alice.name)
    alice.check_gone()


def kernel_pids(alice: Account) -> set[int]:
    return set(alice.processes("ipykernel"))


def call(url: str, token: str, method: str = "GET", body: object = None) -> object:
    request = urllib.request.Request(
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"Authorization": f"token {token}"},
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.loads(reply.read() or "null")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.report(
    "jupyterhub/kubespawner#786", "KrisDavie/SSHSpawner@7d00f44", "jupyterhub/batchspawner#236"
)
def test_server_and_kernel_survive_a_restart(
    hub: Callable[..., Hub], account: Callable[..., Account], number: int
) -> None:
    """kubespawner#786, core#824. A real server with a kernel; same pids and same URL after."""
    alice = account()
    one = hub()
    one.spawn(alice.name)
    state = one.state(alice.name)
    token = one.api("POST", f"/users/{alice.name}/tokens", {})[1]["token"]
    base = f"http://{state['address']}:{state['port']}/user/{alice.name}/api"
    call(f"{base}/kernels", token, "POST", {})
    wait_until(lambda: kernel_pids(alice))
    kernels = kernel_pids(alice)
    one.kill(number)
    one.start()
    one.wait_ready(alice.name)
    after = one.state(alice.name)
    assert (after["pid"], after["instance"]) == (state["pid"], state["instance"])
    assert kernel_pids(alice) == kernels
    assert one.server(alice.name)["url"] == f"/user/{alice.name}/"
    one.stop(alice.name)
    alice.check_gone()


def tokens_of(one: Hub, user: str) -> list[str]:
    with closing(sqlite3.connect(one.where / "hub.sqlite", timeout=10)) as db:
        rows = db.execute(
            "select note from api_tokens join users on users.id = user_id where name = ?", (user,)
        )
        return [row[0] for row in rows]


LOCAL = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
c.Spawner.cmd = ["{python}", "{where}"]
"""


@pytest.mark.parametrize("ours", [True, False], ids=["ssh", "stock"])
def test_the_token_of_a_server_stopped_after_a_restart_is_revoked(
    hub: Callable[..., Hub], account: Callable[..., Account], ours: bool
) -> None:
    """User.stop (user.py, 6.1.1) looks for ``spawner.api_token``, which a restart empties. With
    the stock spawner the token stays: shown here, so that the day this is mended is noticed."""
    alice = account()
    local = LOCAL.format(python=sys.executable, where=alice.home / "tiny_server.py")
    one = hub(TINY if ours else local)
    one.spawn(alice.name)
    own = f"Server at /user/{alice.name}/"
    assert own in tokens_of(one, alice.name)
    one.kill(signal.SIGTERM)
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    assert (own in tokens_of(one, alice.name)) != ours


RESUMES = """
from jupyterhub_sshspawner import SSHSpawner
class Resumes(SSHSpawner):
    will_resume = True
c.JupyterHub.spawner_class = Resumes
"""


def test_the_token_of_a_spawner_that_resumes_is_kept(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """With ``will_resume`` "API tokens in use when the Spawner stops will not be deleted"
    (spawner.py, 6.1.1): a class on top of this one may say so."""
    alice = account()
    one = hub(TINY + RESUMES)
    one.spawn(alice.name)
    own = f"Server at /user/{alice.name}/"
    assert own in tokens_of(one, alice.name)
    one.stop(alice.name)
    assert own in tokens_of(one, alice.name)


def test_a_failed_start_leaves_no_token(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--exit']\n")
    one.request_start(alice.name)
    one.wait_failed(alice.name)
    assert f"Server at /user/{alice.name}/" not in tokens_of(one, alice.name)


def test_a_server_that_died_while_the_hub_was_down(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """core#4519."""
    alice = account()
    one = hub(TINY)
    one.spawn(alice.name)
    pid = one.state(alice.name)["pid"]
    one.kill()
    subprocess.run(["kill", "-9", str(pid)], check=True)
    one.start()
    wait_until(lambda: not one.server(alice.name))
    assert one.state(alice.name) == {}


@pytest.mark.report("KrisDavie/SSHSpawner@7d00f44")
def test_a_hub_that_cleans_up_leaves_nothing(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """sshspawner 7d00f44: with cleanup_servers (JupyterHub's default) a stopped hub stops all."""
    alice = account()
    one = hub(TINY + "c.JupyterHub.cleanup_servers = True\n")
    one.spawn(alice.name)
    one.kill(signal.SIGTERM)
    alice.check_gone()


@pytest.mark.report("jupyterhub/jupyterhub#3171")
def test_unreachable_is_not_dead(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """core#3171: SSH cannot answer for five poll intervals; the server is kept, and the polls
    become rarer. Then it is found again, on a new connection."""
    alice = account()
    one = hub(TINY + "c.Spawner.poll_interval = 1\n", node=own_sshd)
    one.spawn(alice.name)
    pid = one.state(alice.name)["pid"]
    own_sshd.cut()
    wait_until(lambda: one.log.read_text().count("Cannot tell whether") >= 3)
    until = time.monotonic() + 5  # five poll intervals: named, because absence is what is shown
    while time.monotonic() < until:
        assert one.server(alice.name)["ready"]
        time.sleep(0.2)
    assert pid in alice.processes()
    own_sshd.start()
    one.stop(alice.name)
    alice.check_gone()


def test_stop_while_unreachable_leaves_an_orphan_that_is_reaped(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """Bounded, remembered across a restart of the hub, ended at the next contact; and the token
    is revoked although the server still runs."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.stop_timeout = 3\n", node=own_sshd)
    one.spawn(alice.name)
    state = one.state(alice.name)
    own_sshd.cut()
    began = time.monotonic()
    one.stop(alice.name)
    assert time.monotonic() - began < 60
    assert alice.servers()
    assert f"Server at /user/{alice.name}/" not in tokens_of(one, alice.name)
    assert [o["instance"] for o in one.state(alice.name)["orphans"]] == [state["instance"]]
    one.kill()
    own_sshd.start()
    one.start()
    bob = account()
    one.spawn(bob.name)  # anybody's spawn makes the hub look after all orphans
    wait_until(lambda: not alice.processes(), message=lambda: f"{alice.processes()}\n{one.tail()}")
    wait_until(lambda: "orphans" not in one.state(alice.name))
    one.spawn(alice.name)


def test_an_orphan_of_a_user_who_was_deleted(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """Nothing is left in the database, and still it is ended."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.stop_timeout = 0\n", node=own_sshd)
    one.spawn(alice.name)
    own_sshd.cut()
    one.stop(alice.name)
    assert one.api("DELETE", f"/users/{alice.name}")[0] == 204
    own_sshd.start()
    wait_until(lambda: not alice.processes(), message=lambda: f"{alice.processes()}\n{one.tail()}")


def test_a_new_server_does_not_wait_for_an_orphan(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """The orphan's host is back when the user starts again: the old one goes, the new one stays."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.stop_timeout = 0\n", node=own_sshd)
    one.spawn(alice.name)
    old = one.state(alice.name)["pid"]
    own_sshd.cut()
    one.stop(alice.name)
    own_sshd.start()
    one.spawn(alice.name)
    new = one.state(alice.name)["pid"]
    wait_until(lambda: old not in alice.processes())
    assert new in alice.processes()
    wait_until(lambda: "orphans" not in one.state(alice.name))
