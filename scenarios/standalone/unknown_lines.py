# ruff: noqa: F821
"""A line that no version of JupyterHub has known."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

c.JupyterHub.nonsense = True
