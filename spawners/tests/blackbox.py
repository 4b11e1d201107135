"""Which spawner the black-box cases are about: ours, JupyterHub's simple one, or anybody's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from machinery import SMALL, TINY

SIMPLE = """
from jupyterhub.spawner import SimpleLocalProcessSpawner
c.JupyterHub.spawner_class = SimpleLocalProcessSpawner
c.SimpleLocalProcessSpawner.home_dir_template = "/home/{username}"
"""


@dataclass(frozen=True)
class Subject:
    """A spawner under test: the lines that configure it. Servers start in the user's home."""

    config: str
    small: str
    """The same with the small server, whose arguments a test uses."""

    @classmethod
    def named(cls, name: str, config_file: str = "") -> Subject:
        """``ssh``, ``simple``, or a class with a file of configuration of its own."""
        more = Path(config_file).read_text() if config_file else ""
        if name == "ssh":
            return cls(TINY + more, SMALL + more)
        first = SIMPLE if name == "simple" else f"c.JupyterHub.spawner_class = {name!r}\n"
        config = first + SMALL.replace("c.SSHSpawner.cmd", "c.Spawner.cmd") + more
        return cls(config, config)
