"""The network between hub and node goes away at a bad moment (issue 4, row 7)."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

import pytest
from machinery import SMALL, TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd

# Tells the test that the server's process runs, and waits until the network has been cut. The
# server listens no earlier either, or the launcher's reply could be under way before the cut.
WAIT = """
import os, time
c.SSHSpawner.args = ["--hold"]
def trace(name, info):
    if name == "start.spawned.started" and not os.path.exists("spawned"):
        open("spawned", "w").close()
        while not os.path.exists("cut"):
            time.sleep(0.01)
c.SSHSpawner.trace = trace
"""


def cut_in_mid_start(one: Hub, alice: Account, cut: Callable[[], None]) -> None:
    one.request_start(alice.name)
    wait_until((one.where / "spawned").exists)
    cut()
    alice.write("listen", "")
    (one.where / "cut").touch()


def test_a_broken_connection_during_start(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """The reply is lost after the fork: asked again on a new connection, started once."""
    alice = account()
    one = hub(SMALL + WAIT, node=own_sshd)
    cut_in_mid_start(one, alice, own_sshd.interrupt)
    one.wait_ready(alice.name)
    assert len(alice.servers()) == 1
    assert own_sshd.accepted(alice.name) == 2
    one.stop(alice.name)
    alice.check_gone()


def test_a_cut_during_start(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """The start fails in bounded time; what it left is remembered and ended at the next contact."""
    alice = account()
    one = hub(SMALL + WAIT + "c.SSHSpawner.stop_timeout = 2\n", node=own_sshd)
    cut_in_mid_start(one, alice, own_sshd.cut)
    one.wait_failed(alice.name)
    assert alice.servers()
    assert len(one.state(alice.name)["orphans"]) == 1
    own_sshd.start()
    wait_until(lambda: not alice.processes())
    wait_until(lambda: "orphans" not in one.state(alice.name))


@pytest.mark.report("jupyterhub/jupyterhub#3263")
def test_a_restart_of_the_hub_while_the_node_is_unreachable(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """core#3263: ``check`` for ever. SSH does not answer, the server itself does: it is kept."""
    alice = account()
    one = hub(TINY, node=own_sshd)
    one.spawn(alice.name)
    pid = one.state(alice.name)["pid"]
    one.kill()
    own_sshd.cut()
    one.start()
    one.wait_ready(alice.name)
    assert pid in alice.processes()
    own_sshd.start()
    one.stop(alice.name)
    alice.check_gone()


@pytest.mark.report("jupyterhub/jupyterhub#3171")
def test_a_connection_that_carries_nothing(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """Packets are lost instead of refused: polls say unknown, stop is bounded, and afterwards the
    orphan is ended."""
    alice = account()
    one = hub(TINY + "c.Spawner.poll_interval = 1\nc.SSHSpawner.poll_timeout = 1\n"
              "c.SSHSpawner.connect_timeout = 1\nc.SSHSpawner.command_timeout = 3\n"
              "c.SSHSpawner.stop_timeout = 2\n", node=own_sshd)  # fmt: skip
    one.spawn(alice.name)
    own_sshd.freeze()
    try:
        wait_until(lambda: one.log.read_text().count("Cannot tell whether") >= 2)
        assert one.server(alice.name)["ready"]
        began = time.monotonic()
        one.stop(alice.name)
        assert time.monotonic() - began < 60
        assert alice.servers()
    finally:
        own_sshd.freeze(signal.SIGCONT)
    wait_until(lambda: not alice.servers())
    wait_until(lambda: "orphans" not in one.state(alice.name))


def test_a_limit_on_patience_if_wanted(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """``unreachable_limit``: after so many polls the server is given up, as an orphan."""
    alice = account()
    one = hub(TINY + "c.Spawner.poll_interval = 1\nc.SSHSpawner.unreachable_limit = 2\n"
              "c.SSHSpawner.stop_timeout = 0\n", node=own_sshd)  # fmt: skip
    one.spawn(alice.name)
    own_sshd.cut()
    wait_until(lambda: not one.server(alice.name))
    wait_until(lambda: "orphans" in one.state(alice.name))
    own_sshd.start()
    wait_until(lambda: not alice.processes())


def test_no_room(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """``max_servers``, also counted right after a restart of the hub."""
    alice, bob = account(), account()
    one = hub(TINY + "c.SSHSpawner.max_servers_per_host = 1\n")
    one.spawn(alice.name)
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    one.request_start(bob.name)
    assert "no room on node1" in one.wait_failed(bob.name)
    one.stop(alice.name)
    one.spawn(bob.name)


@pytest.mark.report("jupyterhub/jupyterhub#428")
def test_a_slow_start_is_not_dead(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """core#428: polled while it starts. Nothing but the server's own time passes."""
    alice = account()
    one = hub("import sys\nc.SSHSpawner.cmd = ['sh', '-c', "
              "'sleep 6; exec ' + sys.executable + ' tiny_server.py']\n"
              "c.Spawner.poll_interval = 1\n")  # fmt: skip
    began = time.monotonic()
    one.spawn(alice.name)
    assert time.monotonic() - began > 6
