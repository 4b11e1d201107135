"""What any spawner should do, seen from outside. ``pytest tests/test_blackbox.py --spawner=simple``
shows what JupyterHub's SimpleLocalProcessSpawner does not; ``--spawner=module.Class
--spawner-config=FILE`` asks the same of any other."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing

import pytest
from blackbox import Subject
from machinery import Account, Hub, is_server, wait_until

pytestmark = pytest.mark.sshd

Hubs = Callable[..., Hub]
Accounts = Callable[..., Account]


@pytest.fixture
def subject(request: pytest.FixtureRequest) -> Subject:
    option = request.config.getoption
    return Subject.named(option("--spawner"), option("--spawner-config"))


@pytest.mark.report("NERSC/sshspawner#45")
def test_environment_is_exact(hub: Hubs, account: Accounts, subject: Subject) -> None:
    """sshspawner PR #45."""
    alice = account()
    value = 'it\'s "$HOME" `id`\n{"a": [1]}\t\U0001f680'
    one = hub(subject.config + f"c.Spawner.environment = {{'AWKWARD': {value!r}}}\n")
    one.spawn(alice.name)
    assert alice.environment()[b"AWKWARD"] == value.encode()


@pytest.mark.report("jupyterhub/batchspawner#253")
def test_an_early_exit_is_noticed_at_once(hub: Hubs, account: Accounts, subject: Subject) -> None:
    """batchspawner#253."""
    alice = account()
    one = hub(subject.small + "c.Spawner.args = ['--exit']\n")
    one.request_start(alice.name)
    began = time.monotonic()
    wait_until(lambda: not one.server(alice.name))
    assert time.monotonic() - began < 15  # and not the hub's timeouts, a minute and more


def test_an_early_exit_is_explained(hub: Hubs, account: Accounts, subject: Subject) -> None:
    """jupyterhub#4003: the timeout hides the spawner's error."""
    alice = account()
    one = hub(subject.small + "c.Spawner.args = ['--exit']\n")
    one.request_start(alice.name)
    assert "flux capacitor" in one.progress(alice.name)


@pytest.mark.report("KrisDavie/SSHSpawner@1f5a7a7")
def test_stop_ends_all_that_a_server_started(
    hub: Hubs, account: Accounts, subject: Subject
) -> None:
    """sshspawner 1f5a7a7."""
    alice = account()
    one = hub(subject.small + "c.Spawner.args = ['--children']\n")
    one.spawn(alice.name)
    wait_until(lambda: len(alice.running()) >= 4)
    one.stop(alice.name)
    left = alice.running()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


@pytest.mark.report("jupyterhub/kubespawner#786")
def test_a_restart_of_the_hub_keeps_the_server(
    hub: Hubs, account: Accounts, subject: Subject
) -> None:
    """core#824."""
    alice = account()
    one = hub(subject.config)
    one.spawn(alice.name)
    before = set(alice.running())
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    assert before <= set(alice.running())
    one.stop(alice.name)


def test_a_hub_killed_during_a_start_doubles_nothing(
    hub: Hubs, account: Accounts, subject: Subject
) -> None:
    """core#819: an orphan, because the state was not yet saved."""
    alice = account()
    one = hub(subject.config)
    one.request_start(alice.name)
    wait_until(lambda: any(is_server(line) for line in alice.running().values()))
    one.kill()
    one.start()
    wait_until(lambda: one.server(alice.name).get("ready", not one.server(alice.name)))
    if not one.server(alice.name):
        one.spawn(alice.name)
    servers = [pid for pid, line in alice.running().items() if is_server(line)]
    one.stop(alice.name)
    left = alice.running()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert len(servers) == 1
    assert not left


def test_the_token_ends_with_the_server(hub: Hubs, account: Accounts, subject: Subject) -> None:
    """User.stop (6.1.1) after a restart of the hub."""
    alice = account()
    one = hub(subject.config)
    one.spawn(alice.name)
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    one.stop(alice.name)
    with closing(sqlite3.connect(one.where / "hub.sqlite", timeout=10)) as db:
        notes = [row[0] for row in db.execute("select note from api_tokens")]
    assert f"Server at /user/{alice.name}/" not in notes


def test_a_zombie_is_noticed(hub: Hubs, account: Accounts, subject: Subject) -> None:
    """``kill(pid, 0)`` says that a zombie lives (LocalProcessSpawner after a restart)."""
    alice = account()
    one = hub(subject.config)
    one.spawn(alice.name)
    one.kill()
    one.start()
    one.wait_ready(alice.name)
    for pid, line in alice.running().items():
        if is_server(line):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not one.server(alice.name), 30)


@pytest.mark.report("jupyterhub/batchspawner#167")
def test_named_servers_have_their_own_ports(hub: Hubs, account: Accounts, subject: Subject) -> None:
    """batchspawner PR #167."""
    alice = account()
    one = hub(subject.config)
    for name in ("one", "two"):
        one.request_start(alice.name, name)
    for name in ("one", "two"):
        one.wait_ready(alice.name, name)
    urls = [alice.environment(name)[b"JUPYTERHUB_SERVICE_URL"] for name in ("one", "two")]
    assert len({url.split(b":")[2] for url in urls}) == 2
    for name in ("one", "two"):
        one.stop(alice.name, name)
