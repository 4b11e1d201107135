"""What the spawner itself decides, without a node: its ways out when something fails."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import pytest

from jupyterhub_sshspawner import SSHSpawner
from jupyterhub_sshspawner.errors import LaunchFailed, Unreachable
from jupyterhub_sshspawner.state import Instance


def made(**settings: Any) -> Any:
    """A spawner of the user bob, with a server on node1."""
    spawner: Any = SSHSpawner(user=SimpleNamespace(name="bob"), **settings)
    spawner.log = logging.getLogger("jupyterhub")
    spawner._state.current = Instance(instance="i", host="node1", username="bob")
    return spawner


def test_the_cleanup_does_not_replace_the_error(caplog: pytest.LogCaptureFixture) -> None:
    """A callable that raises anything is asked again when what was started is ended."""

    def keys(spawner: object) -> list[str]:
        raise RuntimeError("the vault is sealed")

    spawner = made(ssh_client_keys=keys)

    async def fail() -> tuple[str, int]:
        raise LaunchFailed("the server did not listen in time")

    spawner._start = fail
    with pytest.raises(Exception, match="did not listen"):
        asyncio.run(spawner.start())
    assert "the vault is sealed" in caplog.text
    assert spawner._gone is None  # so that JupyterHub calls stop


def test_a_cleanup_that_is_cancelled_leaves_nothing_behind() -> None:
    """Whoever cancels ends it; JupyterHub calls stop, which begins anew."""
    spawner = made()

    async def fail() -> tuple[str, int]:
        raise LaunchFailed("the server did not listen in time")

    async def forever(instance: Instance) -> None:
        await asyncio.sleep(1000)

    spawner._start, spawner._node_of, spawner._asked = fail, forever, True

    async def story() -> set[asyncio.Task[Any]]:
        start = asyncio.ensure_future(spawner.start())
        await asyncio.sleep(0.01)
        start.cancel()
        with pytest.raises(Exception, match="called off"):
            await start
        return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]

    assert asyncio.run(story()) == set()
    assert spawner._gone is None


@pytest.mark.parametrize(("pending", "asked"), [(True, 0), (False, 1)])
def test_a_poll_before_a_stop_does_not_ask_the_node(pending: bool, asked: int) -> None:
    """``User.stop`` polls, and stops if that is None (user.py): the stop finds out as well."""
    spawner = made()
    spawner._stop_pending = pending
    questions: list[Instance] = []

    async def node_of(instance: Instance) -> None:
        questions.append(instance)
        raise Unreachable("node1 is away")

    spawner._node_of = node_of
    assert asyncio.run(spawner.poll()) is None
    assert len(questions) == asked
