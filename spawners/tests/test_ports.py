"""Ports on the node (issue 4, rows 5 and 6)."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from machinery import BIN, TINY, Account, Hub, wait_until

pytestmark = pytest.mark.sshd

WAITS = """
import os, re, sys, time
port = re.search(r":(\\d+)/", os.environ["JUPYTERHUB_SERVICE_URL"])[1]
if not os.path.exists("go"):
    open("wanted.new", "w").write(port)
    os.rename("wanted.new", "wanted")
    while not os.path.exists("go"):
        time.sleep(0.01)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def spawn_past_a_squatter(one: Hub, alice: Account) -> int:
    """Take the port after the node has chosen it and before the server binds it."""
    wanted = alice.home / "wanted"
    one.request_start(alice.name)
    wait_until(wanted.exists)
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("0.0.0.0", int(wanted.read_text())))
        squatter.listen()
        squatter.settimeout(0)
        alice.write("go", "")
        one.wait_ready(alice.name)
        with pytest.raises(BlockingIOError):  # nobody has ever connected
            squatter.accept()
    return int(wanted.read_text())


@pytest.fixture
def taken() -> Iterator[Callable[[int], int]]:
    """Takes ports, and gives the first of a row of them."""
    with ExitStack() as stack:

        def take(count: int) -> int:
            for first in range(42000, 60000, count):
                row = []
                try:
                    for port in range(first, first + count):
                        sock = socket.socket()
                        row.append(sock)
                        sock.bind(("0.0.0.0", port))
                        sock.listen()
                except OSError:
                    for sock in row:
                        sock.close()
                    continue
                for sock in row:
                    stack.enter_context(sock)
                return first
            raise AssertionError("no free row of ports")

        yield take


@pytest.mark.report("jupyterhub/batchspawner#102")
def test_ports_are_in_the_range(
    hub: Callable[..., Hub], account: Callable[..., Account], taken: Callable[[int], int]
) -> None:
    """batchspawner#102, jupyterhub#5208: a firewall lets a range through; one of it is free."""
    alice = account()
    first = taken(5)
    one = hub(TINY + f"c.SSHSpawner.port_range = '{first}-{first + 5}'\n")
    one.spawn(alice.name)
    assert one.state(alice.name)["port"] == first + 5


@pytest.mark.report("jupyterhub/batchspawner#102")
def test_an_exhausted_range_is_a_clear_error(
    hub: Callable[..., Hub], account: Callable[..., Account], taken: Callable[[int], int]
) -> None:
    alice = account()
    first = taken(5)
    one = hub(TINY + f"c.SSHSpawner.port_range = '{first}-{first + 4}'\n")
    one.request_start(alice.name)
    assert f"no free port between {first} and {first + 4}" in one.wait_failed(alice.name)


def test_a_range_that_is_none_is_said_at_the_next_start(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The hub comes back with such a range: it starts, and servers that run are its own."""
    alice = account()
    one = hub(TINY)
    one.spawn(alice.name)
    one.kill()
    config = one.where / "jupyterhub_config.py"
    config.write_text(config.read_text() + "c.SSHSpawner.port_range = 'abc'\n")
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    alice.check_gone()
    assert one.request_start(alice.name)[0] == 202
    told = one.wait_failed(alice.name)
    assert "SSHSpawner.port_range must look like \\\"40000-40100\\\", not 'abc'" in told


@pytest.mark.report("jupyterhub/batchspawner#58")
def test_a_squatter_gets_no_request(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """For the hub any status below 500 counts as ready, a squatter's too (wait_for_http_server)."""
    alice = account()
    alice.write("waits.py", WAITS)
    one = hub(TINY.replace('"tiny_server.py"', '"waits.py", "tiny_server.py"'))
    squatted = spawn_past_a_squatter(one, alice)
    assert one.state(alice.name)["port"] != squatted


@pytest.mark.report("jupyterhub/batchspawner#58")
def test_a_squatter_on_a_real_server(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """The same with jupyterhub-singleuser, which ends when the port is taken (port_retries=0)."""
    alice = account()
    alice.write("waits.py", WAITS)
    one = hub(
        f"c.SSHSpawner.cmd = ['{sys.executable}', 'waits.py', '{BIN}/jupyterhub-singleuser']\n"
    )
    squatted = spawn_past_a_squatter(one, alice)
    assert one.state(alice.name)["port"] != squatted


@pytest.mark.report("NERSC/sshspawner#31")
def test_a_configured_port_is_used(
    hub: Callable[..., Hub], account: Callable[..., Account], taken: Callable[[int], int]
) -> None:
    """Core's trait ``Spawner.port``."""
    alice = account()
    port = taken(1) + 1
    one = hub(TINY + f"c.Spawner.port = {port}\n")
    one.spawn(alice.name)
    assert one.state(alice.name)["port"] == port


@pytest.mark.report("jupyterhub/batchspawner#167", "LLNL/SSHSpawner, ControlPath")
def test_named_servers_have_their_own_ports(
    hub: Callable[..., Hub], account: Callable[..., Account]
) -> None:
    """batchspawner PR #167: two named servers started together got each other's port."""
    alice = account()
    one = hub(TINY)
    for name in ("", "one", "two"):
        one.request_start(alice.name, name)
    for name in ("", "one", "two"):
        one.wait_ready(alice.name, name)
    states = [one.state(alice.name, name) for name in ("", "one", "two")]
    assert len({state["port"] for state in states}) == 3
    assert len({state["instance"] for state in states}) == 3
    one.stop(alice.name, "one")  # LLNL: stopping one cut the other's tunnel
    assert wait_until(lambda: one.server(alice.name, "two")["ready"])
    assert states[2]["pid"] in alice.processes()
