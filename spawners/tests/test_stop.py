"""The end of a server: all of it, soon, and nobody else's (issue 4, "Identity", row 9)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import SMALL, TINY, Account, Hub, wait_until

from jupyterhub_sshspawner.launcher.processes import alive, process

pytestmark = pytest.mark.sshd


def instance_dir(account: Account, one: Hub, server: str = "") -> Path:
    name: str = one.state(account.name, server)["instance"]
    return account.home / ".jupyterhub-ssh" / name


@pytest.mark.report("KrisDavie/SSHSpawner@1f5a7a7")
def test_kernels_daemons_and_stubborn_children_end_too(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """sshspawner 1f5a7a7 "Actually stop remote servers"; kernels are sessions of their own."""
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--children']\nc.SSHSpawner.term_timeout = 1\n")
    one.spawn(alice.name)
    wait_until(
        lambda: len(alice.processes("sleep 700")) >= 3, message=lambda: str(alice.processes())
    )
    one.stop(alice.name)
    alice.check_gone()


def test_a_server_that_dies_leaves_no_children(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """SIGKILL of the server alone; the hub hears of it, and the way it ended is known."""
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--children']\n")
    one.spawn(alice.name)
    wait_until(lambda: len(alice.processes("sleep 700")) >= 3)
    os.kill(one.state(alice.name)["pid"], signal.SIGKILL)
    wait_until(lambda: not alice.processes(), message=lambda: str(alice.processes()))
    wait_until(lambda: not one.server(alice.name))
    assert "exit code: 137" in one.log.read_text()


@pytest.mark.report("jupyterhub/batchspawner#206")
def test_nothing_of_a_server_becomes_a_zombie(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Daemons whose parents have gone are somebody's children, and end while the server runs."""
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--children']\nc.Spawner.poll_interval = 1\n")
    one.spawn(alice.name)
    wait_until(lambda: len(alice.processes("sleep 700")) >= 3)
    daemon = next(pid for pid, line in alice.processes("sleep 7002").items())
    os.kill(daemon, signal.SIGKILL)
    wait_until(lambda: process(daemon) is None, message="nobody took its exit status")
    one.stop(alice.name)
    alice.check_gone()


@pytest.mark.report("jupyterhub/jupyterhub#1677")
def test_a_stubborn_server_is_killed_in_bounded_time(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """jupyterhub#1677: a slow stop blocked the user for up to 16 minutes."""
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--stubborn']\n"
              "c.SSHSpawner.interrupt_timeout = 1\nc.SSHSpawner.term_timeout = 1\n")  # fmt: skip
    one.spawn(alice.name)
    began = time.monotonic()
    one.stop(alice.name)
    assert 2 <= time.monotonic() - began < 14  # fifteen with the defaults
    alice.check_gone()


def test_another_process_under_the_pid_is_left_alone(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Row 9. The record on the node and the state in the hub both name a stranger's pid, with its
    true start time: only the marker tells that it is not ours."""
    alice = account()
    one = hub(TINY)
    one.spawn(alice.name)
    record = instance_dir(alice, one) / "record.json"
    stranger = subprocess.Popen(["sleep", "7005"], user=alice.uid)
    ticks = int(Path(f"/proc/{stranger.pid}/stat").read_text().rpartition(")")[2].split()[19])
    old = json.loads(record.read_text())
    for pid in (old["leader"], old["pid"]):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(alice.processes()) == {stranger.pid})
    fake = dict.fromkeys(("leader", "pid"), stranger.pid)
    record.write_text(json.dumps({**old, **fake, "ticks": ticks, "leader_ticks": ticks}))
    wait_until(lambda: not one.server(alice.name), message="poll does not say dead")
    one.request_start(alice.name)
    one.wait_ready(alice.name)
    one.stop(alice.name)
    assert stranger.poll() is None, "the stranger was signalled"
    stranger.kill()
    stranger.wait()


def test_a_zombie_is_dead(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """LocalProcessSpawner's kill(pid, 0) takes a zombie for alive. The supervisor is stopped and
    so cannot reap the server, which stays a zombie; so is the hub, whose poll would end both."""
    alice = account()
    one = hub(TINY)
    one.spawn(alice.name)
    state = one.state(alice.name)
    os.kill(one.pid, signal.SIGSTOP)
    try:
        os.kill(state["leader"], signal.SIGSTOP)
        wait_until(lambda: state_of(state["leader"]) == "T")  # until then its waitpid goes on
        os.kill(state["pid"], signal.SIGKILL)
        wait_until(lambda: state_of(state["pid"]) == "Z")
        assert not alive(state["pid"], state["ticks"])
    finally:
        os.kill(one.pid, signal.SIGCONT)
    os.kill(state["leader"], signal.SIGCONT)
    wait_until(lambda: not one.server(alice.name))


def state_of(pid: int) -> str:
    """The letter by which the kernel calls what a process does."""
    found = process(pid)
    assert found, f"{pid} is gone"
    return found.state


def test_a_deleted_run_dir_does_not_hide_the_server(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """A user tidies up the home directory; the hub's own knowledge and the marker are enough."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.trace = lambda name, info: print('TRACE', name, flush=True)\n")
    one.spawn(alice.name)
    subprocess.run(["rm", "-rf", str(alice.home / ".jupyterhub-ssh")], check=True)
    begun = one.log.read_text().count("TRACE poll.started")
    wait_until(
        lambda: one.log.read_text().count("TRACE poll.complete") > begun, message="no poll came"
    )
    assert one.server(alice.name)["ready"]
    one.stop(alice.name)
    alice.check_gone()


@pytest.mark.report("GHSA-cg54-gpgr-4rm6")
def test_secret_files_and_records_are_private(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """GHSA-cg54-gpgr-4rm6: tokens in world-readable files."""
    alice = account()
    alice.write(".bashrc", "umask 000\n")
    one = hub(TINY)
    one.spawn(alice.name)
    for path in [alice.home / ".jupyterhub-ssh", *(alice.home / ".jupyterhub-ssh").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_old_instances_are_forgotten(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The run directory does not grow for ever; a few logs stay for debugging."""
    alice = account()
    one = hub(TINY)
    for _ in range(8):
        one.spawn(alice.name)
        one.stop(alice.name)
    assert 1 < len(list((alice.home / ".jupyterhub-ssh").iterdir())) <= 6
