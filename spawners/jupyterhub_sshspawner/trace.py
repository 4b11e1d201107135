"""Steps of a spawner, told to whoever wants to know, as httpcore's ``trace`` extension does.

``SSHSpawner.trace`` gets ``(name, info)`` with names such as ``start.connect.started``,
``….complete`` and ``….failed``. No secrets are in ``info``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

Listener = Callable[[str, dict[str, Any]], None]


@contextmanager
def step(listener: Listener | None, name: str, **info: Any) -> Iterator[None]:
    """Tell that a step began, and how it ended."""
    if listener is None:
        yield
        return
    listener(f"{name}.started", info)
    try:
        yield
    except BaseException as error:
        listener(f"{name}.failed", {**info, "error": type(error).__name__})
        raise
    listener(f"{name}.complete", info)
