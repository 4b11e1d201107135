"""Nodes with an IPv6 address beside those with IPv4: servers listen where they are asked.

Tornado (netutil.py, ``bind_sockets``) listens on one family for 0.0.0.0 and ::, on both for ''.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd

from jupyterhub_sshspawner.launcher.listening import listeners

pytestmark = pytest.mark.sshd


@pytest.fixture
def v6(tmp_path: Path) -> Iterator[Sshd]:
    """A node that has IPv6 alone."""
    (tmp_path / "v6").mkdir()
    node = Sshd(tmp_path / "v6", address="::1")
    node.start()
    yield node
    node.cut()


@pytest.fixture
def both(hub: Callable[..., Hub], v6: Sshd, sshd: Sshd, tmp_path: Path) -> Callable[..., Hub]:
    """A hub with a node of each family, which the user chooses."""
    known = tmp_path / "known"
    known.write_text(sshd.known_hosts.read_text() + v6.known_hosts.read_text())
    config = (
        f"c.SSHSpawner.known_hosts = '{known}'\nc.SSHSpawner.host_policy = 'user-choice'\n"
        f"c.SSHSpawner.hosts.append({{'name': 'v6', 'address': '::1', 'port': {v6.port}}})\n"
    )
    return lambda more="": hub(config + more)


@pytest.mark.report("jupyterhub/jupyterhub#4985")
def test_nodes_of_both_families_with_defaults(
    both: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """One user, on each in turn, and after a restart of the hub."""
    alice = account()
    one = both(TINY)
    for host, ip in (("v6", "[::]"), ("node1", "0.0.0.0"), ("v6", "[::]")):
        one.spawn(alice.name, options={"host": host})
        url = alice.environment()[b"JUPYTERHUB_SERVICE_URL"].decode()
        assert url.startswith(f"http://{ip}:")
        one.kill()
        one.start()
        one.wait_ready(alice.name)
        one.stop(alice.name)
    alice.check_gone()


@pytest.mark.report("jupyterhub/jupyterhub#4985")
def test_an_address_that_fits_one_family_is_named(
    both: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """jupyterhub#4985: it was "didn't respond in 30 seconds"."""
    alice = account()
    one = both(TINY + "c.Spawner.ip = '0.0.0.0'\n")
    one.request_start(alice.name, options={"host": "v6"})
    told = one.wait_failed(alice.name)
    assert "Spawner.ip is 0.0.0.0" in told
    assert "listen on IPv4 alone" in told
    assert "connect to ::1" in told
    one.spawn(alice.name, options={"host": "node1"})


@pytest.mark.parametrize("config", ["c.Spawner.ip = ''\n", ""])
def test_a_name_that_leads_to_both_families(
    hub: Callable[..., Hub], account: Callable[..., Account], config: str
) -> None:
    """Whoever connects may take either: a real server listens on both, at one port."""
    alice = account()
    one = hub(config + "c.SSHSpawner.connect_address = 'localhost'\n")
    one.spawn(alice.name)
    assert len(listeners(one.state(alice.name)["port"])) == 2
    one.stop(alice.name)
