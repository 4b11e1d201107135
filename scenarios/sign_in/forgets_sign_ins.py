"""Breaks scenarios for --sabotage: single-user servers that remember no sign-in that was begun."""

from typing import Any

from jupyterhub.services.auth import HubOAuth  # type: ignore[import-untyped]


def forgotten(auth: Any, state_id: str, /) -> dict[str, Any]:
    return {}


HubOAuth._decode_state = forgotten
