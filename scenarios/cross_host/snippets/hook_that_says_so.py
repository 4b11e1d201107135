# ruff: noqa: F821
"""A hook that leaves a line in the hub's log."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab


def said(spawner: Any) -> None:
    """One line for each server that was stopped, or found to have ended."""
    spawner.log.info("post_stop_hook ran for %s", spawner._log_name)


c.Spawner.post_stop_hook = said
