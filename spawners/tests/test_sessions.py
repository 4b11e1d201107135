"""Nodes whose sshd allows few sessions on a connection, or none (sshd_config(5), MaxSessions)."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from machinery import TINY, Account, Hub, Sshd, wait_until

pytestmark = pytest.mark.sshd

NAMES = ("s1", "s2", "s3", "s4")


@pytest.fixture
def narrow(tmp_path: Path) -> Callable[[int], Sshd]:
    """An sshd with so many sessions a connection."""

    def make(sessions: int) -> Sshd:
        where = tmp_path / f"max{sessions}"
        where.mkdir()
        node = Sshd(where, f"MaxSessions {sessions}\nLogLevel VERBOSE\n")
        node.start()
        return node

    return make


def at_once(one: Hub, user: Account, act: Callable[[str, str], object], names: list[str]) -> None:
    threads = [threading.Thread(target=act, args=(user.name, name)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.report("ronf/asyncssh#55")
def test_stops_at_once_leave_a_tunnel_alone(
    hub: Callable[..., Hub], account: Callable[..., Account], narrow: Callable[[int], Sshd]
) -> None:
    """Three stops on a node with MaxSessions 2: the fourth server's tunnel notices nothing, and no
    stop takes longer than a few of them in a row."""
    alice, node = account(), narrow(2)
    try:
        one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n", node=node)
        for name in NAMES:
            one.spawn(alice.name, name)
        port = one.state(alice.name, "s1")["local_port"]
        with socket.create_connection(("127.0.0.1", port), 60) as kept:
            kept.sendall(f"GET /user/{alice.name}/s1/api HTTP/1.1\r\nHost: x\r\n".encode())
            at_once(one, alice, one.stop, list(NAMES[1:]))
            kept.sendall(b"Connection: close\r\n\r\n")
            reply = b""
            while data := kept.recv(65536):
                reply += data
        assert reply.startswith(b"HTTP/1.")
        assert b"tiny" in reply
        text = one.log.read_text()
        assert "Cannot stop" not in text
        assert "orphan" not in text
        assert len(alice.servers()) == 1
    finally:
        node.cut()


@pytest.mark.parametrize("configured", [8, 1])
@pytest.mark.report("ronf/asyncssh#55")
def test_starts_at_once_where_there_is_one_session(
    hub: Callable[..., Hub],
    account: Callable[..., Account],
    narrow: Callable[[int], Sshd],
    configured: int,
) -> None:
    """All come up, with the default limit as with one that is equal to MaxSessions."""
    alice, node = account(), narrow(1)
    names = [f"n{number}" for number in range(9)]
    try:
        one = hub(
            TINY + f"c.SSHSpawner.max_sessions_per_connection = {configured}\n"
            "c.Spawner.poll_interval = 300\n",  # a poll would not wait for so many starts
            node=node,
        )
        for name in names:
            one.request_start(alice.name, name)
        for name in names:
            one.wait_ready(alice.name, name)
        refusals = node.log.read_text().count("no more sessions")
        text = one.log.read_text()
        if configured == 1:
            assert node.accepted(alice.name) == 1
            assert "refused a session" not in text
        else:
            assert refusals
            assert node.accepted(alice.name) <= 8
            assert "SSHSpawner.max_sessions_per_connection is 8, which MaxSessions" in text
        at_once(one, alice, one.stop, names)
        alice.check_gone()
        assert "Cannot" not in re.sub(r"Cannot connect to proxy.*", "", text)
    finally:
        node.cut()


def test_polls_after_a_restart_of_the_hub(
    hub: Callable[..., Hub], account: Callable[..., Account], narrow: Callable[[int], Sshd]
) -> None:
    alice, node = account(), narrow(2)
    try:
        one = hub(TINY + "c.SSHSpawner.transport = 'tunnel'\n", node=node)
        for name in NAMES:
            one.spawn(alice.name, name)
        one.kill()
        one.start()
        for name in NAMES:
            one.wait_ready(alice.name, name)
        assert "Cannot tell whether" not in one.log.read_text()
    finally:
        node.cut()


def test_a_node_without_sessions_is_named(
    hub: Callable[..., Hub], account: Callable[..., Account], narrow: Callable[[int], Sshd]
) -> None:
    """MaxSessions 0 allows forwarding alone."""
    alice, node = account(), narrow(0)
    try:
        one = hub(TINY, node=node)
        for _ in range(2):
            one.request_start(alice.name)
            told = one.wait_failed(alice.name)
            assert "MaxSessions" in told
            assert "max_sessions_per_connection" in told
            assert "cannot be reached" not in told
        wait_until(lambda: "no more sessions" in node.log.read_text())
        assert node.accepted(alice.name) == 2
        assert "orphan" not in one.log.read_text()
    finally:
        node.cut()


def test_sessions_that_are_full_of_what_hangs(
    hub: Callable[..., Hub], account: Callable[..., Account], narrow: Callable[[int], Sshd]
) -> None:
    """A poll that gave up leaves its shell on the node, which sshd counts until it ends: stops then
    go over another connection, and the tunnel stays on its own."""
    alice, node = account(), narrow(1)
    try:
        one = hub(
            TINY + "c.SSHSpawner.transport = 'tunnel'\nc.Spawner.poll_interval = 1\n"
            "c.SSHSpawner.poll_timeout = 2\n",
            node=node,
        )
        one.spawn(alice.name, "s1")
        port = one.state(alice.name, "s1")["local_port"]
        alice.write(".bashrc", "[ -e ~/went ] || { touch ~/went; sleep 7000; }\n")
        wait_until(lambda: "Cannot tell whether" in one.log.read_text())
        with socket.create_connection(("127.0.0.1", port), 60) as kept:
            kept.sendall(f"GET /user/{alice.name}/s1/api HTTP/1.1\r\nHost: x\r\n".encode())
            one.spawn(alice.name, "s2")
            kept.sendall(b"Connection: close\r\n\r\n")
            assert kept.recv(65536).startswith(b"HTTP/1.")
        assert alice.processes("sleep 7000")
        one.stop(alice.name, "s2")
    finally:
        node.cut()
