# ruff: noqa: F821
"""Single-user servers that keep what the hub says of a token for 8 s, in place of five minutes."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

c.HubOAuth.cache_max_age = 8
