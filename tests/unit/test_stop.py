"""A server that somebody else stops at the same time: it is awaited, whatever the hub answered."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from hublab.errors import HubError
from hublab.running.hub_api import refused
from hublab.running.live import LiveLab

STOPPING = {"pending": "stop", "ready": True}
READY = {"pending": None, "ready": True}


class Hub:
    """Refuses to stop a server, of which it then tells these models one after the other."""

    def __init__(self, status: int, *models: dict[str, Any] | None) -> None:
        self.status = status
        self.models = list(models)

    async def stop_server(self, user: str, name: str) -> int:
        raise refused("DELETE", f"users/{user}/server", self.status, {"message": "no"})

    async def server(self, user: str, name: str) -> dict[str, Any] | None:
        return self.models.pop(0) if len(self.models) > 1 else self.models[0]


def stop(hub: Any) -> float:
    live: Any = object.__new__(LiveLab)
    live._hub, live.journal, live.lab = hub, None, SimpleNamespace(name="lab")
    return asyncio.run(LiveLab.stop(live, "alice"))


@pytest.mark.parametrize(
    "models", [(None,), (STOPPING, None), ({"pending": None, "ready": False},)]
)
def test_stopped_by_another(models: tuple[dict[str, Any] | None, ...]) -> None:
    assert stop(Hub(500, *models)) < 5


@pytest.mark.parametrize(("status", "model"), [(500, READY), (403, STOPPING), (404, None)])
def test_a_refusal_stays_one(status: int, model: dict[str, Any] | None) -> None:
    with pytest.raises(HubError, match=f"the hub answered {status}: no"):
        stop(Hub(status, model))
