"""A quieter hub log that still has the lines from which hublab knows the hub's state."""

import logging
import re
from typing import Any

from traitlets.config import Config

STATE = re.compile(
    r"Running JupyterHub version|(?:Private )?Hub API (?:listening on|connect url)"
    r"|JupyterHub is now running"
)


class Quiet(logging.Filter):
    """Lets records of a level pass, and those that tell of the hub's start."""

    def __init__(self, level: int) -> None:
        super().__init__()
        self.level = level

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self.level or bool(STATE.match(str(record.msg)))


def level_of(value: Any) -> int:
    """A level by its number or its name; INFO for one that the trait will refuse."""
    text = str(value)
    found = int(text) if text.isdecimal() else logging.getLevelName(text)
    return found if isinstance(found, int) else logging.INFO


def apply(c: Config) -> None:
    """Where a level above INFO is set, keep it for all lines but those of the hub's state."""
    for name in ("JupyterHub", "Application"):
        level = level_of(c.get(name, {}).get("log_level", logging.INFO))
        if level > logging.INFO:
            c[name].log_level = logging.INFO
            c.JupyterHub.logging_config = {
                "filters": {"hublab": {"()": Quiet, "level": level}},
                "handlers": {"console": {"filters": ["hublab"]}},
            }
