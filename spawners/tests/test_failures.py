"""What goes wrong is said, soon, and leaves nothing behind."""

from __future__ import annotations

import time
from collections.abc import Callable

import jupyterhub
import pytest
from machinery import SMALL, TINY, Account, Hub, free_port, wait_until

pytestmark = pytest.mark.sshd


@pytest.mark.report("jupyterhub/batchspawner#253")
def test_an_early_exit_fails_at_once_with_its_last_words(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """batchspawner#253: the hub waited for the whole start_timeout, and the user could not try
    again. The words are in the progress stream and the log, the token in neither (row 2)."""
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--exit']\n")
    one.request_start(alice.name)
    began = time.monotonic()
    told = one.progress(alice.name)
    assert time.monotonic() - began < 15  # and not the two minutes of start_timeout
    for words in ("Connecting to node1", "status 3", "flux capacitor", "[redacted]"):
        assert words in told
    one.wait_failed(alice.name)
    log = one.log.read_text()
    assert "flux capacitor" in log
    assert "token [redacted]" in log
    alice.check_gone()
    one.request_start(alice.name)  # the next try is not refused
    one.wait_failed(alice.name)


@pytest.mark.report("jupyter-forward#87")
def test_a_missing_command_is_named_with_the_path(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """jupyter-forward#87."""
    alice = account()
    one = hub("c.SSHSpawner.cmd = ['no-such-singleuser']\n")
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "cannot run no-such-singleuser" in told
    assert "PATH on the node" in told


def test_a_missing_python_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(TINY + "c.SSHSpawner.remote_python = '/opt/no/python3'\n")
    one.request_start(alice.name)
    assert "/opt/no/python3 was not found" in one.wait_failed(alice.name)


@pytest.mark.report("jupyterhub/batchspawner#186")
def test_a_hub_that_cannot_be_reached_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """batchspawner#186, jupyterhub#2678: "stuck… waiting to connect"."""
    alice = account()
    port = free_port()
    one = hub(TINY + f"c.SSHSpawner.hub_connect_url = 'http://127.0.0.1:{port}'\n")
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert f"cannot reach the hub at http://127.0.0.1:{port}/hub/api" in told


def test_start_timeout_leaves_no_process(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Issue 4: start_timeout or a cancelled start leaves no process; the log's tail is told."""
    alice = account()
    one = hub("c.SSHSpawner.cmd = ['sh', '-c', 'echo thinking; sleep 7000']\n"
              "c.SSHSpawner.start_timeout = 24\n")  # fmt: skip
    one.request_start(alice.name)
    wait_until(lambda: alice.processes("sleep 7000"))
    assert "did not listen in time" in one.wait_failed(alice.name)
    assert "thinking" in one.log.read_text()
    alice.check_gone()


def test_a_cancelled_start_leaves_no_process(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """``asyncio.wait_for`` cancels ``start`` (User.spawn); here before the node gives up itself."""
    alice = account()
    one = hub("c.SSHSpawner.cmd = ['sh', '-c', 'sleep 7000']\n"
              "c.SSHSpawner.start_timeout = 1.0\n")  # fmt: skip
    one.request_start(alice.name)
    one.wait_failed(alice.name)
    alice.check_gone()
    assert one.state(alice.name).get("orphans") is None


def test_limits_that_nobody_enforces_are_an_error(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Issue 4, "Manners"."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.mem_limit = '1G'\n")
    one.request_start(alice.name)
    assert "limit_backend" in one.wait_failed(alice.name)


@pytest.mark.skipif(
    jupyterhub.version_info[0] < 6, reason="JupyterHub before 6.0 counts every failed spawn"
)
def test_failures_do_not_shut_the_hub_down(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """handlers/base.py, ``_track_failure_count``; JupyterHub before 6.0 counts every failure."""
    alice = account()
    one = hub(SMALL + "c.SSHSpawner.args = ['--exit']\nc.Spawner.consecutive_failure_limit = 2\n")
    for _ in range(4):
        one.request_start(alice.name)
        one.wait_failed(alice.name)
    assert "consecutive spawn" not in one.log.read_text()
    assert one.answers()


def test_a_full_or_foreign_run_dir_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(TINY + "c.SSHSpawner.run_dir = '/proc/nowhere'\n"
              "c.SSHSpawner.run_dir_fallback = '/proc/neither'\n")  # fmt: skip
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "cannot use /proc/nowhere" in told
    assert "cannot use /proc/neither" in told


SLOW = "echo >> ~/logins; [ ! -e ~/slow ] || sleep 4\n"  # in a start file: each command waits


def test_a_stop_during_a_start_that_takes_long_to_undo(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """apihandlers/users.py: DELETE cancels the spawn and gives it a second. It was a server then
    that the hub called ready, with port 0, until the hub was restarted."""
    alice = account()
    alice.write(".bashrc", SLOW)
    alice.write("hold", "")
    one = hub(TINY + "c.SSHSpawner.prologue = 'while [ -e hold ]; do sleep 0.1; done'\n")
    one.request_start(alice.name)
    wait_until(lambda: alice.processes("while [ -e hold ]"))
    alice.write("slow", "")
    one.api("DELETE", f"/users/{alice.name}/server")
    told = one.wait_failed(alice.name, timeout=30)
    assert "the start was called off" in told
    assert "is ready" not in one.log.read_text()
    alice.check_gone()
    for name in ("slow", "hold"):
        (alice.home / name).unlink()
    assert one.spawn(alice.name)["ready"]
    one.stop(alice.name)
    alice.check_gone()


def test_a_stop_before_the_node_has_answered(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The launcher still waits in a start file: what it would start does not run later."""
    alice = account()
    alice.write(".bashrc", SLOW)
    alice.write("slow", "")
    one = hub(TINY)
    one.request_start(alice.name)
    wait_until((alice.home / "logins").exists)
    one.api("DELETE", f"/users/{alice.name}/server")
    one.wait_failed(alice.name, timeout=30)
    wait_until(lambda: not alice.processes())  # the launcher has run, and ended
    assert not (alice.home / "environment").exists()
    assert "orphan" not in one.log.read_text()
    (alice.home / "slow").unlink()
    assert one.spawn(alice.name)["ready"]
