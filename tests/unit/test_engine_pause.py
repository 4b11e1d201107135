"""Freezing a frozen host is a usage error that names the host."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import docker.errors
import pytest

from hublab.engine import Engine
from hublab.engine.records import SERVICE
from hublab.errors import EngineError, HublabError, UsageError


class Api:
    """Refuses to pause, in words of the engine's."""

    def __init__(self, words: str) -> None:
        self.words = words

    def pause(self, container: str) -> None:
        raise docker.errors.APIError("409 Client Error", explanation=self.words)

    def inspect_container(self, container: str) -> dict[str, Any]:
        return {"Config": {"Labels": {SERVICE: "node1"}}}


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("Container 13b8aa is already paused", UsageError, "node1 is already frozen"),
        ("Container 13b8aa is not running", EngineError, "is not running"),
    ],
)
def test_what_cannot_be_frozen(words: str, kind: type[HublabError], said: str) -> None:
    engine = Engine(SimpleNamespace(api=Api(words)), "unix:///nowhere")
    with pytest.raises(kind, match=said):
        engine.pause("13b8aa")
