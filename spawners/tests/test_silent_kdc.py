"""A KDC that takes packets and connections and never answers, beside a real hub and a real sshd."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd
from realm import NEEDS_KDC, REALM, Kdc

pytestmark = [pytest.mark.sshd, NEEDS_KDC]
CONFIG = """
c.SSHSpawner.ssh_gssapi = c.SSHSpawner.ssh_gss_delegate = True
c.SSHSpawner.ssh_gss_store = "FILE:{where}/cc_{{username}}"
c.SSHSpawner.connect_timeout = 10
c.SSHSpawner.host_retry_limit = 0
c.JupyterHub.concurrent_spawn_limit = 0
c.SSHSpawner.hosts = [{{"name": "node1", "address": "localhost", "port": {port}}}]
def by_key(spawner):
    if spawner.user.name == {by_key!r}:
        spawner.ssh_gssapi = spawner.ssh_gss_delegate = False
c.Spawner.pre_spawn_hook = by_key
"""
MANY = 12
"""More than asyncio has threads for names: four and one for each processor, on a machine of eight
(``concurrent.futures.ThreadPoolExecutor``)."""


@pytest.fixture
def liberal(kdc: Kdc, tmp_path: Path) -> Iterator[Sshd]:
    """An sshd that takes keys and tickets."""
    (tmp_path / "liberal").mkdir()
    server = Sshd(tmp_path / "liberal", "GSSAPIAuthentication yes\nGSSAPIStrictAcceptorCheck no\n")
    server.start()
    yield server
    server.cut()


def test_it_costs_one_wait_and_holds_up_nobody_else(
    hub: Callable[..., Hub], account: Callable[..., Account], kdc: Kdc, liberal: Sshd
) -> None:
    """libkrb5 waits for half a minute (its sendto_kdc.c), a minute if it delegates, and
    cannot be ended. The hub stops waiting after ``connect_timeout``, and can end meanwhile.

    The host has a name, which is looked up in the threads that asyncio has for all.
    """
    waiting, later, by_key = [account() for _ in range(MANY)], account(), account()
    for user in (*waiting, later):
        cache = kdc.ticket(user, "-f")
        kdc.run("kvno", "-c", f"FILE:{cache}", "host/localhost")
    config = CONFIG.format(where=kdc.where, port=liberal.port, by_key=by_key.name)
    one = hub(TINY + config, node=liberal)
    with kdc.silent():
        for user in waiting:
            one.request_start(user.name)
        one.spawn(by_key.name, timeout=60)
        assert all(one.server(user.name) for user in waiting)  # they wait still
        for user in waiting:
            told = one.wait_failed(user.name)
            assert f"the Kerberos server (KDC) of {REALM} did not answer" in told
        assert one.log.read_text().count("within 10 s (SSHSpawner.connect_timeout)") >= 1
        one.request_start(later.name)
        assert "did not answer a moment ago" in one.wait_failed(later.name)
        one.stop(by_key.name)
        # The threads hang for 54 s from their start, which is a dozen of them ago.
        one.kill(signal.SIGTERM, patience=20)
    assert liberal.log.read_text().count("Accepted ") == 1
