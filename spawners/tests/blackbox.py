"""Which spawner the black-box cases are about: ours, JupyterHub's simple one, or anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from machinery import TINY

SIMPLE = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
c.SimpleLocalProcessSpawner.home_dir_template = "/home/{username}"
"""


@dataclass(frozen=True)
class Subject:
    """A spawner under test: the lines that configure it. Servers start in the user's home."""

    config: str

    @classmethod
    def named(cls, name: str, config_file: str = "") -> Subject:
        """``ssh``, ``simple``, or a class with a file of configuration of its own."""
        more = Path(config_file).read_text() if config_file else ""
        cmd = TINY.replace("c.SSHSpawner.cmd", "c.Spawner.cmd")
        if name == "ssh":
            return cls(TINY + more)
        if name == "simple":
            return cls(SIMPLE + cmd + more)
        return cls(f"c.JupyterHub.spawner_class = {name!r}\n{cmd}{more}")
