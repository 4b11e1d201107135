"""What the base configuration of a running lab's hub sets, before any setting of a case."""

from __future__ import annotations

import json

from hublab.running.lab import Lab
from hublab.settings.image_software import PYTHON
from hublab.settings.secrets import masked

BASE = """
import json, sys
from pathlib import Path
sys.path.insert(0, "/opt/hublab")
import base_config
from traitlets.config import Config
c = Config()
base_config.apply(c, Path("/etc/hublab"))
print(json.dumps({f"{name}.{trait}": str(c[name][trait]) for name in c for trait in c[name]}))
"""


def base_values(lab: Lab) -> dict[str, str]:
    """`hub.CLASS.TRAIT` -> the value that the base configuration gives it, secrets hidden.

    Raises LabError where the hub's host cannot be asked.
    """
    values: dict[str, str] = json.loads(lab.output(lab.one("hub").service, PYTHON, "-c", BASE))
    return {f"hub.{key}": str(masked(key, value)) for key, value in values.items()}
