"""An account that a node does not admit is not a node that cannot be reached.

sshd accepts the key and hangs up in PAM's account phase (auth2.c, ``do_pam_account``). asyncssh
raises ConnectionLost then, as for a connection that broke.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd

DENIED = "by PAM account configuration"
MAINTENANCE = "Kernel upgrade until Monday noon"


class Node:
    """node1, whose sshd has PAM rules of its own; node2 is the stock sshd."""

    def __init__(self, where: Path) -> None:
        self.nologin = where / "nologin"
        self.shut_out = where / "access.conf"
        self.shut_out.write_text("")
        self.service = Path("/etc/pam.d") / f"sshd-ssp-{where.name}"
        self.service.write_text(
            f"account required pam_nologin.so file={self.nologin}\n"
            f"account required pam_access.so accessfile={self.shut_out}\n"
            "@include common-account\n@include common-session\n"
        )
        self.sshd = Sshd(where, f"Banner {where}/issue\n", pam_service=self.service.name)
        (where / "issue").write_text("Authorized use only. All use is logged.\n")
        self.sshd.start()

    def refuse(self, *accounts: Account) -> None:
        """Shut these accounts out; PAM says nothing to them (pam_access(8))."""
        self.shut_out.write_text("".join(f"-:{one.name}:ALL\n" for one in accounts))

    def denied(self, account: Account | None = None) -> int:
        about = f"for user {account.name} {DENIED}" if account else DENIED
        return self.sshd.log.read_text().count(about)

    def close(self) -> None:
        self.sshd.cut()
        self.service.unlink()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    where = tmp_path / "node1"
    where.mkdir()
    one = Node(where)
    yield one
    one.close()


@pytest.fixture
def two(hub: Callable[..., Hub], node: Node, sshd: Sshd, tmp_path: Path) -> Callable[..., Hub]:
    """Starts a hub that knows node1 and node2 and takes node1 while it can."""
    known = tmp_path / "known_both"
    known.write_text(node.sshd.known_hosts.read_text() + sshd.known_hosts.read_text())

    def make(config: str = "") -> Hub:
        return hub(
            TINY + f"c.SSHSpawner.known_hosts = '{known}'\n"
            "c.SSHSpawner.host_policy = 'first'\n"
            "c.SSHSpawner.hosts.append({'name': 'node2', 'address': '127.0.0.1', "
            f"'port': {sshd.port}}})\n" + config,
            node=node.sshd,
        )

    return make


def expire(account: Account) -> None:
    subprocess.run(["chage", "-E", "2020-01-01", account.name], check=True)


def refused_start(one: Hub, user: Account) -> str:
    one.request_start(user.name)
    return one.wait_failed(user.name)


def test_an_expired_account_costs_nobody_else_the_node(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node, sshd: Sshd
) -> None:
    alice, eve = account(), account()
    expire(eve)
    one = two()
    for _ in range(2):
        told = refused_start(one, eve)
        assert "node1 refused the login" in told
        assert eve.name in told
        assert "Your account has expired" in told  # pam_unix's words
        assert "Authorized use only" not in told  # the Banner is for everybody
        assert "cannot be reached" not in told
    assert "a moment ago" in told
    assert node.denied(eve) == 1
    assert eve.name not in sshd.log.read_text()
    one.spawn(alice.name)
    assert one.state(alice.name)["host"] == "node1"


def test_an_account_that_is_refused_without_a_word(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    alice, eve = account(), account()
    node.refuse(eve)
    one = two()
    told = refused_start(one, eve)
    assert "node1 refused the login" in told
    assert "PAM" in told
    one.spawn(alice.name)
    assert one.state(alice.name)["host"] == "node1"
    assert node.denied() == 1


@pytest.mark.report("OpenSSH PerSourcePenalties")
def test_several_accounts_in_a_row_are_the_hosts_doing(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    """The third finds another host, and the fourth does not even ask: four refusals in a row would
    get the hub's address a penalty (OpenSSH 10: 5 s each, from 15 s on)."""
    users = [account() for _ in range(4)]
    node.refuse(*users)
    one = two()
    for user in users[:2]:
        assert "node1 refused the login" in refused_start(one, user)
    for user in users[2:]:
        one.spawn(user.name)
        assert one.state(user.name)["host"] == "node2"
    assert "node1 is closed" in one.log.read_text()
    assert node.denied() == 3


