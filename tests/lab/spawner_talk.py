# ruff: noqa: F821
"""For test_spawner_in_lab.py: a hub that says all it can, the SSH library included."""

import logging
from typing import Any

import asyncssh

c: Any  # what traitlets calls the configuration; given by the lab

c.JupyterHub.log_level = 10
c.Spawner.poll_interval = 1
c.SSHSpawner.trace = lambda name, info: print("TRACE", name, info, flush=True)
logging.basicConfig(level=logging.DEBUG)
asyncssh.set_log_level("DEBUG")
asyncssh.set_debug_level(2)
