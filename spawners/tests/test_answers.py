"""Answers that come late, or that say less than they seem to; no node is asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from jupyterhub_sshspawner import SSHSpawner
from jupyterhub_sshspawner.errors import LaunchFailed
from jupyterhub_sshspawner.exchange.protocol import Reply
from jupyterhub_sshspawner.state import Instance

OLD, NEW = Instance("old", "node1"), Instance("new", "node1")
REQUEST: dict[str, Any] = {"env": {}, "files": []}


@pytest.fixture
def spawner() -> Any:
    one: Any = SSHSpawner()
    one._state.current = OLD
    return one


@pytest.mark.parametrize("reply", [Reply("exited", returncode=3), Reply("absent")])
def test_a_late_answer_is_not_about_the_next_server(
    spawner: Any, reply: Reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A poll on a slow connection comes back when its server was stopped and another started."""

    async def ask(*about: Any) -> Reply:
        spawner._state.current = NEW
        return reply

    monkeypatch.setattr("jupyterhub_sshspawner.spawner.ask_status", ask)
    assert asyncio.run(spawner.poll()) is None
    assert spawner._gone is None


def test_a_late_failure_is_not_about_the_next_server(
    spawner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(*about: Any) -> Reply:
        spawner._state.current = NEW
        raise OSError

    monkeypatch.setattr("jupyterhub_sshspawner.spawner.ask_status", ask)
    spawner.unreachable_limit = 1
    assert asyncio.run(spawner.poll()) is None


@pytest.mark.parametrize(
    ("kind", "ended"), [("exit", True), ("launcher", False), ("other-node", False)]
)
def test_a_launcher_that_broke_down_may_have_left_a_server(
    spawner: Any, kind: str, ended: bool
) -> None:
    """What the launcher reports in order it has seen to; after a fault of its own, we must."""
    with pytest.raises(LaunchFailed):
        spawner._process_of(Reply("failed", kind=kind, returncode=1), REQUEST)
    assert (spawner._gone is not None) == ended
