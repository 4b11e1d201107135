"""Ways between hub and node: failover, tunnels, jump hosts, internal_ssl, the user's choice."""

from __future__ import annotations

import json
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupyterhub
import pytest
from machinery import TINY, Account, Hub, Sshd, free_port, wait_until

pytestmark = pytest.mark.sshd


NOT_COUNTED = jupyterhub.version_info[0] >= 6  # before, the hub counts every failed spawn


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return bytes(reply.read())


def test_an_unreachable_host_is_passed_over(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Failover; the host cools down, so that the next start does not try it first."""
    alice, bob = account(), account()
    one = hub(TINY + f"c.SSHSpawner.hosts.insert(0, {{'name': 'dead', 'address': '127.0.0.1', "
              f"'port': {free_port()}}})\nc.SSHSpawner.host_policy = 'first'\n")  # fmt: skip
    one.spawn(alice.name)
    assert one.state(alice.name)["host"] == "node1"
    assert one.log.read_text().count("ConnectionRefusedError") == 1
    one.spawn(bob.name)
    assert one.log.read_text().count("ConnectionRefusedError") == 1


def test_no_host_reachable(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    alice = account()
    one = hub(TINY + f"c.SSHSpawner.hosts = [{{'name': 'dead', 'address': '127.0.0.1', "
              f"'port': {free_port()}}}]\n")  # fmt: skip
    one.request_start(alice.name)
    assert "dead cannot be reached" in one.wait_failed(alice.name)


def test_room_is_counted_again_after_a_failover(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Two wait for a host that does not answer; there is room for one of them on the next."""
    alice, bob = account(), account()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        dead = {"name": "dead", "address": "127.0.0.1", "port": silent.getsockname()[1]}
        one = hub(
            TINY + "c.SSHSpawner.hosts[0]['max_servers'] = 1\n"
            f"c.SSHSpawner.hosts.insert(0, {dead})\n"
            "c.SSHSpawner.host_policy = 'first'\nc.SSHSpawner.connect_timeout = 2\n"
        )
        for user in (alice, bob):
            one.request_start(user.name)
        wait_until(
            lambda: sorted(outcome(one, user) for user in (alice, bob)) == ["failed", "ready"]
        )
        assert "not signed in after 2 s (SSHSpawner.connect_timeout)" in one.log.read_text()


def outcome(one: Hub, user: Account) -> str:
    server = one.server(user.name)
    return ("ready" if server["ready"] else "pending") if server else "failed"


@pytest.fixture
def named() -> Iterator[Callable[[str, str], None]]:
    """Gives an address a name, as a name service would; the last one given counts."""
    hosts = Path("/etc/hosts")
    before = hosts.read_text()
    yield lambda name, address: void(hosts.write_text(f"{before}\n{address} {name}\n"))
    hosts.write_text(before)


def void(value: object) -> None:
    """For a callable whose value nobody wants."""


@pytest.mark.report("NERSC/sshspawner#18", "KrisDavie/SSHSpawner@ea1ecaf")
def test_a_name_that_leads_to_another_machine(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    named: Callable[[str, str], None],
    tmp_path: Path,
) -> None:
    """sshspawner#18, #38: a host behind a load balancer. What the second machine says of a server
    on the first, "there is none", would end it."""
    alice, bob = account(), account()
    port = free_port()
    nodes = []
    for number in (2, 3):
        (tmp_path / f"node{number}").mkdir()
        nodes.append(Sshd(tmp_path / f"node{number}", address=f"127.0.0.{number}", port=port))
        nodes[-1].start()
    first, second = nodes
    known = tmp_path / "known"
    known.write_text("".join(f"[cluster.test]:{port} {node.public}\n" for node in nodes))
    named("cluster.test", "127.0.0.2")
    try:
        one = hub(
            TINY + f"c.SSHSpawner.known_hosts = '{known}'\nc.SSHSpawner.hosts = "
            f"[{{'name': 'cluster', 'address': 'cluster.test', 'port': {port}}}]\n"
        )
        one.spawn(alice.name)
        assert one.state(alice.name)["address"] == "127.0.0.2"
        named("cluster.test", "127.0.0.3")
        first.cut()
        wait_until(lambda: "Cannot tell whether" in one.log.read_text())
        one.spawn(alice.name, "second")
        assert one.state(alice.name, "second")["address"] == "127.0.0.3"
        first.start()
        one.stop(alice.name)
        assert first.accepted(alice.name) == 2
        assert second.accepted(alice.name) == 1
        one.stop(alice.name, "second")
        alice.check_gone()
        one.spawn(bob.name)
        assert (first.accepted(bob.name), second.accepted(bob.name)) == (0, 1)
    finally:
        for node in nodes:
            node.cut()


CHOICE = """
c.SSHSpawner.host_policy = "user-choice"
c.SSHSpawner.hosts.append(dict(c.SSHSpawner.hosts[0], name="<b>node2</b>"))
"""
HOSTILE = [
    {"host": "-v"}, {"host": "node1; true"}, {"host": {"name": "x"}}, {"host": 5}, {"host": True},
    {"host": ["node1", "node1"]}, {"host": "x" * 300}, {"host": "\n"}, {"host": "$HOME"},
]  # fmt: skip


def test_the_users_choice(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """By REST, valid or not; without a choice the policy is round-robin (row 10)."""
    alice = account()
    one = hub(TINY + CHOICE + "c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 10}\n"
              + ("c.Spawner.consecutive_failure_limit = 2\n" * NOT_COUNTED))  # fmt: skip
    for options in HOSTILE:
        status, reply = one.request_start(alice.name, options=options)
        assert status == 400, (options, reply)
        assert "not available" in str(reply)
    assert not (alice.home / "environment").exists()
    assert one.answers()
    one.spawn(alice.name, options={"host": "<b>node2</b>"})
    assert one.state(alice.name)["host"] == "<b>node2</b>"
    bob = account()
    one.spawn(bob.name)
    assert one.state(bob.name)["host"] == "node1"


def test_the_form_is_escaped(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    from http.cookiejar import CookieJar
    from urllib.parse import urlencode

    alice = account()
    one = hub(TINY + CHOICE)
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar := CookieJar()))
    base = f"http://127.0.0.1:{one.port}/hub"
    opener.open(f"{base}/login").read()
    xsrf = next(cookie.value for cookie in jar if cookie.name == "_xsrf")
    form = urlencode({"username": alice.name, "password": "x", "_xsrf": xsrf}).encode()
    opener.open(f"{base}/login?next=/hub/spawn", form).read()
    page = opener.open(f"{base}/spawn").read().decode()
    assert '<option value="&lt;b&gt;node2&lt;/b&gt;">&lt;b&gt;node2&lt;/b&gt;</option>' in page


@pytest.mark.report("jupyter-server/enterprise_gateway#243")
def test_a_tunnel(hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd) -> None:
    """The server is on the node's loopback; the local port survives a broken connection and a
    restart of the hub, so that the proxy's route stays right."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n", node=own_sshd)
    one.spawn(alice.name)
    state = one.state(alice.name)
    assert alice.environment()[b"JUPYTERHUB_SERVICE_URL"].startswith(b"http://127.0.0.1:")
    url = f"http://127.0.0.1:{state['local_port']}/user/{alice.name}/api"
    assert b"tiny" in fetch(url)
    assert state["local_port"] != state["port"]
    own_sshd.cut()
    with pytest.raises(OSError, match=r"closed|reset|timed out|refused"):
        fetch(url)
    own_sshd.start()
    assert b"tiny" in fetch(url)
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    assert one.state(alice.name)["local_port"] == state["local_port"]
    assert b"tiny" in fetch(url)
    one.stop(alice.name)
    with pytest.raises(OSError, match="refused"):
        fetch(url)  # EG#243: no listener is left


@pytest.mark.report("LLNL/SSHSpawner, ControlPath")
def test_one_tunnel_of_two_is_closed(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """Both are on one connection, which stays."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n")
    for name in ("one", "two"):
        one.spawn(alice.name, name)
    urls = [
        f"http://127.0.0.1:{one.state(alice.name, name)['local_port']}/user/{alice.name}/{name}/api"
        for name in ("one", "two")
    ]
    one.stop(alice.name, "one")
    assert b"tiny" in fetch(urls[1])
    with pytest.raises(OSError, match="refused"):
        fetch(urls[0])


