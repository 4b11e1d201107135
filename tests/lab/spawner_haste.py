# ruff: noqa: F821
"""For test_spawner_in_lab.py: a hub that polls often and gives up soon, for short cuts."""

from typing import Any

c: Any  # what traitlets calls the configuration; given by the lab

c.JupyterHub.cleanup_servers = False
c.Spawner.poll_interval = 1
c.Spawner.start_timeout = 40
c.SSHSpawner.connect_timeout = 2.0
c.SSHSpawner.command_timeout = 3.0
c.SSHSpawner.poll_timeout = 2.0
c.SSHSpawner.keepalive_interval = 1.0
c.SSHSpawner.stop_timeout = 2.0
c.SSHSpawner.trace = lambda name, info: print("TRACE", name, flush=True)
