"""Who is believed, and how we sign in (issue 4, "Trust", rows 11 and 1)."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd

SECOND = """
c.SSHSpawner.hosts.insert(0, dict(c.SSHSpawner.hosts[0], name="evil", host_key_alias="evil"))
c.SSHSpawner.host_policy = "first"
"""


def keygen(*arguments: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, arguments)], check=True)


def set_password(account: Account, password: str) -> None:
    subprocess.run(["chpasswd"], input=f"{account.name}:{password}", text=True, check=True)


@pytest.mark.report("jupyter-server/enterprise_gateway#168")
def test_an_unknown_host_is_refused_and_not_passed_over(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """EG#168: host key missing on some nodes. No failover: it may be an attack. The address is in
    known_hosts, the name is not: OpenSSH would refuse, asyncssh by itself would not."""
    alice = account()
    one = hub(TINY + SECOND)
    one.request_start(alice.name)
    told = one.wait_failed(alice.name)
    assert "identity of evil could not be verified" in told
    assert not (alice.home / "environment").exists()


def test_a_changed_host_key_is_refused(
    hub: Callable[..., Hub], account: Callable[..., Account], sshd: Sshd, tmp_path: Path
) -> None:
    alice = account()
    keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "other")
    known = tmp_path / "known"
    known.write_text(f"[127.0.0.1]:{sshd.port} {(tmp_path / 'other.pub').read_text()}")
    one = hub(TINY + f"c.SSHSpawner.known_hosts = '{known}'\n")
    one.request_start(alice.name)
    assert "could not be verified" in one.wait_failed(alice.name)


def test_known_hosts_is_required(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """Nearly all SSH spawners pass ``known_hosts=None``, which checks nothing."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.known_hosts = ''\n")
    one.request_start(alice.name)
    assert "SSHSpawner.known_hosts is not set" in one.wait_failed(alice.name)


def test_insecure_must_be_spelled_out_and_warns(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(TINY + "c.SSHSpawner.known_hosts = ''\nc.SSHSpawner.host_key_policy = 'insecure'\n")
    for times in (1, 2):
        one.spawn(alice.name)
        one.stop(alice.name)
        assert one.log.read_text().count("host_key_policy is insecure") == times


def test_a_host_certificate(
    hub: Callable[..., Hub], account: Callable[..., Account], tmp_path: Path
) -> None:
    alice = account()
    keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "ca")
    where = tmp_path / "certified"
    where.mkdir()
    node = Sshd(where, f"HostCertificate {where}/host_key-cert.pub\n")
    keygen("-s", tmp_path / "ca", "-I", "node", "-h", "-n", "127.0.0.1", where / "host_key.pub")
    node.start()
    try:
        one = hub(TINY + "c.SSHSpawner.known_hosts = ''\n"
                  f"c.SSHSpawner.host_ca_keys = ['{tmp_path}/ca.pub']\n", node=node)  # fmt: skip
        one.spawn(alice.name)
        one.stop(alice.name)
    finally:
        node.cut()


