"""How long work reports what it does: one line at a time, to whoever asked for it."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str], None]
