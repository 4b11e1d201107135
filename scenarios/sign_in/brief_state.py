# ruff: noqa: F821
"""Single-user servers that remember a sign-in that was begun for two seconds."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

c.HubOAuth.oauth_state_max_age = 2
