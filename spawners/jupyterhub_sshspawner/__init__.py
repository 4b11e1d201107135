"""Start JupyterHub single-user servers on other machines over SSH."""

from .spawner import SSHSpawner

__all__ = ["SSHSpawner"]
__version__ = "0.1.0.dev0"
