"""Start JupyterHub single-user servers on other machines over SSH."""

__version__ = "0.1.0.dev0"

from .server.prewarming import prewarm_after_sign_in
from .spawner import SSHSpawner

__all__ = ["SSHSpawner", "prewarm_after_sign_in"]
