"""Ways between hub and node: failover, tunnels, internal_ssl, the user's choice."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jupyterhub
import pytest
from machinery import TINY, Account, Hub, Sshd, free_port, wait_until
from ssl_hub import SslHub

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
