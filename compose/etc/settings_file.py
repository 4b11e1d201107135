"""Bring the settings of a case into a configuration file of JupyterHub or Jupyter Server.

hublab writes /etc/hublab/settings.json, {"Class": {"trait": value}}, and snippet.py for
what JSON cannot say. A string is handed to the trait as text from a command line would
be, so that the trait itself decides what it means (traitlets: DeferredConfigString).
"""

import json
from pathlib import Path
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import DeferredConfigString

SETTINGS = Path("/etc/hublab/settings.json")
SNIPPET = Path("/etc/hublab/snippet.py")


def apply(config: Config) -> None:
    """Lay the case's settings, then its snippet, over the base configuration."""
    if SETTINGS.exists():
        for class_name, traits in json.loads(SETTINGS.read_text()).items():
            for trait, value in traits.items():
                config[class_name][trait] = as_trait_value(value)
    if SNIPPET.exists():
        exec(compile(SNIPPET.read_text(), str(SNIPPET), "exec"), {"c": config})


def as_trait_value(value: Any) -> Any:
    """A JSON value as a trait takes it: text stays undecided until the trait reads it."""
    return DeferredConfigString(value) if isinstance(value, str) else value
