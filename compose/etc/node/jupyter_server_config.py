"""Single-user servers on a node: Jupyter's own defaults, then the settings of the case."""

import sys

sys.path.insert(0, "/opt/hublab")
import settings_file

settings_file.apply(get_config())  # noqa: F821
