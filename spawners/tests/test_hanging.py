"""What hangs on a node is named by its own limit, and starts nothing when it wakes up."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd

PATIENCE = "c.SSHSpawner.command_timeout = 3\n"


def refused_start(one: Hub, user: Account) -> str:
    one.request_start(user.name)
    return one.wait_failed(user.name)


def test_a_login_shell_that_hangs_and_wakes_up(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """It never greeted, so it never got the request: nothing to end, and nothing that starts."""
    alice = account()
    alice.write(".bashrc", "while [ ! -e awake ]; do sleep 0.1; done\ntouch was_here\n")
    one = hub(TINY + PATIENCE)
    told = refused_start(one, alice)
    assert f"the login shell of {alice.name} on node1 did not run the launcher within 3 s" in told
    assert "SSHSpawner.command_timeout" in told
    assert "home directory" in told
    log = one.log.read_text()
    assert "orphan" not in log
    assert "Cannot stop" not in log
    alice.write("awake", "")
    wait_until((alice.home / "was_here").exists)
    wait_until(lambda: not alice.processes())  # the launcher ran, and ended
    assert not (alice.home / "environment").exists()
    assert not (alice.home / ".jupyterhub-ssh").exists()
    one.spawn(alice.name)


def test_a_tunnel_outlives_a_shell_that_hangs(
    hub: Callable[..., Hub], account: Callable[..., Account], sshd: Sshd
) -> None:
    """A silent shell is no fault of the connection that its user's other servers use."""
    alice = account()
    one = hub(TINY + PATIENCE + "c.SSHSpawner.transport = 'tunnel'\n")
    one.spawn(alice.name, "s1")
    before = sshd.accepted(alice.name)
    alice.write(".bashrc", "[ -e awake ] || sleep 7000\n")
    one.request_start(alice.name, "s2")
    assert "did not run the launcher" in one.wait_failed(alice.name, "s2")
    assert sshd.accepted(alice.name) == before
    alice.write("awake", "")
    one.stop(alice.name, "s1")


def test_a_start_that_times_out_first(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    alice.write(".bashrc", "sleep 7000\n")
    one = hub(TINY + "c.Spawner.start_timeout = 4\n")
    told = refused_start(one, alice)
    assert "Starting the server on node1" in told
    log = one.log.read_text()
    assert "SSHSpawner.start_timeout" in log or "4 seconds" in log
    assert "orphan" not in log


def test_a_file_system_that_hangs(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """A pipe in place of a record stands for a file whose server does not answer (NFS, hard)."""
    alice = account()
    alice.write(".jupyterhub-ssh/earlier/exit.json", "{}")
    os.mkfifo(alice.home / ".jupyterhub-ssh/earlier/reply.json")
    one = hub(TINY + PATIENCE + "c.SSHSpawner.stop_timeout = 1\n")
    told = refused_start(one, alice)
    assert f"node1 hangs at {alice.home}/.jupyterhub-ssh, for 3 s now" in told
    assert "file system" in told
    assert "SSHSpawner.run_dir" in told
    # it answers again, too late for the start
    with (alice.home / ".jupyterhub-ssh/earlier/reply.json").open("w") as pipe:
        pipe.write("{}")
    wait_until(lambda: not alice.processes())
    assert not (alice.home / "environment").exists()


@pytest.mark.parametrize(
    "lines", ["AllowTcpForwarding no\n", "PermitOpen none\n", "DisableForwarding yes\n"]
)
def test_a_forward_that_is_forbidden(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    hardened: Callable[[str], Sshd],
    lines: str,
) -> None:
    """sshd_config(5). It was "didn't respond in 30 seconds", which is the hub's own word."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n", node=hardened(lines))
    told = refused_start(one, alice)
    assert "AllowTcpForwarding" in told
    assert "PermitOpen" in told
    alice.check_gone()
    assert "orphan" not in one.log.read_text()


def test_a_forward_that_the_key_forbids(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """sshd(8), authorized_keys: ``restrict`` switches forwarding off."""
    alice = account()
    keys = (alice.home / ".ssh/authorized_keys").read_text()
    alice.write(".ssh/authorized_keys", "restrict " + keys)
    one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n")
    assert "no-port-forwarding" in refused_start(one, alice)
    alice.check_gone()
