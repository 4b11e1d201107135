# ruff: noqa: F821
"""Single-user servers that send no proof of the code (PKCE), as all did before JupyterHub 6."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

c.HubOAuth.pkce_enabled = False
