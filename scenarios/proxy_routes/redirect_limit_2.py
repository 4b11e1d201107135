# ruff: noqa: F821
"""The hub ends a loop of redirects after two turns instead of four: 2 s of waiting, not 14."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

c.JupyterHub.tornado_settings = {"user_redirect_limit": 2}
