"""Apply the settings of a case to the configuration of JupyterHub or Jupyter Server.

hublab writes /etc/hublab/settings.json, {"Class": {"trait": value}}, and snippet.py for values that
JSON cannot express. A string is passed to the trait like text from a command line, so that the
trait parses it (traitlets: DeferredConfigString).
"""

import json
from pathlib import Path
from typing import Any

from traitlets.config import Config
from traitlets.config.loader import DeferredConfigString

SETTINGS = Path("/etc/hublab/settings.json")
SNIPPET = Path("/etc/hublab/snippet.py")


def apply(config: Config) -> None:
    """Apply the case's settings, then its snippet, to the base configuration."""
    if SETTINGS.exists():
        for class_name, traits in json.loads(SETTINGS.read_text()).items():
            for trait, value in traits.items():
                config[class_name][trait] = as_trait_value(value)
    if SNIPPET.exists():
        exec(compile(SNIPPET.read_text(), str(SNIPPET), "exec"), {"c": config})


def as_trait_value(value: Any) -> Any:
    """Convert a JSON value for a trait: the trait parses text when it reads it."""
    return DeferredConfigString(value) if isinstance(value, str) else value