def test_a_tunnel_that_cannot_listen_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The server runs by then: it is ended."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n"
              "c.SSHSpawner.tunnel_bind_ip = '192.0.2.1'\n")  # fmt: skip
    one.request_start(alice.name)
    assert "tunnel_bind_ip: cannot listen on 192.0.2.1" in one.wait_failed(alice.name)
    alice.check_gone()


def test_a_reverse_tunnel(
    hub: Callable[..., Hub], account: Callable[..., Account], own_sshd: Sshd
) -> None:
    """A real server finds the hub through SSH, before and after the connection was replaced, and
    after a restart of the hub, on the same port."""
    alice = account()
    one = hub(
        "c.SSHSpawner.reverse_tunnel = True\nc.Spawner.poll_interval = 1\n"
        "c.SSHSpawner.environment = {'JUPYTERHUB_ACTIVITY_INTERVAL': '1'}\n",
        node=own_sshd,
    )
    one.spawn(alice.name)
    port = one.state(alice.name)["hub_port"]
    assert port != one.port
    assert fetch(f"http://127.0.0.1:{port}/hub/api/").startswith(b'{"version"')
    own_sshd.cut()
    own_sshd.start()
    wait_until(lambda: reaches(port))
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    wait_until(lambda: reaches(port))
    seen = one.log.read_text().count(f"POST /hub/api/users/{alice.name}/activity")
    wait_until(lambda: one.log.read_text().count(f"{alice.name}/activity") > seen)
    one.stop(alice.name)
    wait_until(lambda: not reaches(port))


