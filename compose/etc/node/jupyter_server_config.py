"""Single-user servers on a node: Jupyter's defaults, the user's own file, then the settings of the
case.
"""

import atexit
import gc
import sys
from pathlib import Path

# Python would search all of an ending server's objects for cycles: most of the time of a stop.
atexit.register(gc.freeze)

sys.path.insert(0, "/opt/hublab")
import own_server_config
import settings_file

c = get_config()  # noqa: F821
own_server_config.apply(c, Path("/etc/hublab/own_server_config.py"))
settings_file.apply(c)
