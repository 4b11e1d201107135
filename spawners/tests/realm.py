"""A Kerberos realm for the tests, with a real KDC, and an sshd that believes it."""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from machinery import Account, Hub, Sshd, free_port, wait_until

PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit", "klist", "kvno")
MISSING = [name for name in PROGRAMS if not shutil.which(name)]
if importlib.util.find_spec("gssapi") is None:
    MISSING.append("the Python package gssapi")

NEEDS_KDC = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
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


class Kdc:
    """A realm of its own. Users of the machine can read ``krb5.conf`` and nothing else of it."""

    def __init__(self, where: Path) -> None:
        self.where = where
        self.log = where / "kdc.log"
        self.port = free_port()
        self._passwords: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None
        names = {"realm": REALM, "where": where, "port": self.port}
        (where / "krb5.conf").write_text(KRB5_CONF.format(**names))
        (where / "kdc.conf").write_text(KDC_CONF.format(**names))
        self.environment = {
            "KRB5_CONFIG": str(where / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(where / "kdc.conf"),
        }

    def create(self) -> None:
        """Make the realm, with a principal for the node."""
        self.run("kdb5_util", "create", "-s", "-r", REALM, "-P", secrets.token_hex(8))
        self.run("kadmin.local", "-q", "addprinc -randkey host/localhost")
        self.run("kadmin.local", "-q", f"ktadd -k {self.where}/keytab host/localhost")

    def start(self) -> None:
        self.log.write_text("")
        self._process = subprocess.Popen(["krb5kdc", "-n"])
        wait_until(lambda: "commencing operation" in self.log.read_text(), 10, str(self.log))

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Packets and connections arrive, and nothing ever answers."""
        self.stop()
        with (
            closing(socket.socket(type=socket.SOCK_DGRAM)) as datagrams,
            closing(socket.socket()) as connections,
        ):
            connections.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            for sock in (datagrams, connections):
                sock.bind(("127.0.0.1", self.port))
            connections.listen(128)
            yield

    def run(self, *command: str, said: str = "") -> None:
        subprocess.run(command, input=said, text=True, check=True, stdout=subprocess.DEVNULL)

    def ticket(self, account: Account, *options: str, kind: str = "FILE") -> Path:
        """A ticket of the user's in a cache that only root reads; ``options`` are kinit's."""
        name = account.name
        if name not in self._passwords:
            self._passwords[name] = secrets.token_hex(8)
            self.run("kadmin.local", "-q", f"addprinc -pw {self._passwords[name]} {name}")
        cache = self.where / f"cc_{name}"
        if kind == "DIR":
            cache.mkdir(mode=0o700, exist_ok=True)
        said = self._passwords[name] + "\n"
        self.run("kinit", *options, "-c", f"{kind}:{cache}", name, said=said)
        return cache

    def expired(self, account: Account) -> Path:
        """A ticket that was good for a second."""
        cache = self.ticket(account, "-f", "-l", "1s")

        def over() -> bool:
            return subprocess.run(["klist", "-s", "-c", f"FILE:{cache}"]).returncode != 0

        wait_until(over, 10, "the ticket does not expire")
        return cache


@pytest.fixture
def kdc(monkeypatch: pytest.MonkeyPatch) -> Iterator[Kdc]:
    """A KDC that runs, known to all that the test starts."""
    where = Path(tempfile.mkdtemp(prefix="realm"))
    where.chmod(0o711)
    one = Kdc(where)
    for name, value in one.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("KRB5CCNAME", raising=False)
    try:
        one.create()
        one.start()
        yield one
    finally:
        one.stop()
        shutil.rmtree(where)


@pytest.fixture
def gss_node(kdc: Kdc, tmp_path: Path) -> Iterator[Sshd]:
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


GSSAPI = """
c.SSHSpawner.ssh_client_keys = []
c.SSHSpawner.ssh_gssapi = True
"""


@pytest.fixture
def gss_hub(hub: Callable[..., Hub], kdc: Kdc, gss_node: Sshd) -> Callable[..., Hub]:
    """Starts hubs that sign in to the node with tickets of the users' own."""

    def make(config: str = "", kind: str = "FILE", gss_host: str = "localhost") -> Hub:
        store = f"{kind}:{kdc.where}/cc_{{username}}"
        lines = [f"c.SSHSpawner.ssh_gss_store = {store!r}"]
        if gss_host:
            lines += [f"c.SSHSpawner.hosts[0]['gss_host'] = {gss_host!r}"]
        return hub(GSSAPI + "\n".join(lines) + "\n" + config, node=gss_node)

    return make
