"""A server's life against a stock sshd and a real hub."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable

import pytest
from machinery import Account, Hub, wait_until

pytestmark = pytest.mark.sshd


def test_start_use_stop(hub: Callable[..., Hub], account: Callable[..., Account]) -> None:
    """Source: Spawner.start/stop, "return when the process is no longer running"."""
    alice = account()
    one = hub()
    one.spawn(alice.name)
    state = one.state(alice.name)
    url = f"http://{state['address']}:{state['port']}/user/{alice.name}/api"
    with urllib.request.urlopen(url, timeout=10) as reply:
        assert b"version" in reply.read()
    assert state["pid"] in alice.processes("jupyterhub-singleuser")
    one.stop(alice.name)
    wait_until(lambda: not alice.processes(), message=lambda: f"left: {alice.processes()}")