@pytest.mark.report("ronf/asyncssh#214")
def test_a_user_certificate_beside_the_key(
    hub: Callable[..., Hub], account: Callable[..., Account], tmp_path: Path
) -> None:
    """asyncssh#214: a plain key works without one (all other tests), and with one it is used."""
    alice = account()
    alice.write(".ssh/authorized_keys", "")
    keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "ca")
    keygen("-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    keygen("-s", tmp_path / "ca", "-I", "hub", "-n", alice.name, tmp_path / "key.pub")
    where = tmp_path / "trusting"
    where.mkdir()
    node = Sshd(where, f"TrustedUserCAKeys {tmp_path}/ca.pub\n")
    node.start()
    try:
        one = hub(TINY + f"c.SSHSpawner.ssh_client_keys = ['{tmp_path}/key']\n", node=node)
        one.spawn(alice.name)
        one.stop(alice.name)
    finally:
        node.cut()


def test_a_key_of_ones_own_with_a_passphrase(
    hub: Callable[..., Hub], account: Callable[..., Account], tmp_path: Path
) -> None:
    pytest.importorskip("bcrypt", reason="encrypted OpenSSH keys need asyncssh[bcrypt]")
    alice = account()
    keygen("-t", "ed25519", "-N", "open sesame", "-f", tmp_path / f"{alice.name}.key")
    alice.write(".ssh/authorized_keys", (tmp_path / f"{alice.name}.key.pub").read_text())
    one = hub(TINY + f"c.SSHSpawner.ssh_client_keys = ['{tmp_path}/{{username}}.key']\n"
              "c.SSHSpawner.ssh_key_passphrase = lambda spawner: 'open sesame'\n")  # fmt: skip
    one.spawn(alice.name)
    assert "sesame" not in one.log.read_text()


@pytest.mark.report("NERSC/sshspawner#40")
def test_a_missing_key_is_named(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """sshspawner#40: ``~`` was not expanded, and the error said little."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.ssh_client_keys = ['~/no/{username}.key']\n")
    one.request_start(alice.name)
    path = os.path.expanduser(f"~/no/{alice.name}.key")
    assert f"cannot read {path}" in one.wait_failed(alice.name)


AUTH_STATE = """
import os
c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [os.urandom(32)]
async def remember(spawner):
    await spawner.user.save_auth_state({{"node": {passwords!r}.get(spawner.user.name, "")}})
c.Spawner.pre_spawn_hook = remember
c.SSHSpawner.ssh_client_keys = []
c.SSHSpawner.ssh_password_auth_state_key = "node"
"""


@pytest.mark.report("OpenSSH PerSourcePenalties")
def test_a_password_from_auth_state_and_a_wrong_one(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """PerSourcePenalties (OpenSSH 9.8): one user's wrong password, tried again and again, would
    lock out the hub. It is tried once; others sign in meanwhile; it is in no log."""
    alice, bob = account(), account()
    for one in (alice, bob):
        set_password(one, f"right-{one.name}")
    wrong = {alice.name: f"right-{alice.name}", bob.name: "wrong-password"}
    hub1 = hub(TINY + AUTH_STATE.format(passwords=wrong), node=own_sshd)
    for _ in range(3):
        hub1.request_start(bob.name)
        hub1.wait_failed(bob.name)
    hub1.spawn(alice.name)
    assert own_sshd.log.read_text().count(f"Failed password for {bob.name}") == 1
    assert "wait a minute" in hub1.log.read_text()
    for secret in ("wrong-password", f"right-{alice.name}"):
        assert secret not in hub1.log.read_text()
        assert secret not in str(hub1.state(alice.name))


@pytest.mark.report("microsoft/vscode-remote-release#1899")
def test_a_password_that_is_asked_for_interactively(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """sshd_config(5): PAM's own questions, and no ``PasswordAuthentication``; with a Banner."""
    own_sshd.stop()
    config = own_sshd.where / "sshd_config"
    asks = "KbdInteractiveAuthentication yes\nPasswordAuthentication no\n"
    banner = own_sshd.where / "banner"
    banner.write_text("Authorized use only.\n")
    text = config.read_text().replace("KbdInteractiveAuthentication no\n", asks)
    config.write_text(f"{text}Banner {banner}\nPubkeyAuthentication no\n")
    own_sshd.start()
    alice, bob = account(), account()
    for one in (alice, bob):
        set_password(one, f"right-{one.name}")
    wrong = {alice.name: f"right-{alice.name}", bob.name: "wrong-password"}
    one_hub = hub(TINY + AUTH_STATE.format(passwords=wrong), node=own_sshd)
    one_hub.spawn(alice.name)
    one_hub.stop(alice.name)
    for _ in range(2):
        one_hub.request_start(bob.name)
        assert "refused th" in one_hub.wait_failed(bob.name)
    log = own_sshd.log.read_text()
    assert log.count(f"Accepted keyboard-interactive/pam for {alice.name}") == 1
    assert log.count(f"PAM: Authentication failure for {bob.name}") == 1
    assert "wrong-password" not in one_hub.log.read_text()


@pytest.mark.report("bmharris626/jupyter-sshspawner, poll")
def test_no_password_after_a_restart_is_unknown_not_dead(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """bmharris L375: auth_state gone after a restart, poll raised, and the server was dropped."""
    alice = account()
    set_password(alice, "right")
    text = TINY + AUTH_STATE.format(passwords={alice.name: "right"})
    one = hub(text, node=own_sshd)
    one.spawn(alice.name)
    one.kill()  # the new hub has another crypt key: the auth state cannot be read any more
    one.start()
    one.wait_ready(alice.name)
    wait_until(lambda: "Cannot tell whether" in one.log.read_text())
    assert one.server(alice.name)["ready"]
    assert alice.servers()


@pytest.fixture
def agent(keys: Path, tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "agent"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL)
    wait_until(path.exists)
    env = {**os.environ, "SSH_AUTH_SOCK": str(path)}
    subprocess.run(["ssh-add", "-q", str(keys / "hub")], env=env, check=True)
    yield path
    process.send_signal(signal.SIGTERM)
    process.wait()


def test_an_agent_is_used_and_not_forwarded(
    hub: Callable[..., Hub], account: Callable[..., Account], agent: Path
) -> None:
    alice = account()
    one = hub(
        TINY + f"c.SSHSpawner.ssh_client_keys = []\nc.SSHSpawner.ssh_agent_path = '{agent}'\n"
    )
    one.spawn(alice.name)
    assert b"SSH_AUTH_SOCK" not in alice.environment()


def test_nothing_is_taken_from_the_hubs_own_ssh_directory(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    agent: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """asyncssh would use the running agent and ``~/.ssh`` by itself."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(agent))
    alice = account()
    one = hub(TINY + "c.SSHSpawner.ssh_client_keys = []\n")
    one.request_start(alice.name)
    assert "node1 refused the login" in one.wait_failed(alice.name)


def test_one_connection_for_a_spawn_ten_polls_and_a_stop(
    hub: Callable[..., Hub], account: Callable[..., Account], sshd: Sshd
) -> None:
    """Row 11. sshspawner opens fourteen."""
    alice = account()
    one = hub(
        TINY + "c.Spawner.poll_interval = 1\n"
        "c.SSHSpawner.trace = lambda name, info: print('TRACE', name, flush=True)\n"
    )
    one.spawn(alice.name)
    wait_until(lambda: one.log.read_text().count("TRACE poll.complete") >= 10)
    one.stop(alice.name)
    assert sshd.accepted(alice.name) == 1


@pytest.mark.report("NERSC/sshspawner, get_remote_user")
def test_users_do_not_share_connections(
    hub: Callable[..., Hub], account: Callable[..., Account], sshd: Sshd
) -> None:
    """Also where both work in one account: two sign-ins, not one."""
    shared = account()
    one = hub(TINY + f"c.SSHSpawner.ssh_username = '{shared.name}'\n")
    one.spawn("first")
    one.spawn("second")
    assert sshd.accepted(shared.name) == 2
    one.stop("first")
    assert one.state("second")["pid"] in shared.processes()