def test_a_reverse_tunnel_whose_port_is_taken_for_a_while(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The hub comes back, and somebody on the node has the port. The server runs, so that is no
    failed poll; each poll tries again, and the port's being free again is enough."""
    alice = account()
    one = hub(TINY + "c.SSHSpawner.reverse_tunnel = True\nc.Spawner.poll_interval = 1\n")
    one.spawn(alice.name)
    port = one.state(alice.name)["hub_port"]
    one.kill()
    wait_until(lambda: not reaches(port))
    with socket.create_server(("127.0.0.1", port)):
        one.start()
        one.wait_ready(alice.name)
        wait_until(lambda: one.log.read_text().count("Cannot open a tunnel of") >= 2)
        assert one.server(alice.name)["ready"]
    wait_until(lambda: reaches(port))
    assert "Cannot tell whether" not in one.log.read_text()
    one.stop(alice.name)
    wait_until(lambda: not reaches(port))


def reaches(port: int) -> bool:
    try:
        return b"version" in fetch(f"http://127.0.0.1:{port}/hub/api/")
    except OSError:
        return False


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


SLOW_HOSTS = """
import asyncio, os
async def hosts(spawner, entries=c.SSHSpawner.hosts):
    with open("asked", "a") as file:
        file.write("x")
    while not os.path.exists("told"):
        await asyncio.sleep(0.01)
    return entries
c.SSHSpawner.hosts = hosts
c.SSHSpawner.host_policy = "user-choice"
"""


def test_hosts_that_take_long_are_asked_for_once(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    alice = account()
    one = hub(TINY + SLOW_HOSTS)
    one.request_start(alice.name, options={"host": "node1"})
    wait_until((one.where / "asked").exists)
    with ThreadPoolExecutor() as pool:
        told = pool.submit(one.progress, alice.name)
        wait_until(lambda: "server/progress" in one.log.read_text())
        (one.where / "told").touch()
        assert "Asking which hosts there are" in told.result()
    one.wait_ready(alice.name)
    assert (one.where / "asked").read_text() == "x"
    one.stop(alice.name)
    one.request_start(alice.name, options={"host": "elsewhere"})
    assert "this host is not available" in one.wait_failed(alice.name)


@pytest.mark.parametrize(
    "hosts", ["lambda spawner: 1 / 0", "[{'name': 'node1', 'adress': 'x'}]", "[]"]
)
def test_an_administrator_s_mistake_is_not_the_user_s(
    hub: Callable[..., Hub], account: Callable[..., Account], hosts: str
) -> None:
    """jupyterhub, spawner.py, ``_run_apply_user_options``: what that raises is a 400."""
    alice = account()
    one = hub(TINY + f"c.SSHSpawner.host_policy = 'user-choice'\nc.SSHSpawner.hosts = {hosts}\n"
              "c.JupyterHub.tornado_settings = {'slow_spawn_timeout': 10}\n")  # fmt: skip
    status, reply = one.request_start(alice.name, options={"host": "node1"})
    assert status != 400, reply
    assert status >= 424  # JupyterHub before 6.0 gets what is below 500
    assert "SSHSpawner.hosts" in str(reply)


class SslHub(Hub):
    """A hub with internal_ssl, asked with a certificate of its own making."""

    def api(
        self, method: str, path: str, body: object = None, token: str = ""
    ) -> tuple[int, object]:
        where = self.where / "ssl/proxy-client/proxy-client"
        context = ssl.create_default_context(cafile=str(self.where / "ssl/hub-ca_trust.crt"))
        context.check_hostname = False
        context.load_cert_chain(f"{where}.crt", f"{where}.key")
        request = urllib.request.Request(
            f"https://127.0.0.1:{self.port}/hub/api{path}", method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=30, context=context) as reply:
                text = reply.read()
                return reply.status, json.loads(text) if text.startswith(b"{") else None
        except urllib.error.HTTPError as error:
            return error.code, None


@pytest.mark.parametrize("transport", ["direct", "tunnel"])
@pytest.mark.report("NERSC/sshspawner#41", "jupyterhub/batchspawner#192")
def test_internal_ssl(
    account: Callable[..., Account], sshd: Sshd, keys: Path, tmp_path: Path, transport: str
) -> None:
    """batchspawner#192: certificates for the chosen host, carried in the request, 0600, gone after
    stop. ``localhost`` is left out of them, so the host's own address must be in."""
    alice = account()
    one = SslHub(
        tmp_path / "ssl", sshd, keys / "hub",
        f"c.JupyterHub.internal_ssl = True\nc.SSHSpawner.transport = {transport!r}\n"
        "c.Spawner.ssl_alt_names_include_local = False\n"
        f"c.JupyterHub.internal_certs_location = '{tmp_path}/ssl/ssl'\n",
    )  # fmt: skip
    one.start()
    try:
        for name in ("", "second"):
            one.request_start(alice.name, name)
        for name in ("", "second"):
            one.wait_ready(alice.name, name)
        for name in ("", "second"):
            instance = one.state(alice.name, name)["instance"]
            found = list((alice.home / ".jupyterhub-ssh" / instance / "secrets").iterdir())
            assert len(found) == 3
            assert all(path.stat().st_mode & 0o077 == 0 for path in found)
        one.kill()
        one.start()
        one.wait_ready(alice.name)
        for name in ("second", ""):
            one.stop(alice.name, name)
        assert not list((alice.home / ".jupyterhub-ssh").glob("*/secrets"))
    finally:
        one.kill()
