"""Signing in by Kerberos, against a real KDC (issue 4, "Trust": GSSAPI store)."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd, free_port, wait_until

PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
MISSING = [name for name in PROGRAMS if not shutil.which(name)]
if importlib.util.find_spec("gssapi") is None:
    MISSING.append("the Python package gssapi")

pytestmark = [
    pytest.mark.sshd,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}"),
]
REALM = "SPAWNER.TEST"
KRB5_CONF = """
[libdefaults]
default_realm = {realm}
dns_lookup_kdc = false
dns_lookup_realm = false
dns_canonicalize_hostname = false
rdns = false
default_keytab_name = FILE:{where}/keytab
[realms]
{realm} = {{
  kdc = 127.0.0.1:{port}
}}
"""
KDC_CONF = """
[kdcdefaults]
kdc_ports = {port}
kdc_tcp_ports = {port}
[realms]
{realm} = {{
  database_name = {where}/principal
  key_stash_file = {where}/stash
}}
[logging]
kdc = FILE:{where}/kdc.log
"""
GSSAPI = """
c.SSHSpawner.ssh_client_keys = []
c.SSHSpawner.ssh_gssapi = True
c.SSHSpawner.hosts[0]["host_key_alias"] = "localhost"
"""


class Kdc:
    """A realm of its own."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.log = where / "kdc.log"
        port = free_port()
        (where / "krb5.conf").write_text(KRB5_CONF.format(realm=REALM, where=where, port=port))
        (where / "kdc.conf").write_text(KDC_CONF.format(realm=REALM, where=where, port=port))
        self.environment = {
            "KRB5_CONFIG": str(where / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(where / "kdc.conf"),
        }

    def run(self, *command: str, said: str = "") -> None:
        subprocess.run(command, input=said, text=True, check=True, stdout=subprocess.DEVNULL)

    def ticket(self, account: Account) -> Path:
        """The user's principal, and a ticket in a cache that only root reads."""
        password = secrets.token_hex(8)
        self.run("kadmin.local", "-q", f"addprinc -pw {password} {account.name}")
        cache = self.where / f"cc_{account.name}"
        self.run("kinit", "-c", f"FILE:{cache}", account.name, said=password + "\n")
        return cache


@pytest.fixture
def kdc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kdc]:
    (tmp_path / "kdc").mkdir()
    one = Kdc(tmp_path / "kdc")
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KRB5CCNAME", raising=False)
    one.run("kdb5_util", "create", "-s", "-r", REALM, "-P", secrets.token_hex(8))
    one.run("kadmin.local", "-q", "addprinc -randkey host/localhost")
    one.run("kadmin.local", "-q", f"ktadd -k {one.where}/keytab host/localhost")
    one.log.touch()
    process = subprocess.Popen(["krb5kdc", "-n"])
    wait_until(lambda: "commencing operation" in one.log.read_text(), 10, str(one.log))
    yield one
    process.terminate()
    process.wait(10)


@pytest.fixture
def node(kdc: Kdc, tmp_path: Path) -> Iterator[Sshd]:
    """An sshd that lets nobody in but by Kerberos."""
    (tmp_path / "node").mkdir()
    server = Sshd(
        tmp_path / "node",
        "GSSAPIAuthentication yes\nGSSAPIStrictAcceptorCheck no\n"
        "PubkeyAuthentication no\nPasswordAuthentication no\n",
    )
    server.start()
    yield server
    server.cut()


@pytest.mark.report("LLNL/SSHSpawner, environment")
def test_each_user_signs_in_with_a_ticket_of_their_own(
    hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, node: Sshd
) -> None:
    """Two at once. LLNL's spawner keeps the cache's name in the environment of the hub's process
    (L229-232), so that one user's ticket serves the next."""
    users = [account(), account()]
    for user in users:
        kdc.ticket(user)
    store = f"FILE:{kdc.where}/cc_{{username}}"
    one = hub(TINY + GSSAPI + f"c.SSHSpawner.ssh_gss_store = {store!r}\n", node=node)
    for user in users:
        one.request_start(user.name)
    for user in users:
        one.wait_ready(user.name)
        accepted = f"Accepted gssapi-with-mic for {user.name} from"
        assert node.log.read_text().count(accepted) == 1
        assert f"{user.name}@{REALM} for host/localhost@{REALM}" in kdc.log.read_text()
        assert b"KRB5CCNAME" not in user.environment()
        one.stop(user.name)


def test_a_ticket_of_one_user_does_not_open_another_account(
    hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, node: Sshd
) -> None:
    """sshd decides by the principal; the refusal is told and not repeated at once."""
    alice, bob = account(), account()
    cache = kdc.ticket(alice)
    store = f"c.SSHSpawner.ssh_gss_store = lambda spawner: 'FILE:{cache}'\n"
    one = hub(TINY + GSSAPI + store, node=node)
    one.request_start(bob.name)
    assert "node1 refused the login" in one.wait_failed(bob.name)
    assert not (bob.home / "environment").exists()
    one.spawn(alice.name)


NOBODY = "async def nobody(spawner):\n    return None\nc.SSHSpawner.ssh_gss_store = nobody\n"


@pytest.mark.parametrize(
    ("store", "told"),
    [
        ("", "ssh_gss_store must name the user"),
        (NOBODY, "no Kerberos ticket of yours is known"),
        ("c.SSHSpawner.ssh_gss_store = 'FILE:/nonexistent/cc'\n", "no valid Kerberos ticket"),
        ("c.SSHSpawner.ssh_gss_store = {'ccache': 'FILE:/nonexistent/cc'}\n", "no valid Kerberos"),
    ],
    ids=["unset", "none", "missing cache", "missing cache in a store"],
)
@pytest.mark.report("LLNL/SSHSpawner, environment")
def test_the_hubs_own_ticket_serves_nobody(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    kdc: Kdc,
    node: Sshd,
    monkeypatch: pytest.MonkeyPatch,
    store: str,
    told: str,
) -> None:
    """The hub's environment has a ticket that would do; it is not used."""
    alice = account()
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{kdc.ticket(alice)}")
    one = hub(TINY + GSSAPI + store, node=node)
    one.request_start(alice.name)
    assert told in one.wait_failed(alice.name)
    assert not node.accepted(alice.name)
    assert "Accepted" not in node.log.read_text()
