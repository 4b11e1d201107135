"""Nodes behind a jump host, and what the log says when that one does not let through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd

pytestmark = pytest.mark.sshd


def test_a_jump_host(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd, sshd: Sshd
) -> None:
    """Both machines' host keys are checked; the node sees the bastion's connection."""
    alice = account()
    known = own_sshd.where / "both"
    known.write_text(sshd.known_hosts.read_text() + own_sshd.known_hosts.read_text())
    more = (
        f"c.SSHSpawner.jump_hosts = ['127.0.0.1:{own_sshd.port}']\n"
        "c.SSHSpawner.connect_address = '127.0.0.1'\n"
    )
    one = hub(TINY + more + f"c.SSHSpawner.known_hosts = '{known}'\n")
    one.spawn(alice.name)
    assert own_sshd.accepted(alice.name) == 1
    assert one.state(alice.name)["jumps"] == [f"127.0.0.1:{own_sshd.port}"]
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    assert own_sshd.accepted(alice.name) == 2
    other = hub(TINY + more)  # knows the node's key alone
    other.request_start(alice.name)
    assert "could not be verified" in other.wait_failed(alice.name)


def test_a_proxy_jump_is_a_jump_host(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    own_sshd: Sshd,
    sshd: Sshd,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """``ssh_config_files`` may name one. asyncssh alone would believe the hub user's own ~/.ssh."""
    alice = account()
    ours = tmp_path / "home/.ssh"
    ours.mkdir(parents=True)
    (ours / "known_hosts").write_text(own_sshd.known_hosts.read_text())
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    config = tmp_path / "ssh_config"
    config.write_text(
        f"Host pj\n  HostName 127.0.0.1\n  ProxyJump {alice.name}@door\n"
        f"Host door\n  HostName 127.0.0.1\n  Port {own_sshd.port}\n"
    )
    node = f"[pj]:{sshd.port} {sshd.public}\n"
    (tmp_path / "node").write_text(node)
    (tmp_path / "both").write_text(node + own_sshd.known_hosts.read_text())
    more = (
        f"c.SSHSpawner.hosts = [{{'name': 'pj', 'port': {sshd.port}}}]\n"
        f"c.SSHSpawner.ssh_config_files = ['{config}']\nc.SSHSpawner.transport = 'tunnel'\n"
    )
    one = hub(TINY + more + f"c.SSHSpawner.known_hosts = '{tmp_path}/node'\n")
    one.request_start(alice.name)
    assert "the identity of the jump host door could not be verified" in one.wait_failed(alice.name)
    other = hub(TINY + more + f"c.SSHSpawner.known_hosts = '{tmp_path}/both'\n")
    other.spawn(alice.name)
    assert own_sshd.accepted(alice.name) == 1
    assert other.state(alice.name)["jumps"] == [f"{alice.name}@door:{own_sshd.port}"]
    other.kill()
    other.start()
    other.wait_ready(alice.name)
    other.stop(alice.name)


def through(jump: Sshd, node: Sshd, where: Path) -> str:
    """Configuration for a node behind a jump host."""
    known = where / "known_through"
    known.write_text(node.known_hosts.read_text() + jump.known_hosts.read_text())
    return (
        TINY + f"c.SSHSpawner.known_hosts = '{known}'\nc.SSHSpawner.transport = 'tunnel'\n"
        f"c.SSHSpawner.jump_hosts = ['127.0.0.1:{jump.port}']\n"
    )


def test_a_jump_host_that_does_not_forward_is_named(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    hardened: Callable[[str], Sshd],
    sshd: Sshd,
    tmp_path: Path,
) -> None:
    """sshd_config(5), AllowTcpForwarding. It was "node1 cannot be reached"."""
    alice = account()
    one = hub(through(hardened("AllowTcpForwarding no\n"), sshd, tmp_path))
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "the jump host 127.0.0.1 does not forward to node1" in told
    assert "AllowTcpForwarding" in told


def test_a_jump_host_that_refuses_the_login_is_named(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    hardened: Callable[[str], Sshd],
    sshd: Sshd,
    tmp_path: Path,
) -> None:
    """It is not asked again for a minute, whichever node behind it is meant."""
    alice = account()
    jump = hardened("AllowUsers nobody\n")
    config = through(jump, sshd, tmp_path)
    one = hub(config + "c.SSHSpawner.hosts.append({'name': 'node2', 'address': '127.0.0.1', "
              f"'port': {sshd.port}}})\nc.SSHSpawner.host_policy = 'user-choice'\n")  # fmt: skip
    for host in ("node1", "node2"):
        one.request_start(alice.name, options={"host": host})
        assert "the jump host 127.0.0.1 refused th" in one.wait_failed(alice.name)
    assert jump.log.read_text().count(f"User {alice.name} from 127.0.0.1 not allowed") == 1


def test_sign_ins_through_a_jump_host_are_counted_there(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    hardened: Callable[[str], Sshd],
    sshd: Sshd,
    own_sshd: Sshd,
    tmp_path: Path,
) -> None:
    """sshd_config(5), MaxStartups: the fourth unauthenticated connection is dropped. Two nodes are
    behind this jump host, so that a limit of two for each node would be four here. (One more than
    two, since sshd may count a sign-in for a moment after it has let us in.)"""
    jump = hardened("MaxStartups 3\n")
    config = through(jump, sshd, tmp_path)
    with (tmp_path / "known_through").open("a") as known:
        known.write(own_sshd.known_hosts.read_text())
    users = [account() for _ in range(6)]
    one = hub(config + "c.SSHSpawner.max_connects_per_host = 2\n"
              "c.SSHSpawner.hosts.append({'name': 'node2', 'address': '127.0.0.1', "
              f"'port': {own_sshd.port}}})\n")  # fmt: skip
    for user in users:
        one.request_start(user.name)
    for user in users:
        one.wait_ready(user.name)
    assert "drop connection" not in jump.log.read_text()
    assert {one.state(user.name)["host"] for user in users} == {"node1", "node2"}
    for user in users:
        one.stop(user.name)
