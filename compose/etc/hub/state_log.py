"""The lines from which hublab knows the hub's state, whatever the log's level leaves out.

The levels that are set stay in force for all other lines. Source: traitlets/config/application.py,
`get_default_logging_config`, over which `logging_config` is laid: the level is the handler's.
"""

import copy
import logging
import re
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import LazyConfigValue

STATE = re.compile(
    r"Running JupyterHub version|(?:Private )?Hub API (?:listening on|connect url)"
    r"|JupyterHub is now running"
)
APP = "JupyterHub"
NAME = "hublab"
"""Of the handler and of its filter."""


class State(logging.Filter):
    """Lets the lines of the hub's state pass, and no others."""

    def filter(self, record: logging.LogRecord) -> bool:
        return bool(STATE.match(str(record.msg)))


def apply(c: Config) -> None:
    """Add a handler for the state where the settings have no other that writes it."""
    given = logging_config(c)
    logger = given.setdefault("loggers", {}).setdefault(APP, {})
    names = list(logger.get("handlers", ["console"]))
    handlers = given.setdefault("handlers", {})
    console = level_of(handlers.get("console", {}).get("level", log_level(c)))
    least = level_of(logger.get("level", "DEBUG"))
    if "console" in names and max(console, least) <= logging.INFO:
        return
    if least > logging.INFO:  # what the logger held back, its handlers do now
        logger["level"] = "INFO"
        for name in names:
            own = handlers.setdefault(name, {})
            own["level"] = max(level_of(own.get("level", log_level(c))), least)
    logger["handlers"] = [*names, NAME]
    given.setdefault("filters", {})[NAME] = {"()": State}
    handlers[NAME] = {
        "class": "logging.StreamHandler",
        "stream": "ext://sys.stderr",
        "formatter": "console",
        "filters": [NAME],
    }
    c[APP].logging_config = given


def logging_config(c: Config) -> dict[str, Any]:
    """A copy of what the settings lay over the default; a class's own replaces its parent's."""
    for name in (APP, "Application"):
        if found := c.get(name, {}).get("logging_config"):
            whole = found.get_value({}) if isinstance(found, LazyConfigValue) else found
            return copy.deepcopy(dict(whole))
    return {}


def log_level(c: Config) -> Any:
    """The level that is set, INFO by default as a hub has it."""
    default = c.get("Application", {}).get("log_level", logging.INFO)
    return c.get(APP, {}).get("log_level", default)


def level_of(value: Any) -> int:
    """A level by its number or its name; INFO for one that the trait will refuse."""
    text = str(value).upper()
    found = int(text) if text.isdecimal() else logging.getLevelName(text)
    return found if isinstance(found, int) else logging.INFO
