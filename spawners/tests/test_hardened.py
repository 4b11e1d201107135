"""What sshd's own settings do to the hub's requests (sshd_config(5), authorized_keys)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd

pytestmark = pytest.mark.sshd


REVERSE = TINY + "c.SSHSpawner.reverse_tunnel = True\n"


def test_a_reverse_tunnel_that_anybody_reaches_is_refused(
    hub: Callable[..., Hub], account: Callable[..., Account], hardened: Callable[[str], Sshd]
) -> None:
    alice = account()
    one = hub(REVERSE, node=hardened("GatewayPorts yes\n"))
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "stands open on every address of this node (0.0.0.0 port " in told
    assert "GatewayPorts no" in told
    assert "SSHSpawner.allow_gateway_ports" in told
    assert not (alice.home / "environment").exists()
    alice.check_gone()


def test_a_reverse_tunnel_that_anybody_reaches_is_reported_where_it_is_allowed(
    hub: Callable[..., Hub], account: Callable[..., Account], hardened: Callable[[str], Sshd]
) -> None:
    alice = account()
    one = hub(
        REVERSE + "c.SSHSpawner.allow_gateway_ports = True\n", node=hardened("GatewayPorts yes\n")
    )
    one.spawn(alice.name)
    assert "stands open on every address of node1" in one.log.read_text()
    one.stop(alice.name)


def test_a_reverse_tunnel_on_the_loopback_is_not_reported(
    hub: Callable[..., Hub], account: Callable[..., Account], hardened: Callable[[str], Sshd]
) -> None:
    alice = account()
    one = hub(REVERSE, node=hardened("GatewayPorts clientspecified\n"))
    one.spawn(alice.name)
    assert "stands open" not in one.log.read_text()
    one.stop(alice.name)


def refused_start(one: Hub, user: Account) -> str:
    one.request_start(user.name)
    return one.wait_failed(user.name)


def test_a_forced_command_of_the_key(
    hub: Callable[..., Hub], account: Callable[..., Account], keys: Path, sshd: Sshd
) -> None:
    """sshd tells the client that the key has one; what it prints is in the log."""
    alice = account()
    public = (keys / "hub.pub").read_text()
    alice.write(".ssh/authorized_keys", f'restrict,command="echo no thanks" {public}')
    one = hub(TINY)
    told = refused_start(one, alice)
    assert "forced command" in told
    assert "authorized_keys" in told
    assert "start files" not in told
    assert "no thanks" in one.log.read_text()


def test_a_forced_command_of_a_certificate(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    hardened: Callable[[str], Sshd],
    tmp_path: Path,
) -> None:
    alice = account()
    alice.write(".ssh/authorized_keys", "")
    for name in ("ca", "key"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(argv, check=True)
    argv = ["ssh-keygen", "-q", "-s", str(tmp_path / "ca"), "-I", "hub", "-n", alice.name]
    argv += ["-O", "force-command=true", str(tmp_path / "key.pub")]
    subprocess.run(argv, check=True)
    node = hardened(f"TrustedUserCAKeys {tmp_path}/ca.pub\n")
    one = hub(TINY + f"c.SSHSpawner.ssh_client_keys = ['{tmp_path}/key']\n", node=node)
    told = refused_start(one, alice)
    assert "forced command" in told
    assert "start files" not in told


def test_an_account_for_sftp_alone(
    hub: Callable[..., Hub], account: Callable[..., Account], hardened: Callable[[str], Sshd]
) -> None:
    alice = account()
    one = hub(TINY, node=hardened("ForceCommand internal-sftp\n"))
    told = refused_start(one, alice)
    assert "forced command" in told
    assert "start files" not in told


def test_a_forced_command_of_the_configuration(
    hub: Callable[..., Hub], account: Callable[..., Account], hardened: Callable[[str], Sshd]
) -> None:
    """Of this one sshd tells nothing: it could be a start file as well, and both are named."""
    alice = account()
    one = hub(TINY, node=hardened("ForceCommand /bin/true\n"))
    told = refused_start(one, alice)
    assert "forced command (ForceCommand in sshd_config" in told


def test_a_key_with_options_and_no_command(
    hub: Callable[..., Hub], account: Callable[..., Account], keys: Path
) -> None:
    """A start file's fault stays one, whatever options the key has."""
    alice = account()
    public = (keys / "hub.pub").read_text()
    alice.write(".ssh/authorized_keys", f'restrict,environment="A=command" {public}')
    alice.write(".bashrc", "exit 3\n")
    told = refused_start(hub(TINY), alice)
    assert "the node ran a forced command" not in told
    assert "start files" in told


def test_an_account_without_a_login_shell(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account(shell="/usr/sbin/nologin")
    told = refused_start(hub(TINY), alice)
    assert "its login shell is nologin" in told
    assert "start files" not in told