def test_accounts_between_which_somebody_gets_in(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    alice, *others = [account() for _ in range(4)]
    node.refuse(*others)
    one = two()
    for user in others:
        assert "node1 refused the login" in refused_start(one, user)
        if user is others[1]:
            one.spawn(alice.name)
            assert one.state(alice.name)["host"] == "node1"


def test_a_host_that_is_drained(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    """nologin(5): one try for each user, and none any more when two have met the same words."""
    users = [account() for _ in range(3)]
    node.nologin.write_text(MAINTENANCE + "\n")
    one = two()
    for user in users:
        one.spawn(user.name)
        assert one.state(user.name)["host"] == "node2"
    assert f"node1 is closed: it refuses logins, and says: {MAINTENANCE}" in one.log.read_text()
    assert [node.denied(user) for user in users] == [1, 1, 0]
    node.nologin.unlink()


def test_a_drained_host_that_is_the_only_one(
    hub: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    alice = account()
    node.nologin.write_text(MAINTENANCE + "\n")
    one = hub(TINY, node=node.sshd)
    for _ in range(2):
        assert MAINTENANCE in refused_start(one, alice)
    assert node.denied() == 1


def test_a_stop_on_a_drained_host_does_not_sign_in_again_and_again(
    hub: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    alice = account()
    one = hub(TINY + "c.SSHSpawner.stop_timeout = 6\nc.Spawner.poll_interval = 300\n",
              node=node.sshd)  # fmt: skip
    one.spawn(alice.name)
    node.nologin.write_text(MAINTENANCE + "\n")
    node.sshd.interrupt()
    one.stop(alice.name)
    assert MAINTENANCE in one.log.read_text()
    assert node.denied() == 1
    assert len(one.state(alice.name)["orphans"]) == 1


def test_an_expired_password(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node, sshd: Sshd
) -> None:
    """sshd lets the key in, and runs its own demand for a new password instead of any command."""
    alice, eve = account(), account()
    subprocess.run(["chpasswd"], input=f"{eve.name}:old-one", text=True, check=True)
    subprocess.run(["chage", "-d", "0", eve.name], check=True)
    one = two()
    for _ in range(2):
        told = refused_start(one, eve)
        assert f"the password of {eve.name} on node1 has expired" in told
        assert "start files" not in told
    assert node.sshd.accepted(eve.name) == 1
    assert sshd.accepted(eve.name) == 0
    one.spawn(alice.name)
    assert one.state(alice.name)["host"] == "node1"
    assert "orphan" not in one.log.read_text()


def test_an_account_with_too_many_logins(
    two: Callable[..., Hub], account: Callable[..., Account], node: Node
) -> None:
    """PAM's session phase, as with pam_limits and maxlogins: sshd lets the account in, and runs no
    command (session.c, ``do_child``)."""
    alice, eve = account(), account()
    one = two()
    one.spawn(alice.name)
    before = node.service.read_text()
    node.service.write_text(
        before + "session optional pam_echo.so There were too many logins for '%u'.\n"
        "session required pam_deny.so\n"
    )
    for _ in range(2):
        told = refused_start(one, eve)
        assert "node1 refused the login" in told
        assert f"There were too many logins for '{eve.name}'." in told
        assert "start files" not in told
    assert node.sshd.accepted(eve.name) == 1
    assert alice.servers()


def test_more_keys_than_the_node_lets_us_try(
    hub: Callable[..., Hub], account: Callable[..., Account], tmp_path: Path
) -> None:
    """MaxAuthTries: sshd disconnects with words of its own, which is a refusal as well."""
    alice = account()
    where = tmp_path / "few"
    where.mkdir()
    node = Sshd(where, "MaxAuthTries 1\n")
    node.start()
    for name in ("a", "b", "c"):
        subprocess.run(
            ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)], check=True
        )
    try:
        one = hub(
            TINY + f"c.SSHSpawner.ssh_client_keys = ['{tmp_path}/a', '{tmp_path}/b', "
            f"'{tmp_path}/c']\n",
            node=node,
        )
        for _ in range(2):
            told = refused_start(one, alice)
            assert "refused th" in told
            assert "cannot be reached" not in told
        text = node.log.read_text()
        wait_until(lambda: "maximum authentication attempts exceeded" in text)
        assert text.count("maximum authentication attempts exceeded") == 1
    finally:
        node.cut()
